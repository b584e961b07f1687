import * as Fs from "node:fs"
import { assert, describe, it } from "@effect/vitest"
import * as Effect from "effect/Effect"
import * as NetAddress from "effect/net/NetAddress"
import * as Network from "../../../../src/network/Network.ts"
import * as NodeNetwork from "../../../../src/network/node/NodeNetwork.ts"
import * as Cli from "../../../support/Cli.ts"
import { directory } from "../../../support/Directory.ts"
import { readAll } from "../../../support/Hosts.ts"

/** Sends the lines of a player. Returns the text of the server. */
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
  Effect.map(Cli.runInProcess([...args, "--json"]), ({ stderr, stdout }) => {
    assert.strictEqual(stderr, "")
    return JSON.parse(stdout)
  })

/** The models: those with workers run as they are published, in a process of their own. */
const models: ReadonlyArray<readonly [model: string, serve: typeof Cli.serve | typeof Cli.serveInProcess]> = [
  ["iterative", Cli.serveInProcess],
  ["select", Cli.serveInProcess],
  ["processes --pool 1", Cli.serve],
  ["threads --threads 2", Cli.serve],
  ["threads --per-client --worker-timeout 1m", Cli.serve]
]

describe("hangman serve and top", () => {
  it.live.each(models)("counts a game with --model %s", ([model, serve]) =>
    Effect.gen(function* () {
      const { inRoot } = yield* directory({ words: "banana\n" })
      const files = ["--words", inRoot("words"), "--scores", inRoot("scores")]
      const server = yield* serve(["hangman", "serve", ...files, "--model", ...model.split(" ")])
      assert.match(yield* play(server, "ann", "banana", "no"), /ann, your rank is 1 of 1/)
      assert.match(yield* play(server, "bob", "ananas", "quit"), /No, it is not ananas/)
      assert.strictEqual((yield* server.shutdown).code, 0)
      assert.match(Fs.readFileSync(inRoot("scores"), "utf8"), /"name":"ann"/)
    }).pipe(Effect.scoped)
  )

  it.live("prints the scoreboard of a server and of a file, and reports an invalid file", () =>
    Effect.gen(function* () {
      const { inRoot } = yield* directory({ words: "banana\n", other: "something else\n" })
      const scores = inRoot("scores")
      const server = yield* Cli.serveInProcess(["hangman", "serve", "--words", inRoot("words"), "--scores", scores])
      for (const name of ["ann", "bob", "ann"]) yield* play(server, name, "x", "banana", "no")
      const { stdout } = yield* Cli.runInProcess(["hangman", "top", "127.0.0.1", "--port", `${server.port}`])
      assert.strictEqual(
        stdout,
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
        [inRoot("none"), `effect-inet: ${inRoot("none")}: no such file or directory\n`],
        [inRoot("other"), `effect-inet: ${inRoot("other")}: not a scoreboard file: invalid first line\n`]
      ] as const) {
        assert.deepInclude(yield* Cli.runInProcess(["hangman", "top", "--scores", file]), { code: 1, stderr: line })
      }
    }).pipe(Effect.scoped)
  )

  it.live("reads lives, seed and difficulty from the environment", () =>
    Effect.gen(function* () {
      const env = { HANGMAN_LIVES: "3", HANGMAN_SEED: "7", HANGMAN_DIFFICULTY: "hard" }
      const masks = []
      for (let run = 0; run < 2; run++) {
        const running = yield* Cli.startInProcess(["hangman", "serve", "--port", "0", "--json"], { env })
        const [line] = yield* running.waitForOutput("stdout", /^\{.*\}$/m)
        const text = yield* play(JSON.parse(line), "", "e", "quit")
        assert.match(text, /and 3 lives/)
        masks.push(/Word.*/.exec(text.split("Your guess?")[1]!)?.[0])
      }
      assert.strictEqual(masks[0], masks[1])
    }).pipe(Effect.scoped)
  )

  it.live("warns that faults do not apply in child processes", () =>
    Effect.gen(function* () {
      const args = ["hangman", "serve", "--port", "0", "--model", "processes", "--pool", "1", "--faults", "delay=1ms"]
      const server = yield* Cli.start(args)
      yield* server.waitForOutput(
        "stderr",
        /--faults will not apply to the clients: they are served in child processes/
      )
      yield* server.waitForOutput("stdout", /^hangman on 127/)
    }).pipe(Effect.scoped)
  )

  it.live("applies faults to the clients of a thread for each client", () =>
    Effect.gen(function* () {
      const args = ["hangman", "serve", "--dialect", "course", "--model", "threads", "--per-client", "--faults"]
      const server = yield* Cli.serve([...args, "chunk=1"])
      assert.match(yield* play(server, ..."abcdefghijklmnopqrstuvwxyz"), /^ -+ {3}12\n/)
      yield* server.kill("SIGTERM")
      const { stderr } = yield* server.ended
      assert.notMatch(stderr, /will not apply/)
      assert.match(stderr, /faults applied: chunk \d+ times/)
    }).pipe(Effect.scoped)
  )

  const invalid: ReadonlyArray<readonly [command: string, code: number, line: string]> = [
    [
      "hangman serve --pool 2",
      2,
      "--pool needs --model processes, but the model is fibers: remove --pool or change --model"
    ],
    [
      "guess serve --model processes --threads 2",
      2,
      "--threads needs --model threads, but the model is processes: remove --threads or change --model"
    ],
    [
      "hangman serve --per-client",
      2,
      "--per-client needs --model threads, but the model is fibers: remove --per-client or change --model"
    ],
    [
      "hangman serve --model threads --per-client --threads 2",
      2,
      "--per-client serves each client in a thread of its own: remove --threads, or --per-client"
    ],
    [
      "guess serve --model select --worker-timeout 5s",
      2,
      "--worker-timeout needs --model processes or threads, but the model is select: remove --worker-timeout or change --model"
    ],
    ["guess serve --model threads --worker-timeout 10ms", 2, "--worker-timeout 10ms is too short: at least 1s"],
    ["hangman serve --lives 27", 2, 'Invalid value for flag --lives: "27". Expected: a number, 1 to 26'],
    ["board serve --size 27", 2, 'Invalid value for flag --size: "27". Expected: a number, 1 to 26'],
    ["guess play --min 3 --max 2", 2, "--min 3 is above --max 2"],
    ["hangman top 127.0.0.1 --scores f", 2, "HOST and --scores FILE exclude each other: remove one of them"],
    [
      "hangman serve --dialect book --scores f",
      2,
      "--scores needs --dialect friendly: the book dialect keeps no scores"
    ],
    ["hangman serve --words /nosuch", 1, "/nosuch: no such file or directory; expected one word of a to z per line"],
    ["guess serve --min 3 --max 2", 1, "invalid range 3 to 2: min must not exceed max"],
    ["hangman play 127.0.0.1 --port 1", 1, "127.0.0.1:1: connection refused: nothing is listening on that port"]
  ]
  it.live.each(invalid)("rejects %s with one line", ([command, expected, line]) =>
    Effect.gen(function* () {
      const { code, stderr, stdout } = yield* Cli.runInProcess(command.split(" "))
      assert.strictEqual(stderr.split("\n")[0], `effect-inet: ${line}`)
      assert.deepStrictEqual([stdout, code], ["", expected])
    })
  )
})
