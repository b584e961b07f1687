import * as ChildProcess from "node:child_process"
import * as Net from "node:net"
import * as Os from "node:os"
import { assert, describe, it } from "@effect/vitest"
import * as Effect from "effect/Effect"
import * as NetAddress from "effect/net/NetAddress"
import * as Network from "../../src/network/Network.ts"
import * as NodeNetwork from "../../src/network/node/NodeNetwork.ts"
import * as Cli from "../support/Cli.ts"
import { outcome, pseudoRandomBytes } from "../support/Hosts.ts"
import { pause } from "../support/Pause.ts"
import { freePort, peerInProcess, waitForChange } from "./run/status/StatusCli.ts"

const has = (command: string) => ChildProcess.spawnSync("which", [command]).status === 0

/** Returns the address of a server as arguments. */
const addressArguments = ({ address, port }: { readonly address: string; readonly port: number }) => [
  address,
  `${port}`
]

/** Starts `up` on free ports, except the given ones. */
const startUp = (ports: Readonly<Record<string, number>> = {}) => {
  const all = { rot13: 0, hangman: 0, guess: 0, board: 0, primes: 0, tftp: 0, status: 0, ...ports }
  return Cli.start(["up", ...Object.entries(all).flatMap(([name, port]) => [`--${name}-port`, `${port}`])])
}

/** The port of a listener, on which a service cannot listen. */
const portInUse = Effect.acquireRelease(
  Effect.callback<Net.Server>((resume) => {
    const server = Net.createServer().listen(0, "127.0.0.1", () => resume(Effect.succeed(server)))
  }),
  (server) => Effect.sync(() => void server.close())
).pipe(Effect.map((server) => (server.address() as Net.AddressInfo).port))

describe("rot13 serve and send", () => {
  it.live("prints the reply to each message, in each style", () =>
    Effect.gen(function* () {
      const server = yield* Cli.serveInProcess(["rot13", "serve"])
      const send = (...args: ReadonlyArray<string>) =>
        Effect.map(
          Cli.runInProcess(["rot13", "send", ...args.slice(0, -2), ...addressArguments(server), ...args.slice(-2)]),
          ({ stdout }) => stdout
        )
      assert.strictEqual(yield* send("Hello", "Wörld"), "Uryyb\nJöeyq\n")
      assert.strictEqual(yield* send("--style", "new", "Hello", ""), "Received 6 bytes: Uryyb\nReceived 1 bytes: \n")
      assert.strictEqual(yield* send("--json", "a", "b"), '{"sent":"a","received":"n"}\n{"sent":"b","received":"o"}\n')
    }).pipe(Effect.scoped)
  )

  it.live("sends 8 MiB of standard input, and restores it when sent twice", () =>
    Effect.gen(function* () {
      const server = yield* Cli.serve(["rot13", "serve"])
      const plain = pseudoRandomBytes(8 << 20)
      const once = yield* Cli.run(["rot13", "send", ...addressArguments(server)], { stdin: plain })
      assert.notDeepEqual(once.stdout, Buffer.from(plain))
      const twice = yield* Cli.run(["rot13", "send", ...addressArguments(server)], { stdin: once.stdout })
      assert.isTrue(twice.stdout.equals(plain))
    }).pipe(Effect.scoped)
  )

  it.live("rotates only lower case letters with --case lower", () =>
    Effect.gen(function* () {
      const server = yield* Cli.serveInProcess(["rot13", "serve", "--case", "lower"])
      const { stdout } = yield* Cli.runInProcess(["rot13", "send", ...addressArguments(server), "Hello"])
      assert.strictEqual(stdout, "Hryyb\n")
    }).pipe(Effect.scoped)
  )

  it.live.skipIf(!has("nc"))("serves nc (skipped without nc)", () =>
    Effect.gen(function* () {
      const server = yield* Cli.serveInProcess(["rot13", "serve"])
      const nc = ChildProcess.spawn("nc", ["-N", ...addressArguments(server)])
      nc.stdin.end("Hello\n")
      let output = ""
      nc.stdout.on("data", (bytes) => {
        output += bytes
      })
      yield* Effect.promise(() => new Promise((resolve) => nc.once("close", resolve)))
      assert.strictEqual(output, "Uryyb\n")
    }).pipe(Effect.scoped)
  )
})

/** Connects a client and waits for the first reply of the server. */
const connect = Effect.fnUntraced(function* ({ address, port }: { readonly address: string; readonly port: number }) {
  const network = yield* Network.Network
  const connection = yield* network.connect(NetAddress.inetAddressFromIpStringUnsafe(address, port))
  yield* connection.write("x")
  yield* connection.pull
  return connection
})

/** Sends without reading until the connection stalls: the server cannot write its replies, so it stops reading. */
const stopReading = Effect.fnUntraced(function* (connection: Network.Connection) {
  yield* Effect.forkScoped(Effect.ignore(Effect.forever(connection.write(new Uint8Array(1 << 20)))))
  // A slow server on a busy machine reads again within this time.
  for (let sent = -1, since = performance.now(); performance.now() - since < 500; ) {
    const now = connection.traffic().sent
    if (now !== sent) since = performance.now()
    sent = now
    yield* pause
  }
})

describe("SIGINT and SIGTERM", () => {
  it.live("end a server at the drain deadline with exit code 0, although one of 100 clients never reads", () =>
    Effect.gen(function* () {
      const server = yield* Cli.serve(["rot13", "serve", "--drain", "500ms"])
      yield* Effect.all(Array.from({ length: 99 }, () => connect(server)))
      yield* stopReading(yield* connect(server))
      yield* server.kill("SIGTERM")
      const { code } = yield* server.ended
      assert.strictEqual(code, 0)
    }).pipe(Effect.scoped, Effect.provide(NodeNetwork.layer))
  )

  it.live("end a server at the second signal with exit code 130, without waiting for the drain", () =>
    Effect.gen(function* () {
      const server = yield* Cli.serve(["rot13", "serve", "--drain", "1h"])
      const network = yield* Network.Network
      yield* stopReading(yield* connect(server))
      yield* server.kill("SIGINT")
      // The server is draining as soon as it has closed its port.
      const address = NetAddress.inetAddressFromIpStringUnsafe(server.address, server.port)
      while ((yield* outcome(Effect.scoped(network.connect(address)))) === "Success") yield* pause
      yield* server.kill("SIGINT")
      assert.strictEqual((yield* server.ended).code, 130)
    }).pipe(Effect.scoped, Effect.provide(NodeNetwork.layer))
  )

  it.live("end a client with exit code 130", () =>
    Effect.gen(function* () {
      const server = yield* Cli.serve(["rot13", "serve"])
      const client = yield* Cli.start(["rot13", "send", ...addressArguments(server)])
      client.stdin.write("Hello\n")
      yield* client.waitForOutput("stdout", /Uryyb/)
      yield* client.kill("SIGINT")
      assert.strictEqual((yield* client.ended).code, 130)
    }).pipe(Effect.scoped)
  )
})

describe("up", () => {
  it.live("prints an example command per service, and exits with 0 on Ctrl-C", () =>
    Effect.gen(function* () {
      const up = yield* startUp()
      const [, address, port, attempt] = yield* up.waitForOutput("stdout", /^rot13 +(127\.0\.0\.1):(\d+) +(printf.*)$/m)
      yield* up.waitForOutput("stderr", /Ctrl-C/)
      assert.strictEqual(attempt, `printf 'Hello\\n' | nc -N ${address} ${port}`)
      const { stdout } = yield* Cli.runInProcess(["rot13", "send", address!, port!, "Hello"])
      assert.strictEqual(stdout, "Uryyb\n")
      for (const [name, line, answer] of [
        ["hangman", "guest\nquit\n", /A word of \d+ letters/],
        ["guess", "1001\n", /^too big$/m],
        ["board", "hello\nquit\n", /^hello 1 size 5/]
      ] as const) {
        const [, host, port] = yield* up.waitForOutput(
          "stdout",
          new RegExp(`^${name} +([0-9.]+):(\\d+) .*nc .*\\1 \\2$`, "m")
        )
        const played = yield* Cli.runInProcess([name, "play", host!, "--port", port!], { stdin: Buffer.from(line) })
        assert.match(played.stdout, answer)
      }
      yield* up.kill("SIGINT")
      assert.strictEqual((yield* up.ended).code, 0)
    }).pipe(Effect.scoped)
  )

  it.live("joins as a status peer on this machine, and prints the command that shows it", () =>
    Effect.gen(function* () {
      const port = yield* freePort
      const watcher = yield* peerInProcess(port, "watcher", "--json")
      const up = yield* startUp({ status: port })
      const [, attempt] = yield* up.waitForOutput("stdout", /^status +127\.255\.255\.255:\d+ +(\S.*)$/m)
      assert.match(attempt!, new RegExp(` status --address 127\\.255\\.255\\.255 --port ${port} --once$`))
      const name = `up@${Os.hostname()}`
      assert.deepInclude((yield* waitForChange(watcher, "Joined", name)).payload, { host: Os.hostname() })
      yield* up.waitForOutput("stderr", /7 of 7 services up/)
      yield* up.kill("SIGINT")
      yield* waitForChange(watcher, "Left", name)
      assert.strictEqual((yield* up.ended).code, 0)
    }).pipe(Effect.scoped)
  )

  it.live.skipIf(process.platform !== "linux")(
    "logs the process that uses a port and the flag of another port, and starts the other services (skipped without /proc)",
    () =>
      Effect.gen(function* () {
        const port = yield* portInUse
        const up = yield* startUp({ rot13: port })
        const fix = `\\(pid ${process.pid}\\); choose another port with --rot13-port`
        yield* up.waitForOutput("stderr", new RegExp(`TCP port ${port} is in use by .* ${fix}`))
        yield* up.waitForOutput("stderr", /5 of 6 services up/)
        yield* up.kill("SIGINT")
        assert.strictEqual((yield* up.ended).code, 0)
      }).pipe(Effect.scoped)
  )
})

describe("output", () => {
  it.live("exits with 0 if the reader of stdout closes the pipe", () =>
    Effect.gen(function* () {
      const services = yield* Cli.start(["services"])
      services.stdout.destroy()
      assert.deepInclude(yield* services.ended, { code: 0, stderr: "" })
    }).pipe(Effect.scoped)
  )

  it.live("is JSON for resolve and services with --json", () =>
    Effect.gen(function* () {
      const json = (...args: ReadonlyArray<string>) =>
        Effect.map(Cli.runInProcess([...args, "--json"]), ({ stdout }) => JSON.parse(stdout))
      const expected = { family: 6, address: "::1", port: 22 }
      assert.deepInclude((yield* json("resolve", "::1", "22", "--type", "stream"))[0], expected)
      const [local] = yield* json("resolve", "localhost", "http")
      assert.deepInclude(local, { socktype: "stream", protocol: "tcp", port: 80 })
      assert.deepInclude(yield* json("services", "69", "--protocol", "udp"), { name: "tftp", port: 69 })
      assert.deepInclude(yield* json("services", "rot13", "--protocol", "tcp"), { name: "rot13", port: 1067 })
    })
  )

  it.live("of demo boundaries shows that UDP keeps message boundaries and TCP does not", () =>
    Effect.gen(function* () {
      const { stdout } = yield* Cli.runInProcess(["demo", "boundaries", "--json"])
      const { sent, tcp, udp } = JSON.parse(stdout)
      const sum = (sizes: ReadonlyArray<number>) => sizes.reduce((total, size) => total + size, 0)
      assert.deepStrictEqual(udp, { reads: sent, large: "MessageTooLarge" })
      assert.strictEqual(sum(tcp.reads), sum(sent))
      assert.isBelow(tcp.reads.length, sent.length)
      assert.isAbove(tcp.large.length, 1)
    })
  )
})
