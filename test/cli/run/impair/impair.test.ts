import * as ChildProcess from "node:child_process"
import * as Fs from "node:fs"
import * as Os from "node:os"
import * as Path from "node:path"
import { assert, describe, it } from "@effect/vitest"
import * as Effect from "effect/Effect"
import * as NetAddress from "effect/net/NetAddress"
import type * as Endpoint from "../../../../src/network/Endpoint.ts"
import * as Network from "../../../../src/network/Network.ts"
import * as NodeNetwork from "../../../../src/network/node/NodeNetwork.ts"
import * as Cli from "../../../support/Cli.ts"
import * as PageVisitor from "../../../support/web/PageVisitor.ts"

const has = (command: string) => ChildProcess.spawnSync("which", [command]).status === 0

const directory = Effect.acquireRelease(
  Effect.sync(() => Fs.mkdtempSync(Path.join(Os.tmpdir(), "inet-"))),
  (path) => Effect.sync(() => Fs.rmSync(path, { recursive: true }))
)

/** A packet in the output of `capture read --json`. */
interface Shown {
  readonly to: Endpoint.Endpoint
  readonly comments: ReadonlyArray<string>
}

/** Starts rot13 behind a proxy with further arguments. */
const proxied = Effect.fnUntraced(function* (...args: ReadonlyArray<string>) {
  const server = yield* Cli.serveInProcess(["rot13", "serve"])
  const to = `${server.address}:${server.port}`
  const proxy = yield* Cli.startInProcess(["impair", "--listen", "127.0.0.1:0", "--to", to, ...args, "--json"])
  const [line] = yield* proxy.waitForOutput("stdout", /^\{.*\}$/m)
  return {
    ...proxy,
    stop: server.shutdown,
    ...(JSON.parse(line) as { readonly address: string; readonly port: number })
  }
})

describe("impair --page", () => {
  it.live("shows the traffic of the proxy, and how often each rule of the plan was applied", () =>
    Effect.gen(function* () {
      const proxy = yield* proxied("--tcp", "--plan", "delay=1ms", "--page", "127.0.0.1:0")
      const [, link] = yield* proxy.waitForOutput("stderr", /page on (http:[^\s"]+)/)
      const { until } = yield* PageVisitor.visit(link!)
      const network = yield* Network.Network
      const connection = yield* network.connect(NetAddress.inetAddressFromIpStringUnsafe("127.0.0.1", proxy.port))
      yield* connection.write("Hello")
      assert.strictEqual(new TextDecoder().decode(yield* connection.pull), "Uryyb")
      const { services } = yield* until(({ services }) => services[0]?.bytesSent === 5)
      assert.deepInclude(services[0], { name: "impair", state: "ready", bytesReceived: 5 })
      const figures = new Map(services[0]!.figures.map(({ name, value }) => [name, value]))
      assert.strictEqual(figures.get("connections"), 1)
      assert.isAtLeast(figures.get("faults by delay=1ms")!, 2)
    }).pipe(Effect.scoped, Effect.provide(NodeNetwork.layer))
  )
})

describe("an invalid fault plan", () => {
  const invalidPlans: ReadonlyArray<readonly [plan: string, line: string]> = [
    ["drop=5%,chonk", "column 9: expected one of drop, dup,"],
    ["chunk=1 udp", "column 9: chunk does not apply to udp; its faults are delay, drop,"],
    ["drop=5% a>b", "unknown host a: this network has no host names; use an IP address, such as 127.0.0.1, or *"],
    ["crash=a@2s", "crash=a@2s: only simulated hosts have the fault crash; leave the rule out"]
  ]
  const commands: ReadonlyArray<readonly [flag: string, args: ReadonlyArray<string>]> = [
    ["faults", ["rot13", "send", "127.0.0.1", "1", "text"]],
    ["faults", ["services"]],
    ["plan", ["impair", "--listen", "127.0.0.1:0", "--to", "127.0.0.1:1"]]
  ]
  for (const [plan, line] of invalidPlans) {
    for (const [flag, args] of commands) {
      it.live(`${args[0]} --${flag} '${plan}' exits with 2 and names the column`, () =>
        Effect.gen(function* () {
          const { code, stderr, stdout } = yield* Cli.runInProcess([...args, `--${flag}`, plan])
          const [first] = stderr.split("\n")
          assert.isTrue(
            first!.startsWith(
              `effect-inet: Invalid value for flag --${flag}: "${plan}". Expected a fault plan: ${line}`
            ),
            first
          )
          assert.strictEqual(stdout, "")
          assert.strictEqual(code, 2)
        })
      )
    }
  }

  it.live.each([["7000"], ["127.0.0.1:65536"], ["::1:7000"]])("--listen %s is rejected", ([listen]) =>
    Effect.gen(function* () {
      const { code, stderr } = yield* Cli.runInProcess([
        "impair",
        "--listen",
        listen!,
        "--to",
        "127.0.0.1:1",
        "--plan",
        ""
      ])
      assert.include(stderr, `"${listen}". Expected: a host and a port, such as 127.0.0.1:7000 or [::1]:7000`)
      assert.strictEqual(code, 2)
    })
  )
})

describe("--faults and --capture", () => {
  const captured = Effect.fnUntraced(function* () {
    const file = Path.join(yield* directory, "out.pcapng")
    const server = yield* Cli.serveInProcess(["rot13", "serve"])
    const sent = yield* Cli.runInProcess([
      ...["rot13", "send", "--capture", file, "--faults", "chunk=1"],
      ...[server.address, `${server.port}`, "Hello"]
    ])
    return { file, port: server.port, ...sent }
  })

  it.live("give the right reply, log both, and capture the packets on the wire", () =>
    Effect.gen(function* () {
      const { code, file, port, stderr } = yield* captured()
      assert.strictEqual(code, 0, stderr)
      assert.include(stderr, `capturing to ${file}; child processes and worker threads are not captured`)
      assert.include(stderr, "impaired by chunk (seed 0); child processes and worker threads are not impaired")
      assert.match(stderr, /faults applied: chunk (once|\d+ times)\n$/)
      const read = yield* Cli.runInProcess(["capture", "read", "--json", file])
      const packets = read.stdout
        .trim()
        .split("\n")
        .map((line) => JSON.parse(line))
      const sent = packets.filter(({ length, to }) => length > 0 && to.port === port)
      assert.deepStrictEqual(
        sent.map(({ length }) => length),
        [1, 1, 1, 1, 1]
      )
      assert.deepStrictEqual(
        packets.flatMap(({ problems }) => problems),
        []
      )
    }).pipe(Effect.scoped)
  )

  it.live.skipIf(!has("tshark"))("write a capture without errors in tshark (skipped without tshark)", () =>
    Effect.gen(function* () {
      const { file } = yield* captured()
      const args = ["-r", file, "-Y", "_ws.malformed || _ws.expert.severity >= warning"]
      const tshark = ChildProcess.spawnSync("tshark", args, { encoding: "utf8" })
      assert.strictEqual(tshark.status, 0, tshark.stderr)
      assert.strictEqual(tshark.stdout, "")
    }).pipe(Effect.scoped)
  )

  it.live("apply the plan to the replies of a server", () =>
    Effect.gen(function* () {
      const server = yield* Cli.serveInProcess(["rot13", "serve", "--faults", "reset=2"])
      const { code, stderr } = yield* Cli.runInProcess(["rot13", "send", server.address, `${server.port}`, "Hello"])
      assert.strictEqual(code, 1)
      assert.match(stderr, /^effect-inet: .*(reset|closed|ended)/i)
      const ended = yield* server.shutdown
      assert.strictEqual(ended.code, 0)
      assert.match(ended.stderr, /faults applied: reset=2 once/)
    }).pipe(Effect.scoped)
  )

  it.live("fail before anything is sent if the capture cannot be written", () =>
    Effect.gen(function* () {
      const { code, stderr, stdout } = yield* Cli.runInProcess([
        "demo",
        "boundaries",
        "--json",
        "--capture",
        "/nowhere/out.pcapng"
      ])
      assert.strictEqual(code, 1)
      assert.strictEqual(stderr, 'effect-inet: --capture "/nowhere/out.pcapng": no such file or directory\n')
      assert.strictEqual(stdout, "")
    })
  )
})

describe("impair", () => {
  it.live("passes rot13 over TCP, logs statistics, and drains on SIGTERM", () =>
    Effect.gen(function* () {
      const proxy = yield* proxied("--plan", "chunk=1", "--tcp")
      const { stdout } = yield* Cli.runInProcess(["rot13", "send", proxy.address, `${proxy.port}`, "Hello"])
      assert.strictEqual(stdout, "Uryyb\n")
      yield* proxy.waitForOutput(
        "stderr",
        /clients: 0 udp, \d tcp; to server: 0 datagrams, 5 bytes; to clients: 0 datagrams, 5 bytes; faults: chunk/
      )
      assert.strictEqual((yield* proxy.shutdown).code, 0)
    }).pipe(Effect.scoped)
  )

  it.live("loses the second datagram, in the log and in the capture", () =>
    Effect.gen(function* () {
      const network = yield* Network.Network
      const requests: Array<string> = []
      const server: Network.UdpSocket = yield* network.udp({}, (bytes, from) => {
        requests.push(Buffer.from(bytes).toString())
        server.sendUnsafe(bytes, from)
      })
      const file = Path.join(yield* directory, "out.pcapng")
      const proxy = yield* Cli.startInProcess([
        ...["impair", "--listen", "127.0.0.1:0", "--to", `127.0.0.1:${server.local.port}`],
        ...["--plan", "drop=#2", "--udp", "--json", "--capture", file]
      ])
      const [line] = yield* proxy.waitForOutput("stdout", /^\{.*\}$/m)
      const { port } = JSON.parse(line) as { readonly port: number }
      const received: Array<string> = []
      const client = yield* network.udp({}, (bytes) => received.push(Buffer.from(bytes).toString()))
      const ask = (text: string) => client.send(new TextEncoder().encode(text), { address: "127.0.0.1", port })
      yield* ask("one")
      yield* proxy.waitForOutput("stderr", /faults: drop=#2 once/)
      yield* ask("two")
      while (received.length === 0) yield* Effect.yieldNow
      assert.deepStrictEqual(received, ["two"])
      assert.deepStrictEqual(requests, ["one", "two"])
      const { code, stderr } = yield* proxy.shutdown
      assert.strictEqual(code, 0)
      assert.match(
        stderr,
        /to server: 2 datagrams, 6 bytes; to clients: 2 datagrams, 6 bytes; lost without a fault: 0 by the kernel; faults: drop=#2 once"[^\n]*\n$/
      )
      const read = yield* Cli.runInProcess(["capture", "read", file])
      const lost = read.stdout.split("\n").filter((line) => line.includes("[drop"))
      assert.strictEqual(lost.length, 1, read.stdout)
      assert.include(lost[0], '"one"')
    }).pipe(Effect.scoped, Effect.provide(NodeNetwork.layer))
  )

  it.live("comments stream faults in the capture, and counts a refused client", () =>
    Effect.gen(function* () {
      const file = Path.join(yield* directory, "out.pcapng")
      const proxy = yield* proxied("--plan", "chunk=#1:2, delay=#2 2ms", "--tcp", "--capture", file)
      const { stdout } = yield* Cli.runInProcess(["rot13", "send", proxy.address, `${proxy.port}`, "Hello"])
      assert.strictEqual(stdout, "Uryyb\n")
      yield* proxy.stop
      const refused = yield* Cli.runInProcess(["rot13", "send", proxy.address, `${proxy.port}`, "Hello"])
      assert.strictEqual(refused.code, 1)
      assert.match(
        (yield* proxy.shutdown).stderr,
        /clients: 0 udp, 0 tcp, 1 refused; .* faults: chunk=#1:2 once, delay/
      )
      const read = yield* Cli.runInProcess(["capture", "read", "--json", file])
      const packets = read.stdout.trim().split("\n")
      const marked = packets.map((line) => JSON.parse(line) as Shown).filter(({ comments }) => comments.length > 0)
      assert.deepStrictEqual(
        marked.map(({ comments, to }) => [to.port === proxy.port, ...comments]),
        [
          [true, "chunk=2"],
          [false, "delay=2ms"],
          // The connection to the server that has ended.
          [false, "local port unknown"]
        ]
      )
    }).pipe(Effect.scoped)
  )

  it.live("--help lists the shared flags", () =>
    Effect.gen(function* () {
      const { code, stdout } = yield* Cli.runInProcess(["impair", "--help"])
      assert.strictEqual(code, 0)
      for (const part of ["USAGE", "EXAMPLES", "--faults PLAN", "--fault-seed N", "--capture FILE"]) {
        assert.include(stdout, part)
      }
    })
  )

  it.live("names --listen if its port is in use", () =>
    Effect.gen(function* () {
      const proxy = yield* proxied("--plan", "")
      const listen = `${proxy.address}:${proxy.port}`
      const { code, stderr } = yield* Cli.runInProcess([
        "impair",
        "--listen",
        listen,
        "--to",
        "127.0.0.1:1",
        "--plan",
        ""
      ])
      assert.match(stderr, /^effect-inet: impair: TCP port \d+ is in use.*choose another port with --listen\n$/)
      assert.strictEqual(code, 1)
    }).pipe(Effect.scoped)
  )
})
