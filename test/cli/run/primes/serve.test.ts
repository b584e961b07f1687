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

/** Sends the default requests of the course's client, ranges of a thousand below ten million; returns the sum. */
const countAsCourse = Effect.fnUntraced(
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

/** Starts a count on two hosts, and waits until both are connected. */
const onBoth = Effect.fnUntraced(function* (servers: ReadonlyArray<{ readonly port: number }>, range: string) {
  const running = yield* Cli.start(["primes", "count", range, ...hostsOf(servers), "--log-level", "debug", "--json"])
  for (const { port } of servers)
    yield* running.waitForOutput("stderr", new RegExp(`127\\.0\\.0\\.1:${port}: connected`))
  return running
})

describe("primes serve", () => {
  it.live("counts 664579 for the course's client, and 664581 with --dialect course", () =>
    Effect.gen(function* () {
      assert.strictEqual(yield* countAsCourse(yield* serve()), 664_579)
      const course = yield* serve("--dialect", "course")
      assert.strictEqual(yield* countAsCourse(course), 664_581)
      yield* course.waitForOutput("stderr", /range {8}0 - {5}1000 : count = 170/)
      yield* course.kill("SIGTERM")
      assert.strictEqual((yield* course.ended).code, 0)
    }).pipe(Effect.scoped)
  )

  it.live("counts exactly for farms on servers of both dialects, by both protocols", () =>
    Effect.gen(function* () {
      const servers = [yield* serve(), yield* serve("--dialect", "course")]
      for (const dialect of [[], ["--dialect", "course"]]) {
        const { stderr, stdout } = yield* count("0..1e7", "--packets", "20", ...hostsOf(servers), ...dialect)
        assert.deepStrictEqual([stderr, `${stdout}`], ["", "664579\n"])
      }
      const mixed = yield* count("0..1e8", "--packets", "50", ...hostsOf(servers), "--workers", "1", "--json")
      const { count: found, hosts, workers } = JSON.parse(`${mixed.stdout}`)
      assert.strictEqual(found, 5_761_455)
      assert.deepStrictEqual(hosts[0].host, null)
      assert.deepInclude(hosts[1], { ready: 1, workers: 1 })
      assert.deepStrictEqual(
        workers.map(({ name }: { readonly name: string }) => name).sort(),
        [...servers.map(({ port }) => `127.0.0.1:${port}`), "thread 1"].sort()
      )
    }).pipe(Effect.scoped)
  )

  it.live("a killed server is reported, and the count stays exact", () =>
    Effect.gen(function* () {
      const servers = [yield* serve(), yield* serve()] as const
      const running = yield* onBoth(servers, "0..1e10")
      yield* servers[1].kill("SIGKILL")
      const { code, stderr, stdout } = yield* running.ended
      assert.match(stderr, new RegExp(`WARN.*127\\.0\\.0\\.1:${servers[1].port}: lost: `))
      assert.strictEqual(JSON.parse(`${stdout}`).count, 455_052_511)
      assert.strictEqual(code, 0)
    }).pipe(Effect.scoped)
  )

  it.live("requires the key from farms", () =>
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

  it.live("reports a host that cannot be used and counts without it; exits with 3 if none is left", () =>
    Effect.gen(function* () {
      const server = yield* serve()
      const some = yield* count("100", "--hosts", `nosuch.invalid,127.0.0.1:${server.port}`)
      assert.match(some.stderr, /^.* WARN .*: nosuch\.invalid: not connected yet, trying again: .*no such host\n$/)
      assert.deepStrictEqual([some.code, `${some.stdout}`], [0, "25\n"])
      const own = yield* count("100", "--hosts", "nosuch.invalid", "--workers", "1")
      assert.deepStrictEqual([own.code, `${own.stdout}`], [0, "25\n"])
      const none = yield* count("100", "--hosts", "127.0.0.1:1", "--connect-timeout", "100ms")
      assert.match(none.stderr, /effect-inet: no worker is left: 127\.0\.0\.1:1: (?!127).*refused/)
      assert.deepStrictEqual([none.code, `${none.stdout}`], [3, ""])
      const never = yield* Cli.runInProcess(["primes", "count", "100", "--hosts", "127.0.0.1:1", "--reconnect", "0s"])
      assert.match(never.stderr, /^.* WARN .*: 127\.0\.0\.1:1: given up: connection refused/)
      assert.strictEqual(never.code, 3)
    }).pipe(Effect.scoped)
  )
})

describe("usage errors of primes", () => {
  const most = "write a number from 0 to 2^53 (9007199254740992)"
  const wrong: ReadonlyArray<readonly [command: string, line: string]> = [
    ["count 5..1", '"5..1": the range ends before it begins: write "1..5"'],
    ["count 1e20", `"1e20" is too large: ${most}`],
    ["count -3", `"-3" is below 0: ${most}`],
    ["count 0..-5", `"0..-5": "-5" is below 0: ${most}`],
    ["list 0..abc", '"0..abc": "abc" is not a number: write it like 10_000, 1e10 or 2^53'],
    ["count 10 --workers 0", 'Invalid value for flag --workers: "0". Expected: a number, 1 to 1024'],
    ["count 10 --packets 0", 'Invalid value for flag --packets: "0". Expected: a number, 1 or more'],
    ["count 10 --hosts a,", '--hosts: invalid host "": write host, host:port or [address]:port'],
    [
      "count 10 --hosts a --dialect course --key k",
      "--key does not work with --dialect course: the course's protocol has no authentication"
    ],
    ["count 10 --dialect course", "--dialect needs --hosts: name the servers"],
    ["count 10 --verify 5%", "--verify needs --hosts: name the servers"],
    [
      "count 10 --hosts a --verify 200%",
      'Invalid value for flag --verify: "200%". Expected: a percentage such as 5%, or a number from 0 to 1'
    ],
    ["count 10 --hosts a --lease 2h", "invalid lease 7200000 ms of hosts: must be 1 ms to 1 hour"],
    ["count 10 --hosts @/nosuch/hosts", "--hosts: @/nosuch/hosts: no such file or directory"],
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

  it.live.skipIf(!has("nc") || !has("od"))(
    "counts primes with the command that it prints (skipped without nc and od)",
    () =>
      Effect.gen(function* () {
        const up = yield* Cli.start(["up", ...ports])
        const [, attempt] = yield* up.waitForOutput("stdout", /^primes +127\.0\.0\.1:\d+ +(printf .*)$/m)
        const output = yield* Effect.callback<string>((resume) => {
          ChildProcess.execFile("sh", ["-c", attempt!], (_, stdout) => resume(Effect.succeed(stdout)))
        })
        assert.strictEqual(output.trim(), "664579")
        yield* up.kill("SIGINT")
        assert.strictEqual((yield* up.ended).code, 0)
      }).pipe(Effect.scoped)
  )
})
