import * as ChildProcess from "node:child_process"
import { assert, describe, it } from "@effect/vitest"
import * as Effect from "effect/Effect"
import * as NetAddress from "effect/net/NetAddress"
import * as Network from "../../../../src/network/Network.ts"
import * as NodeNetwork from "../../../../src/network/node/NodeNetwork.ts"
import * as Cli from "../../../support/Cli.ts"
import { readAll } from "../../../support/Hosts.ts"

const has = (command: string) => ChildProcess.spawnSync("which", [command]).status === 0

const serve = (...args: ReadonlyArray<string>) => Cli.serve(["primes", "serve", "--threads", "1", ...args])

const hostsOf = (servers: ReadonlyArray<{ readonly port: number }>) => [
  "--hosts",
  servers.map(({ port }) => `127.0.0.1:${port}`).join(",")
]

const count = (...args: ReadonlyArray<string>) => Cli.run(["primes", "count", ...args])

/** What the course's client asks for by default: the ranges of a thousand below ten million, and the sum of all. */
const asTheCourse = Effect.fnUntraced(
  function* ({ port }: { readonly port: number }) {
    const requests = Int32Array.from({ length: 20_000 }, (_, at) => 1_000 * Math.ceil(at / 2))
    const network = yield* Network.Network
    const connection = yield* network.connect(NetAddress.inetAddressFromIpStringUnsafe("127.0.0.1", port))
    yield* connection.write(new Uint8Array(requests.buffer))
    yield* connection.end
    const answer = yield* readAll(connection)
    assert.lengthOf(answer, 40_000)
    return Array.from({ length: 10_000 }, (_, at) => answer.readInt32LE(4 * at)).reduce((sum, one) => sum + one, 0)
  },
  Effect.scoped,
  Effect.provide(NodeNetwork.layer)
)

/** Waits for a command on two hosts until both count. */
const onBoth = Effect.fnUntraced(function* (servers: ReadonlyArray<{ readonly port: number }>, range: string) {
  const running = yield* Cli.start(["primes", "count", range, ...hostsOf(servers), "--log-level", "debug", "--json"])
  for (const { port } of servers)
    yield* running.waitForOutput("stderr", new RegExp(`127\\.0\\.0\\.1:${port}: connected`))
  return running
})

describe("primes serve", () => {
  it.live("the course's 10,000 ranges: 664579, and 664581 in its dialect", () =>
    Effect.gen(function* () {
      assert.strictEqual(yield* asTheCourse(yield* serve()), 664_579)
      const course = yield* serve("--dialect", "course")
      assert.strictEqual(yield* asTheCourse(course), 664_581)
      yield* course.waitForOutput("stderr", /range {8}0 - {5}1000 : count = 170/)
      yield* course.kill("SIGTERM")
      assert.strictEqual((yield* course.ended).code, 0)
    }).pipe(Effect.scoped)
  )

  it.live("farms count right on servers of either dialect, in the farm's words or the course's", () =>
    Effect.gen(function* () {
      const servers = [yield* serve(), yield* serve("--dialect", "course")]
      for (const dialect of [[], ["--dialect", "course"]]) {
        const { stderr, stdout } = yield* count("0..1e7", "--packets", "20", ...hostsOf(servers), ...dialect)
        assert.deepStrictEqual([stderr, `${stdout}`], ["", "664579\n"])
      }
      const mixed = yield* count("0..1e8", "--packets", "50", ...hostsOf(servers), "--workers", "1", "--json")
      const { count: found, workers } = JSON.parse(`${mixed.stdout}`)
      assert.strictEqual(found, 5_761_455)
      assert.deepStrictEqual(
        workers.map(({ name }: { readonly name: string }) => name),
        ["thread 1", ...servers.map(({ port }) => `127.0.0.1:${port}`)]
      )
    }).pipe(Effect.scoped)
  )

  it.live("killed in the middle, a server is told of, and the count is right", () =>
    Effect.gen(function* () {
      const servers = [yield* serve(), yield* serve()] as const
      const running = yield* onBoth(servers, "0..3e10")
      yield* servers[1].kill("SIGKILL")
      const { code, stderr, stdout } = yield* running.ended
      assert.match(stderr, new RegExp(`WARN.*127\\.0\\.0\\.1:${servers[1].port}: lost: `))
      assert.strictEqual(JSON.parse(`${stdout}`).count, 1_300_005_926)
      assert.strictEqual(code, 0)
    }).pipe(Effect.scoped)
  )

  it.live("a key is asked for, and not told", () =>
    Effect.gen(function* () {
      const server = yield* serve("--key", "secret")
      const right = yield* Cli.run(["primes", "count", "100", ...hostsOf([server])], { env: { PRIMES_KEY: "secret" } })
      assert.strictEqual(`${right.stdout}`, "25\n")
      for (const key of [[], ["--key", "guessed"]]) {
        const { code, stderr } = yield* count("100", ...hostsOf([server]), ...key)
        assert.match(stderr, /^effect-inet: no worker is left: .*key.*\n$/m)
        assert.strictEqual(code, 3)
      }
    }).pipe(Effect.scoped)
  )

  it.live("a host that cannot be used is told, and left out; with none left the exit code is 3", () =>
    Effect.gen(function* () {
      const server = yield* serve()
      const some = yield* count("100", "--hosts", `nosuch.invalid,127.0.0.1:${server.port}`)
      assert.match(some.stderr, /^.* WARN .*: nosuch\.invalid: ignored: .*no such host\n$/)
      assert.deepStrictEqual([some.code, `${some.stdout}`], [0, "25\n"])
      const own = yield* count("100", "--hosts", "nosuch.invalid", "--workers", "1")
      assert.deepStrictEqual([own.code, `${own.stdout}`], [0, "25\n"])
      const none = yield* count("100", "--hosts", "127.0.0.1:1")
      assert.match(none.stderr, /effect-inet: no worker is left: 127\.0\.0\.1:1: .*refused/)
      assert.deepStrictEqual([none.code, `${none.stdout}`], [3, ""])
    }).pipe(Effect.scoped)
  )
})

describe("wrong usage of primes", () => {
  const most = "write a number from 0 to 2^53 (9007199254740992)"
  const wrong: ReadonlyArray<readonly [command: string, line: string]> = [
    ["count 5..1", '"5..1": the range ends before it begins: write "1..5"'],
    ["count 1e20", `"1e20" is too large: ${most}`],
    ["count -3", `"-3" is below 0: ${most}`],
    ["count 0..-5", `"0..-5": "-5" is below 0: ${most}`],
    ["list 0..abc", '"0..abc": "abc" is no number: write it like 10_000, 1e10 or 2^53'],
    ["count 10 --workers 0", 'Invalid value for flag --workers: "0". Expected: a number, 1 to 1024'],
    ["count 10 --packets 0", 'Invalid value for flag --packets: "0". Expected: a number, 1 or more'],
    ["count 10 --hosts a,", '--hosts: "" is no host: give host, host:port or [address]:port'],
    ["count 10 --hosts a --dialect course --key k", "--key is not for --dialect course: its servers know no keys"],
    ["count 10 --dialect course", "--dialect is for --hosts: say which"],
    ["speedup 2..1", '"2..1": the range ends before it begins: write "1..2"']
  ]
  it.live.each(wrong)("primes %s", ([command, line]) =>
    Effect.gen(function* () {
      const { code, stderr, stdout } = yield* Cli.runInProcess(["primes", ...command.split(" ")])
      assert.strictEqual(stderr.split("\n")[0], `effect-inet: ${line}`)
      assert.deepStrictEqual([code, stdout], [2, ""])
    })
  )
})

describe("up", () => {
  const ports = ["rot13", "hangman", "guess", "board", "tftp", "primes", "status"].flatMap((name) => [
    `--${name}-port`,
    "0"
  ])

  it.live.skipIf(!has("nc") || !has("od"))("counts primes; the line to try it works (skipped without nc and od)", () =>
    Effect.gen(function* () {
      const up = yield* Cli.start(["up", ...ports])
      const [, attempt] = yield* up.waitForOutput("stdout", /^primes +127\.0\.0\.1:\d+ +(printf .*)$/m)
      const said = yield* Effect.callback<string>((resume) => {
        ChildProcess.execFile("sh", ["-c", attempt!], (_, stdout) => resume(Effect.succeed(stdout)))
      })
      assert.strictEqual(said.trim(), "664579")
      yield* up.kill("SIGINT")
      assert.strictEqual((yield* up.ended).code, 0)
    }).pipe(Effect.scoped)
  )
})
