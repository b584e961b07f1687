/** The plan of a running proxy is changed by its control socket and by its file, and its statistics are printed. */
import * as Fs from "node:fs"
import * as Os from "node:os"
import * as Path from "node:path"
import { assert, describe, it } from "@effect/vitest"
import * as Effect from "effect/Effect"
import * as NetAddress from "effect/net/NetAddress"
import type * as Scope from "effect/Scope"
import * as Line from "../../../../src/network/Line.ts"
import * as Network from "../../../../src/network/Network.ts"
import * as NodeNetwork from "../../../../src/network/node/NodeNetwork.ts"
import * as Cli from "../../../support/Cli.ts"

const directory = Effect.acquireRelease(
  Effect.sync(() => Fs.mkdtempSync(Path.join(Os.tmpdir(), "inet-"))),
  (path) => Effect.sync(() => Fs.rmSync(path, { recursive: true }))
)

/** Opens a server that returns each datagram, and a client that asks it through a proxy, one text after the other. */
const echo = Effect.gen(function* () {
  const network = yield* Network.Network
  const server: Network.UdpSocket = yield* network.udp({}, (bytes, from) => server.sendUnsafe(bytes, from))
  const received: Array<string> = []
  const client = yield* network.udp({}, (bytes) => received.push(Buffer.from(bytes).toString()))
  return {
    to: `127.0.0.1:${server.local.port}`,
    received,
    send: (text: string, port: number) => client.send(Buffer.from(text), { address: "127.0.0.1", port }),
    receive: Effect.fnUntraced(function* (text: string) {
      while (!received.includes(text)) yield* Effect.yieldNow
    }, Effect.timeout("30 seconds"))
  }
})

const portOf = (line: string) => (JSON.parse(line) as { readonly port: number }).port

/** Connects to the control socket; returns a function that sends a command and returns the answer. */
const controller = Effect.fnUntraced(function* (path: string) {
  const network = yield* Network.Network
  const connection = yield* network.connect(NetAddress.unixPathAddress(path))
  const lines = yield* Line.make(connection, { maxLength: 65_536, telnet: false })
  return (command: string) => Effect.andThen(connection.write(`${command}\n`), lines.next)
})

const run = <E>(body: Effect.Effect<void, E, Network.Network | Scope.Scope>) =>
  body.pipe(Effect.scoped, Effect.provide(NodeNetwork.layer))

describe("impair --control-socket", () => {
  it.live("changes the plan, ends the faults, and returns the statistics", () =>
    run(
      Effect.gen(function* () {
        const path = Path.join(yield* directory, "control")
        const { receive, received, send, to } = yield* echo
        const proxy = yield* Cli.startInProcess([
          ...["impair", "--listen", "127.0.0.1:0", "--to", to, "--udp", "--json", "--seed", "7"],
          ...["--plan", "none", "--control-socket", path]
        ])
        const port = portOf((yield* proxy.waitForOutput("stdout", /^\{.*\}$/m))[0])
        assert.strictEqual(Fs.statSync(path).mode & 0o777, 0o600)
        const ask = yield* controller(path)
        yield* send("one", port)
        yield* receive("one")
        assert.strictEqual(yield* ask("plan drop=#1..2"), "ok drop=#1..2")
        yield* send("two", port)
        yield* send("three", port)
        yield* send("four", port)
        yield* receive("four")
        assert.deepStrictEqual(received, ["one", "four"])
        assert.strictEqual(yield* ask("plan  drop=5%,chonk "), (yield* ask("plan drop=5%,chonk")).trim())
        assert.match(yield* ask("plan drop=5%,chonk"), /^error a fault plan: column 9: expected one of drop, /)
        assert.strictEqual(
          yield* ask("plan crash=a@2s"),
          "error a fault plan: crash=a@2s: only simulated hosts have the fault crash; leave the rule out"
        )
        assert.strictEqual(yield* ask("stop"), 'error unknown command "stop": the commands are plan PLAN, heal, stats')
        // An invalid plan leaves the old one in force.
        const stats = JSON.parse(yield* ask("stats"))
        assert.deepInclude(stats, {
          ...{ service: "impair", event: "stats", plan: "drop=#1..2", seed: 7, ended: false },
          clients: { udp: 1, tcp: 0, refused: 0 },
          toClients: { datagrams: 2, bytes: 7 },
          toServer: { datagrams: 2, bytes: 7 },
          lost: { kernel: 0, queue: 0 },
          faults: [{ rule: "drop=#1..2", count: 2 }]
        })
        yield* ask("plan drop")
        assert.strictEqual(yield* ask("heal"), "ok")
        yield* send("five", port)
        yield* receive("five")
        // A plan that is missing changes nothing.
        assert.strictEqual(yield* ask("plan "), "error no plan: give one, such as plan drop=10%, or none for no faults")
        assert.strictEqual(JSON.parse(yield* ask("stats")).plan, "drop")
        assert.strictEqual(yield* ask("plan none"), "ok")
        assert.strictEqual(JSON.parse(yield* ask("stats")).plan, "")
        const { code, stderr } = yield* proxy.shutdown
        assert.strictEqual(code, 0)
        assert.include(stderr, "plan changed: drop=#1..2; faults until now: none")
        assert.include(stderr, "plan changed: drop; faults until now: drop=#1..2 2 times")
        assert.include(stderr, "faults ended by the control socket")
        assert.isFalse(Fs.existsSync(path))
      })
    )
  )
})

describe("impair --control-socket with sixteen clients", () => {
  it.live("tells a client over the limit so", () =>
    run(
      Effect.gen(function* () {
        const path = Path.join(yield* directory, "control")
        const proxy = yield* Cli.startInProcess([
          ...["impair", "--listen", "127.0.0.1:0", "--to", "127.0.0.1:1", "--udp", "--json"],
          ...["--plan", "none", "--control-socket", path]
        ])
        yield* proxy.waitForOutput("stdout", /^\{.*\}$/m)
        for (let count = 0; count < 16; count++) {
          const ask = yield* controller(path)
          assert.strictEqual(yield* ask("heal"), "ok")
        }
        const network = yield* Network.Network
        const { pull } = yield* network.connect(NetAddress.unixPathAddress(path))
        const line = new TextDecoder().decode(yield* pull)
        assert.strictEqual(line, "error too many clients (at most 16): close another one first\n")
        assert.strictEqual((yield* proxy.shutdown).code, 0)
      })
    )
  )
})

describe("impair --plan-file", () => {
  it.live("reads the file again at SIGHUP, and an invalid file leaves the plan", () =>
    run(
      Effect.gen(function* () {
        const file = Path.join(yield* directory, "plan.txt")
        const { receive, received, send, to } = yield* echo
        Fs.writeFileSync(file, "# nothing yet\n")
        const proxy = yield* Cli.start([
          ...["impair", "--listen", "127.0.0.1:0", "--to", to, "--udp", "--json", "--plan-file", file]
        ])
        const port = portOf((yield* proxy.waitForOutput("stdout", /^\{.*\}$/m))[0])
        yield* send("one", port)
        yield* receive("one")
        Fs.writeFileSync(file, "drop=#1 # no comment\n")
        yield* proxy.kill("SIGHUP")
        yield* proxy.waitForOutput(
          "stderr",
          /not reloaded, the old settings stay: --plan-file [^\n]*: line 1: column 9: expected/
        )
        Fs.writeFileSync(file, "drop=#1\n")
        yield* proxy.kill("SIGHUP")
        yield* proxy.waitForOutput("stderr", /reloaded: plan-file/)
        yield* send("two", port)
        yield* send("three", port)
        yield* receive("three")
        assert.deepStrictEqual(received, ["one", "three"])
        yield* proxy.kill("SIGHUP")
        yield* proxy.waitForOutput("stderr", /reloaded: no option to apply has changed/)
        assert.strictEqual((yield* proxy.shutdown).code, 0)
      })
    )
  )

  it.live.each([
    [["--plan", "drop", "--plan-file", "x"], "give --plan or --plan-file, not both"],
    [[], "no plan: give --plan PLAN, such as drop=10%, or --plan-file FILE"],
    [["--plan-file", "/nowhere/plan"], '--plan-file "/nowhere/plan": no such file or directory']
  ] as const)("%j exits with 2 and one line", ([args, message]) =>
    Effect.gen(function* () {
      const { code, stderr, stdout } = yield* Cli.runInProcess([
        ...["impair", "--listen", "127.0.0.1:0", "--to", "127.0.0.1:1", ...args]
      ])
      assert.deepStrictEqual([code, stdout, stderr.split("\n")[0]], [2, "", `effect-inet: ${message}`])
    })
  )
})

describe("impair --json, --interval and --quiet", () => {
  const proxied = Effect.fnUntraced(function* (...args: ReadonlyArray<string>) {
    const { receive, send, to } = yield* echo
    const all = ["impair", "--listen", "127.0.0.1:0", "--to", to, "--udp", "--plan", "dup=#2", ...args]
    const proxy = yield* Cli.startInProcess(all)
    return { ...proxy, receive, send }
  })
  const statsOf = (stdout: string) =>
    stdout
      .trim()
      .split("\n")
      .map((line) => JSON.parse(line))
      .filter(({ event }) => event !== undefined)

  it.live("print the statistics once at the end, and leave them out of the log", () =>
    run(
      Effect.gen(function* () {
        const { receive, send, shutdown, waitForOutput } = yield* proxied("--json", "--quiet")
        yield* send("one", portOf((yield* waitForOutput("stdout", /^\{.*\}$/m))[0]))
        yield* receive("one")
        const { stderr, stdout } = yield* shutdown
        const all = statsOf(stdout)
        assert.lengthOf(all, 1)
        assert.deepInclude(all[0], { event: "end", faults: [{ rule: "dup=#2", count: 1 }] })
        assert.strictEqual(stderr, "")
      })
    )
  )

  it.live("print the statistics at the interval", () =>
    run(
      Effect.gen(function* () {
        const { shutdown, waitForOutput } = yield* proxied("--json", "--interval", "10ms")
        yield* waitForOutput("stdout", /("event":"stats"[\s\S]*){3}/)
        const { stdout } = yield* shutdown
        const events = statsOf(stdout).map(({ event }) => event)
        assert.isAtLeast(events.length, 4)
        assert.strictEqual(events.indexOf("end"), events.length - 1)
      })
    )
  )

  it.live("log the statistics at the interval without --json", () =>
    run(
      Effect.gen(function* () {
        const { shutdown, waitForOutput } = yield* proxied("--interval", "10ms")
        yield* waitForOutput("stderr", /(clients: 0 udp[\s\S]*){3}/)
        assert.notInclude((yield* shutdown).stdout, "event")
      })
    )
  )
})
