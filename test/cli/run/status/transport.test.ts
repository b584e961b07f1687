import * as Fs from "node:fs"
import { assert, describe, it } from "@effect/vitest"
import * as Effect from "effect/Effect"
import * as Way from "../../../../src/cli/run/status/transport.ts"
import * as NodeServices from "../../../../src/network/node/NodeServices.ts"
import * as Cli from "../../../support/Cli.ts"
import { freePort, peerInProcess, waitForChange } from "./StatusCli.ts"

const flagsOf = (name: string, args: ReadonlyArray<string>) => [
  ...["status", name, "--interval", "200ms", "--json"],
  ...args
]

/** Starts a peer with the given transport flags. */
const start = (name: string, ...args: ReadonlyArray<string>) => Cli.startInProcess(flagsOf(name, args))

describe("status --transport", () => {
  it.live("relay forwards packets between its subscribers, and ends on a signal", () =>
    Effect.gen(function* () {
      const relay = yield* Cli.serveInProcess(["status", "--relay"])
      const flags = ["--transport", "relay", "--address", `localhost:${relay.port}`]
      const [one, other] = yield* Effect.all([start("one", ...flags), start("other", ...flags)])
      const [seen] = yield* Effect.all([waitForChange(one, "Joined", "other"), waitForChange(other, "Joined", "one")])
      assert.strictEqual(seen.address, "127.0.0.1")
      assert.notStrictEqual(seen.port, relay.port)
      assert.strictEqual((yield* other.shutdown).code, 0)
      yield* waitForChange(one, "Left", "other")
      assert.strictEqual((yield* relay.shutdown).code, 0)
    }).pipe(Effect.scoped)
  )

  it.live("mesh reaches a peer by name, and reports one that does not exist", () =>
    Effect.gen(function* () {
      const port = `${yield* freePort}`
      const mesh = (host: string, name: string, peers: string) =>
        flagsOf(name, ["--transport", "mesh", "--port", port, "--host", host, "--address", peers])
      const one = yield* Cli.startInProcess(mesh("127.0.0.1", "one", "127.0.0.2,127.0.0.77,nosuch.invalid"))
      const other = yield* Cli.start(mesh("127.0.0.2", "other", "localhost"))
      const [seen] = yield* Effect.all([waitForChange(one, "Joined", "other"), waitForChange(other, "Joined", "one")])
      assert.deepInclude(seen, { address: "127.0.0.2", port: Number(port) })
      yield* one.waitForOutput("stderr", /nosuch\.invalid cannot be resolved yet.*"level":"WARN"/)
      yield* other.kill("SIGKILL")
      yield* waitForChange(one, "Down", "other")
      assert.strictEqual((yield* one.shutdown).code, 0)
    }).pipe(Effect.scoped)
  )

  it.live("multicast reaches the members of a group", () =>
    Effect.gen(function* () {
      const port = `${yield* freePort}`
      const flags = ["--transport", "multicast", "--address", "239.255.20.67", "--port", port]
      const [one, other] = yield* Effect.all([start("one", ...flags), start("other", ...flags)])
      yield* Effect.all([waitForChange(one, "Joined", "other"), waitForChange(other, "Joined", "one")])
      yield* one.waitForOutput("stderr", /on 0\.0\.0\.0:\d+ \(open to the network\); multicast to 239\.255\.20\.67/)
    }).pipe(Effect.scoped)
  )

  it.live("ignores peers of another cluster", () =>
    Effect.gen(function* () {
      const port = yield* freePort
      const inside = ["--cluster", "inside", "--interval", "200ms", "--json"]
      const outsider = yield* peerInProcess(port, "outsider", "--interval", "200ms", "--json")
      yield* waitForChange(outsider, "Joined", "outsider")
      const [one, other] = yield* Effect.all([
        peerInProcess(port, "one", ...inside),
        peerInProcess(port, "other", ...inside)
      ])
      yield* Effect.all([waitForChange(one, "Joined", "other"), waitForChange(other, "Joined", "one")])
      assert.notInclude((yield* one.shutdown).stdout, "outsider")
      assert.strictEqual((yield* outsider.shutdown).stdout.trim().split("\n").length, 1)
    }).pipe(Effect.scoped)
  )
})

describe("status usage errors", () => {
  const misuses: ReadonlyArray<readonly [input: Partial<Way.Input>, line: string]> = [
    [{ port: 0 }, "invalid --port 0: peers must share a known port; give 1 to 65535"],
    [
      { address: "localhost" },
      '--address: "localhost" is not an IPv4 broadcast address, such as 255.255.255.255, or 127.255.255.255 for this machine only'
    ],
    [
      { transport: "multicast", address: "192.0.2.1" },
      '--address: "192.0.2.1" is not a multicast address, such as 239.255.20.66 or ff02::2066'
    ],
    [{ transport: "mesh" }, "--transport mesh requires all peers: --address HOST[:PORT],..."],
    [{ transport: "mesh", address: "a:b:c" }, '--address: "a:b:c" is not a host: invalid domain name'],
    [{ transport: "relay" }, "--transport relay requires the relay: --address HOST[:PORT]"],
    [{ transport: "relay", address: "a,b" }, "--transport relay requires exactly one relay in --address"],
    [{ transport: "relay", address: "nosuch.invalid" }, "--address: nosuch.invalid: no such host"],
    [{ host: "127.0.0.1" }, "--host is for --relay and --transport mesh, not for --transport broadcast: leave it out"]
  ]
  it.live.each(misuses)("%j", ([input, line]) =>
    Effect.gen(function* () {
      const all = { transport: undefined, address: undefined, host: undefined, port: 2066, ...input }
      const { _tag, message } = yield* Effect.flip(Way.choose(all))
      assert.deepStrictEqual([_tag, message], ["UsageError", line])
    }).pipe(Effect.provide(NodeServices.layer))
  )

  const wrong: ReadonlyArray<readonly [command: string, line: string]> = [
    ["--transport mesh", "--transport mesh requires all peers: --address HOST[:PORT],..."],
    ["--relay bob", "--relay does not accept NAME, which is for peers: leave one of them out"],
    ["--once --screen", "--once and --screen exclude each other: leave one out"],
    ["--screen", "--screen needs a terminal: leave it out for plain lines"],
    ["--interval 1ms", "status: an interval must be a whole number of milliseconds, 10 to 3,600,000: 1"],
    ["--suspect-after 6", "--suspect-after must not be more than --down-after: a peer is suspect before it is down"]
  ]
  it.live("print one line and exit with code 2", () =>
    Effect.forEach(
      wrong,
      Effect.fnUntraced(function* ([command, line]) {
        const { code, stderr, stdout } = yield* Cli.runInProcess(["status", ...command.split(" ")])
        assert.deepStrictEqual([stderr, stdout, code], [`effect-inet: ${line}\n`, "", 2])
      }),
      { discard: true }
    )
  )

  it.live("are found in environment variables, too", () =>
    Effect.gen(function* () {
      const env = { STATUS_TRANSPORT: "mesh", STATUS_PORT: "0" }
      const { code, stderr } = yield* Cli.runInProcess(["status"], { env })
      assert.match(stderr, /^effect-inet: invalid STATUS_PORT 0: peers must share/)
      assert.strictEqual(code, 2)
    })
  )

  it.live.skipIf(!Fs.existsSync("/proc/net/udp"))("name the owner of a port in use (skipped without /proc)", () =>
    Effect.gen(function* () {
      const relay = yield* Cli.serve(["status", "--relay"])
      const { code, stderr } = yield* Cli.run(["status", "--relay", "--port", `${relay.port}`])
      const by = `UDP port ${relay.port} is in use by .* \\(pid ${relay.pid}\\); choose another port with --port`
      assert.match(stderr, new RegExp(`^effect-inet: status relay: ${by}\n$`))
      assert.strictEqual(code, 1)
    }).pipe(Effect.scoped)
  )
})
