import * as Fs from "node:fs"
import { assert, describe, it } from "@effect/vitest"
import * as Effect from "effect/Effect"
import * as NetAddress from "effect/net/NetAddress"
import * as Network from "../../../../src/network/Network.ts"
import * as NodeNetwork from "../../../../src/network/node/NodeNetwork.ts"
import * as Cli from "../../../support/Cli.ts"
import { directory } from "../../../support/Directory.ts"
import { readAll } from "../../../support/Hosts.ts"

/** What a player that sends these lines is shown. */
const play = Effect.fnUntraced(
  function* ({ port }: { readonly port: number }, ...lines: ReadonlyArray<string>) {
    const network = yield* Network.Network
    const connection = yield* network.connect(NetAddress.inetAddressFromIpStringUnsafe("127.0.0.1", port))
    yield* connection.write(lines.map((line) => `${line}\n`).join(""))
    return `${yield* readAll(connection)}`
  },
  Effect.scoped,
  Effect.provide(NodeNetwork.layer)
)

const json = (...args: ReadonlyArray<string>) =>
  Effect.map(Cli.run([...args, "--json"]), ({ stderr, stdout }) => {
    assert.strictEqual(stderr, "")
    return JSON.parse(`${stdout}`)
  })

const models: ReadonlyArray<readonly [name: string, ...flags: ReadonlyArray<string>]> = [
  ["iterative"],
  ["select"],
  ["processes", "--pool", "1"],
  ["threads", "--threads", "2"]
]

describe("hangman serve and top", () => {
  it.live.each(models)("a game counts, with --model %s", ([name, ...flags]) =>
    Effect.gen(function* () {
      const { inRoot } = yield* directory({ words: "banana\n" })
      const files = ["--words", inRoot("words"), "--scores", inRoot("scores")]
      const server = yield* Cli.serve(["hangman", "serve", ...files, "--model", name, ...flags])
      assert.match(yield* play(server, "ann", "banana", "no"), /ann, your rank is 1 of 1/)
      assert.match(yield* play(server, "bob", "ananas", "quit"), /No, it is not ananas/)
      yield* server.kill("SIGTERM")
      assert.strictEqual((yield* server.ended).code, 0)
      assert.match(Fs.readFileSync(inRoot("scores"), "utf8"), /"name":"ann"/)
    }).pipe(Effect.scoped)
  )

  it.live("top is a table, and says what is wrong with a file", () =>
    Effect.gen(function* () {
      const { inRoot } = yield* directory({ words: "banana\n", other: "something else\n" })
      const scores = inRoot("scores")
      const server = yield* Cli.serve(["hangman", "serve", "--words", inRoot("words"), "--scores", scores])
      for (const name of ["ann", "bob", "ann"]) yield* play(server, name, "x", "banana", "no")
      const { stdout } = yield* Cli.run(["hangman", "top", "127.0.0.1", "--port", `${server.port}`])
      assert.strictEqual(
        `${stdout}`,
        "3 games, 3 won, 2 players\nrank  wins  games  wrong  name\n" +
          "   1     2      2      2  ann\n   2     1      1      1  bob\n"
      )
      const best = [
        { name: "ann", games: 2, wins: 2, wrong: 2 },
        { name: "bob", games: 1, wins: 1, wrong: 1 }
      ]
      const expected = { games: 3, wins: 3, players: 2, best }
      assert.deepStrictEqual(yield* json("hangman", "top", "--scores", scores), expected)
      assert.deepStrictEqual(yield* json("hangman", "top", "127.0.0.1", "--port", `${server.port}`), expected)
      for (const [file, line] of [
        [inRoot("none"), `effect-inet: ${inRoot("none")}: no such file\n`],
        [inRoot("other"), `effect-inet: ${inRoot("other")}: not a scoreboard: its first line is not that of one\n`]
      ] as const) {
        assert.deepInclude(yield* Cli.run(["hangman", "top", "--scores", file]), { code: 1, stderr: line })
      }
    }).pipe(Effect.scoped)
  )

  it.live("lives, seed and difficulty are followed, also from the environment", () =>
    Effect.gen(function* () {
      const env = { HANGMAN_LIVES: "3", HANGMAN_SEED: "7", HANGMAN_DIFFICULTY: "hard" }
      const masks = []
      for (let run = 0; run < 2; run++) {
        const running = yield* Cli.start(["hangman", "serve", "--port", "0", "--json"], env)
        const [line] = yield* running.says("stdout", /^\{.*\}$/m)
        const text = yield* play(JSON.parse(line), "", "e", "quit")
        assert.match(text, /and 3 lives/)
        masks.push(/Word.*/.exec(text.split("Your guess?")[1]!)?.[0])
      }
      assert.strictEqual(masks[0], masks[1])
    }).pipe(Effect.scoped)
  )

  it.live("faults do not follow clients into child processes, and it says so", () =>
    Effect.gen(function* () {
      const args = ["hangman", "serve", "--port", "0", "--model", "processes", "--pool", "1", "--faults", "delay=1ms"]
      const server = yield* Cli.start(args)
      yield* server.says("stderr", /--faults cannot follow clients into child processes/)
      yield* server.says("stdout", /^hangman on 127/)
    }).pipe(Effect.scoped)
  )

  const wrong: ReadonlyArray<readonly [command: string, code: number, line: string]> = [
    ["hangman serve --pool 2", 2, "--pool is for --model processes, not for fibers: leave one out"],
    [
      "guess serve --model processes --threads 2",
      2,
      "--threads is for --model threads, not for processes: leave one out"
    ],
    ["hangman serve --lives 27", 2, 'Invalid value for flag --lives: "27". Expected: a number, 1 to 26'],
    ["board serve --size 27", 2, 'Invalid value for flag --size: "27". Expected: a number, 1 to 26'],
    ["guess play --min 3 --max 2", 2, "--min 3 is above --max 2"],
    ["hangman top 127.0.0.1 --scores f", 2, "the scoreboard of a HOST or of --scores FILE: leave one out"],
    ["hangman serve --dialect book --scores f", 2, "--scores is for --dialect friendly: book knows no names"],
    ["hangman serve --words /nosuch", 1, "/nosuch: there is no such file; a list has one word of a to z on a line"],
    ["guess serve --min 3 --max 2", 1, "numbers from 3 to 2: the first must not exceed the last"],
    ["hangman play 127.0.0.1 --port 1", 1, "127.0.0.1:1: connection refused: nobody listens there"]
  ]
  it.live.each(wrong)("%s: one line", ([command, expected, line]) =>
    Effect.gen(function* () {
      const { code, stderr, stdout } = yield* Cli.here(command.split(" "))
      assert.strictEqual(stderr.split("\n")[0], `effect-inet: ${line}`)
      assert.deepStrictEqual([stdout, code], ["", expected])
    })
  )
})
