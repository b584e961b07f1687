import * as ChildProcess from "node:child_process"
import * as Fs from "node:fs"
import * as Net from "node:net"
import * as Os from "node:os"
import * as Path from "node:path"
import { assert, describe, it } from "@effect/vitest"
import * as Effect from "effect/Effect"
import * as NetAddress from "effect/net/NetAddress"
import * as Schedule from "effect/Schedule"
import * as runServer from "../../../../src/cli/run/common/runServer.ts"
import * as Network from "../../../../src/network/Network.ts"
import * as NodeInheritedSockets from "../../../../src/network/node/NodeInheritedSockets.ts"
import * as NodeNetwork from "../../../../src/network/node/NodeNetwork.ts"
import * as Cli from "../../../support/Cli.ts"
import * as NotifySocket from "../../../support/NotifySocket.ts"

const isRoot = process.platform === "linux" && process.getuid?.() === 0

/** Starts a server with an admin server on a free port. */
const serveWithAdmin = Effect.fnUntraced(function* (args: ReadonlyArray<string>) {
  const server = yield* Cli.serve([...args, "--admin", "127.0.0.1:0"])
  const [, url] = yield* server.waitForOutput("stderr", /admin server on (http:\/\/[\d.:]+)/)
  const get = (path: string) =>
    Effect.promise(async () => {
      const response = await fetch(`${url}${path}`)
      return { status: response.status, text: await response.text() }
    })
  return { ...server, get }
})

const temporaryFolder = Effect.acquireRelease(
  Effect.sync(() => Fs.mkdtempSync(Path.join(Os.tmpdir(), "effect-inet-"))),
  (folder) => Effect.sync(() => Fs.rmSync(folder, { recursive: true }))
)

/** Returns the users of a process and of its children. */
const usersOf = (pid: number): ReadonlyArray<string> => {
  const uidOf = (of: number) => /^Uid:\s*(.*)$/m.exec(Fs.readFileSync(`/proc/${of}/status`, "utf8"))?.[1]
  const children = Fs.readdirSync(`/proc/${pid}/task`).flatMap((task) =>
    Fs.readFileSync(`/proc/${pid}/task/${task}/children`, "utf8").split(" ").filter(Boolean)
  )
  return [pid, ...children.map(Number)].map((of) => uidOf(of) ?? "")
}

describe("standard input of a server", () => {
  const udp = { _tag: "Udp", fd: 0, name: undefined, family: "udp4", port: 69 } as const
  const stream = { _tag: "Connected", fd: 0, name: undefined, isBidirectional: true } as const
  const tcp = { _tag: "Listening", fd: 0, name: undefined, address: NetAddress.unixPathAddress("/run/x") } as const
  const check = (isUdp: boolean, socket: NodeInheritedSockets.InheritedSocket) =>
    Effect.match(runServer.checkStdin({ name: "x", isUdp }, NodeInheritedSockets.make([socket])), {
      onSuccess: () => "",
      onFailure: ({ message }) => message
    })

  it.effect("must be the kind of socket that the service takes", () =>
    Effect.gen(function* () {
      assert.strictEqual(yield* check(true, udp), "")
      for (const socket of [stream, tcp]) {
        assert.strictEqual(yield* check(false, socket), "")
        assert.strictEqual(
          yield* check(true, socket),
          "x: cannot serve standard input: it is not a UDP socket; inetd passes a UDP socket by dgram udp wait"
        )
      }
      assert.strictEqual(
        yield* check(false, udp),
        "x: cannot serve standard input: it is a UDP socket; inetd passes a connection by stream tcp nowait"
      )
    })
  )
})

describe("a server with --admin", () => {
  it.live("serves its health, metrics and state, and logs JSON with --json", () =>
    Effect.gen(function* () {
      const server = yield* serveWithAdmin(["rot13", "serve"])
      const network = yield* Network.Network
      const client = yield* network.connect(NetAddress.inetAddressFromIpStringUnsafe(server.address, server.port))
      yield* client.write("hello")
      yield* client.pull
      assert.deepStrictEqual(yield* server.get("/health"), {
        status: 200,
        text: '{"status":"ready","services":[{"name":"rot13","state":"ready"}]}'
      })
      const [service] = JSON.parse((yield* server.get("/services")).text)
      assert.deepInclude(service, { name: "rot13", state: "ready", address: `${server.address}:${server.port}` })
      assert.deepInclude(service.stats, { accepted: 1, active: 1 })
      const hasClient = Effect.map(server.get("/metrics"), ({ text }) =>
        /^effect_inet_connections_active\{service="rot13"\} 1$/m.test(text)
      )
      // The counters are published once in a sweep.
      yield* Effect.repeat(hasClient, { until: (found) => found, schedule: Schedule.spaced("10 millis") })
      yield* server.kill("SIGTERM")
      const { code, stderr } = yield* server.ended
      assert.strictEqual(code, 0)
      for (const line of stderr.trim().split("\n")) assert.hasAnyKeys(JSON.parse(line), ["level", "message"])
    }).pipe(Effect.scoped, Effect.provide(NodeNetwork.layer))
  )

  it.live("is unavailable while it drains", () =>
    Effect.gen(function* () {
      const server = yield* serveWithAdmin(["rot13", "serve", "--drain", "1h"])
      const network = yield* Network.Network
      const client = yield* network.connect(NetAddress.inetAddressFromIpStringUnsafe(server.address, server.port))
      // The replies are not read: the handler waits.
      yield* Effect.forkScoped(Effect.ignore(Effect.forever(client.write(new Uint8Array(1 << 20)))))
      // The server is blocked when it has not read anything in ten looks at its counters.
      const received = Effect.map(server.get("/services"), ({ text }) => JSON.parse(text)[0].stats.bytesReceived)
      for (let last = -1, same = 0; same < 10; ) {
        const now = yield* Effect.delay(received, "20 millis")
        same = now > 0 && now === last ? same + 1 : 0
        last = now
      }
      yield* server.kill("SIGTERM")
      yield* Effect.repeat(server.get("/health"), {
        until: ({ status, text }) => status === 503 && /"stopped"/.test(text),
        schedule: Schedule.spaced("10 millis")
      })
      yield* server.kill("SIGKILL")
      yield* server.ended
    }).pipe(Effect.scoped, Effect.provide(NodeNetwork.layer))
  )

  it.live("fails with one line if the admin port is in use, before it listens", () =>
    Effect.gen(function* () {
      const holder = yield* Effect.acquireRelease(
        Effect.callback<Net.Server>((resume) => {
          const server = Net.createServer().listen(0, "127.0.0.1", () => resume(Effect.succeed(server)))
        }),
        (server) => Effect.sync(() => void server.close())
      )
      const { port } = holder.address() as Net.AddressInfo
      const args = ["rot13", "serve", "--port", "0", "--admin", `127.0.0.1:${port}`]
      const { code, stderr, stdout } = yield* Cli.runInProcess(args)
      assert.deepStrictEqual({ code, stdout }, { code: 1, stdout: "" })
      assert.match(
        stderr,
        new RegExp(
          `^effect-inet: rot13: admin server: TCP port ${port} is in use.*; choose another port with --admin\\n$`
        )
      )
    }).pipe(Effect.scoped)
  )
})

describe("a server with NOTIFY_SOCKET", () => {
  it.live.skipIf(!NotifySocket.isAvailable)(
    "reports that it is ready with its address, and that it stops (skipped without systemd-notify or perl)",
    () =>
      Effect.gen(function* () {
        const { path, until } = yield* NotifySocket.receive
        const user = isRoot ? ["--user", "nobody"] : []
        const server = yield* Cli.start(["rot13", "serve", "--port", "0", ...user], { NOTIFY_SOCKET: path })
        const [, address] = yield* server.waitForOutput("stdout", /rot13 on (\S+)/)
        assert.deepStrictEqual(yield* until(/STATUS=/), ["READY=1", `STATUS=rot13 ready on ${address}`])
        yield* server.kill("SIGTERM")
        assert.strictEqual((yield* server.ended).code, 0)
        yield* until(/STOPPING=1/)
      }).pipe(Effect.scoped)
  )

  it.live.skipIf(!NotifySocket.isAvailable)(
    "reports why it cannot start (skipped without systemd-notify or perl)",
    () =>
      Effect.gen(function* () {
        const { path, until } = yield* NotifySocket.receive
        const args = ["rot13", "serve", "--host", "192.0.2.1", "--port", "1"]
        assert.strictEqual((yield* Cli.run(args, { env: { NOTIFY_SOCKET: path } })).code, 1)
        assert.deepStrictEqual(yield* until(/STATUS=/), ["STATUS=rot13: 192.0.2.1:1: not an address of this host"])
      }).pipe(Effect.scoped)
  )
})

describe.skipIf(!isRoot)("a server with --user (skipped without root on Linux)", () => {
  const nobody = ChildProcess.spawnSync("id", ["-u", "nobody"]).stdout.toString().trim()
  const all = Array.from({ length: 4 }, () => nobody).join("\t")

  it.live("listens on a port of root, and runs as the user", () =>
    Effect.gen(function* () {
      const args = ["rot13", "serve", "--host", "127.71.3.9", "--port", "907", "--user", "nobody"]
      const server = yield* Cli.start(args)
      yield* server.waitForOutput("stdout", /127\.71\.3\.9:907/)
      assert.deepStrictEqual(usersOf(server.pid), [all])
      const { stdout } = yield* Cli.runInProcess(["rot13", "send", "127.71.3.9", "907", "Hello"])
      assert.strictEqual(stdout, "Uryyb\n")
    }).pipe(Effect.scoped)
  )

  it.live("starts its worker processes as the user", () =>
    Effect.gen(function* () {
      const model = ["--model", "processes", "--pool", "2"]
      const args = ["guess", "serve", "--host", "127.71.3.9", "--port", "908", "--user", "nobody", ...model]
      const server = yield* Cli.start(args)
      yield* server.waitForOutput("stdout", /127\.71\.3\.9:908/)
      assert.deepStrictEqual(usersOf(server.pid), [all, all, all])
      const stdin = Buffer.from("1001\n")
      const { stdout } = yield* Cli.runInProcess(["guess", "play", "127.71.3.9", "--port", "908"], { stdin })
      assert.match(stdout, /too big/)
    }).pipe(Effect.scoped)
  )

  it.live("creates its files as the user", () =>
    Effect.gen(function* () {
      const folder = yield* temporaryFolder
      Fs.chmodSync(folder, 0o777)
      const scores = Path.join(folder, "scores.txt")
      const server = yield* Cli.serve(["hangman", "serve", "--user", "nobody", "--scores", scores])
      const owners = Fs.readdirSync(folder).map((name) => Fs.statSync(Path.join(folder, name)).uid)
      assert.isNotEmpty(owners)
      assert.deepStrictEqual([...new Set(owners)], [Number(nobody)])
      yield* server.kill("SIGTERM")
      assert.strictEqual((yield* server.ended).code, 0)
    }).pipe(Effect.scoped)
  )

  it.live("fails for threads that would bind a port of root", () =>
    Effect.gen(function* () {
      const args = ["guess", "serve", "--port", "909", "--user", "nobody", "--model", "threads"]
      // Not in this process: it would change its user.
      const { code, stderr } = yield* Cli.run(args)
      assert.strictEqual(code, 2)
      assert.match(stderr, /^effect-inet: --user needs another --model for port 909: [^\n]*\n$/)
    })
  )

  it.live("fails for --group without --user", () =>
    Effect.gen(function* () {
      const { code, stderr } = yield* Cli.runInProcess(["rot13", "serve", "--port", "0", "--group", "nogroup"])
      assert.deepStrictEqual(
        { code, stderr },
        { code: 2, stderr: "effect-inet: --group needs --user: name the user to run as, too\n" }
      )
    })
  )
})
