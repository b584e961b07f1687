import * as ChildProcess from "node:child_process"
import * as Dgram from "node:dgram"
import { once } from "node:events"
import * as Fs from "node:fs"
import * as Net from "node:net"
import * as Os from "node:os"
import * as Path from "node:path"
import { assert, describe, it } from "@effect/vitest"
import * as Effect from "effect/Effect"
import * as Fiber from "effect/Fiber"
import * as NetAddress from "effect/net/NetAddress"
import * as Schema from "effect/Schema"
import * as NodeInheritedClaims from "../../../src/network/node/NodeInheritedClaims.ts"
import * as NodeInheritedSockets from "../../../src/network/node/NodeInheritedSockets.ts"

const program = Path.join(import.meta.dirname, "InheritedServer.ts")
const isLinux = process.platform === "linux"
const activator = "systemd-socket-activate"
const hasActivator = ChildProcess.spawnSync("which", [activator]).status === 0

/** Quotes arguments for a shell. */
const quote = (...words: ReadonlyArray<string>) => words.map((word) => `'${word}'`).join(" ")

const command = (mode: string) => ["--no-warnings", program, mode]

type Stdio = ReadonlyArray<"pipe" | "ignore" | number | Net.Socket>

/** Starts a program, which is killed when the scope closes. Returns it, and the first line of its stderr. */
const start = Effect.fnUntraced(function* (file: string, args: ReadonlyArray<string>, stdio: Stdio) {
  const child = yield* Effect.acquireRelease(
    Effect.sync(() => ChildProcess.spawn(file, args, { stdio: [...stdio] })),
    (child) => Effect.sync(() => void child.kill("SIGKILL"))
  )
  const exit = once(child, "exit")
  let errors = ""
  const ready = new Promise<{ readonly addresses: ReadonlyArray<string>; readonly env: string }>((resolve) =>
    child.stderr!.on("data", (bytes: Buffer) => {
      errors += bytes.toString()
      const line = errors.split("\n").find((line) => line.startsWith("{"))
      if (line !== undefined) resolve(JSON.parse(line))
    })
  )
  const orExit = <A>(promise: Promise<A>) =>
    Promise.race([promise, exit.then(([code]) => Promise.reject(new Error(`exited with code ${code}: ${errors}`)))])
  return { child, exit, ready: Effect.promise(() => orExit(ready)), errors: () => errors }
})

const listen = (options: Net.ListenOptions) =>
  Effect.acquireRelease(
    Effect.promise(async () => {
      const server = Net.createServer()
      server.listen(options)
      await once(server, "listening")
      return server
    }),
    (server) => Effect.sync(() => void server.close())
  )

const bindUdpOn = (type: Dgram.SocketType, address: string) =>
  Effect.acquireRelease(
    Effect.promise(async () => {
      const socket = Dgram.createSocket(type)
      socket.bind(0, address)
      await once(socket, "listening")
      return socket
    }),
    (socket) => Effect.ignore(Effect.try(() => socket.close()))
  )

const bindUdp = bindUdpOn("udp4", "127.0.0.1")

const fdOf = (server: Net.Server) => (server as unknown as { readonly _handle: { readonly fd: number } })._handle.fd

const fdOfUdp = (socket: Dgram.Socket) => {
  const symbol = Object.getOwnPropertySymbols(socket).find(({ description }) => description === "state symbol")!
  return (socket as unknown as Record<symbol, { readonly handle: { readonly fd: number } }>)[symbol]!.handle.fd
}

/** Sends a text over a connection and returns all that arrives until its end. */
const exchange = (options: Net.NetConnectOpts, text: string) =>
  Effect.promise(async () => {
    const socket = Net.connect({ ...options, allowHalfOpen: true })
    socket.end(text)
    let received = ""
    for await (const bytes of socket) received += String(bytes)
    return received
  })

const exchangeDatagram = (port: number, text: string) =>
  Effect.promise(async () => {
    const socket = Dgram.createSocket("udp4")
    socket.send(text, port, "127.0.0.1")
    const [bytes] = await once(socket, "message")
    socket.close()
    return String(bytes)
  })

const text = (stream: NodeJS.ReadableStream) =>
  Effect.promise(async () => {
    let all = ""
    for await (const bytes of stream) all += String(bytes)
    return all
  })

describe("NodeInheritedSockets.descriptorsOf", () => {
  it("returns the descriptors from 3 on, with their names", () => {
    const env = { LISTEN_FDS: "3", LISTEN_PID: "7", LISTEN_FDNAMES: "rot13::tftp" }
    assert.deepStrictEqual(NodeInheritedSockets.descriptorsOf(env, 7), [
      { fd: 3, name: "rot13" },
      { fd: 4, name: undefined },
      { fd: 5, name: "tftp" }
    ])
  })

  it("returns none without the variables, or for another process", () => {
    assert.deepStrictEqual(NodeInheritedSockets.descriptorsOf({}, 7), [])
    assert.deepStrictEqual(NodeInheritedSockets.descriptorsOf({ LISTEN_FDS: "1" }, 7), [])
    assert.deepStrictEqual(NodeInheritedSockets.descriptorsOf({ LISTEN_FDS: "1", LISTEN_PID: "8" }, 7), [])
  })

  it.prop("returns a number of descriptors or undefined for any text", [Schema.String], ([count]) => {
    const found = NodeInheritedSockets.descriptorsOf({ LISTEN_FDS: count, LISTEN_PID: "7" }, 7)
    assert.strictEqual(found?.length, /^\d{1,4}$/.test(count) ? Number(count) : undefined)
  })
})

describe("NodeInheritedClaims", () => {
  const inet = (port: number) => NetAddress.inetAddressUnsafe(NetAddress.ipv4Unspecified, port)
  const tcp = (fd: number, port: number): NodeInheritedSockets.ListeningSocket => ({
    _tag: "Listening",
    fd,
    name: undefined,
    address: inet(port)
  })
  const unix: NodeInheritedSockets.ListeningSocket = {
    _tag: "Listening",
    fd: 9,
    name: undefined,
    address: NetAddress.unixPathAddress("/run/x")
  }
  const udp = (fd: number, port: number): NodeInheritedSockets.UdpSocket => ({
    _tag: "Udp",
    fd,
    name: undefined,
    family: "udp4",
    port
  })

  it("prefers the socket of the port, then the first of the kind, then any that listens", () => {
    const holder = NodeInheritedSockets.make([unix, tcp(3, 1), tcp(4, 2), tcp(5, 3)])
    const claims = [2, 7, 0, 7, 7].map((port) => NodeInheritedClaims.claimListener(holder, { port })?.fd)
    assert.deepStrictEqual(claims, [4, 3, 5, 9, undefined])
    assert.strictEqual(
      NodeInheritedClaims.claimListener(NodeInheritedSockets.make([tcp(3, 1), unix]), { path: "/run/y" })?.fd,
      9
    )
  })

  it("claims only the requested address if addresses are exact", () => {
    const holder = NodeInheritedSockets.make([unix, tcp(3, 1), udp(4, 69)], { exactAddresses: true })
    assert.isUndefined(NodeInheritedClaims.claimListener(holder, { port: 2 }))
    assert.isUndefined(NodeInheritedClaims.claimListener(holder, { path: "/run/y" }))
    assert.isUndefined(NodeInheritedClaims.claimUdp(holder, { port: 70 }))
    assert.strictEqual(NodeInheritedClaims.claimListener(holder, { port: 1 })?.fd, 3)
    assert.strictEqual(NodeInheritedClaims.claimListener(holder, { path: "/run/x" })?.fd, 9)
    assert.strictEqual(NodeInheritedClaims.claimUdp(holder, { port: 69 })?.fd, 4)
  })

  it("gives no socket to clients, or to threads that share a port", () => {
    const holder = NodeInheritedSockets.make([tcp(3, 1), udp(4, 69)])
    assert.isUndefined(NodeInheritedClaims.claimUdp(holder, {}))
    assert.isUndefined(NodeInheritedClaims.claimUdp(holder, { port: 69, remote: { address: "127.0.0.1", port: 1 } }))
    assert.isUndefined(NodeInheritedClaims.claimListener(holder, { port: 1, reusePort: true }))
    assert.strictEqual(NodeInheritedClaims.claimUdp(holder, { port: 6_969 })?.fd, 4)
  })
})

describe.runIf(isLinux)("a program with inherited sockets", () => {
  it.live("serves the TCP and UDP sockets of its parent, and closes others", () =>
    Effect.gen(function* () {
      const server = yield* listen({ host: "127.0.0.1", port: 0 })
      const unused = yield* listen({ host: "127.0.0.1", port: 0 })
      const socket = yield* bindUdp
      const { port } = server.address() as Net.AddressInfo
      const udpPort = socket.address().port
      const script = `LISTEN_PID=$$ LISTEN_FDS=3 exec ${quote(process.execPath, ...command("environment"))}`
      const stdio = ["ignore", "ignore", "pipe", fdOf(server), fdOfUdp(socket), fdOf(unused)] as const
      const { child, errors, exit, ready } = yield* start("sh", ["-c", script], stdio)
      const { addresses, env } = yield* ready
      assert.deepStrictEqual(addresses.slice(0, 2), [`127.0.0.1:${port}`, `127.0.0.1:${udpPort}`])
      assert.strictEqual(env, "unset")
      // Else this process would accept some of the connections, too.
      server.close()
      socket.close()
      assert.match(errors(), /inherited descriptor 5 closed: no server uses TCP port \d+/)
      assert.strictEqual(yield* exchange({ host: "127.0.0.1", port }, "hello"), "hello")
      assert.strictEqual(yield* exchangeDatagram(udpPort, "ping"), "ping")
      child.kill("SIGTERM")
      yield* Effect.promise(() => exit)
    }).pipe(Effect.scoped)
  )

  it.live("has the addresses of IPv4 clients as such, if the sockets have both families", () =>
    Effect.gen(function* () {
      const server = yield* listen({ host: "::", port: 0 })
      const socket = yield* bindUdpOn("udp6", "::")
      const udpPort = socket.address().port
      const script = `LISTEN_PID=$$ LISTEN_FDS=2 exec ${quote(process.execPath, ...command("peers"))}`
      const { ready } = yield* start("sh", ["-c", script], ["ignore", "ignore", "pipe", fdOf(server), fdOfUdp(socket)])
      yield* ready
      const { port } = server.address() as Net.AddressInfo
      server.close()
      socket.close()
      assert.match(yield* exchange({ host: "127.0.0.1", port }, "hello"), /^127\.0\.0\.1:\d+$/)
      assert.match(yield* exchangeDatagram(udpPort, "ping"), /^127\.0\.0\.1:\d+$/)
    }).pipe(Effect.scoped)
  )

  it.live("serves standard input and output that are pipes as its only connection, and ends with it", () =>
    Effect.gen(function* () {
      const { child, exit, ready } = yield* start(process.execPath, command("stdio"), ["pipe", "pipe", "pipe"])
      yield* ready
      child.stdin!.end("hello")
      assert.strictEqual(yield* text(child.stdout!), "hello")
      assert.deepStrictEqual(yield* Effect.promise(() => exit), [0, null])
    }).pipe(Effect.scoped)
  )

  it.live("writes to standard output that is a file", () =>
    Effect.gen(function* () {
      const path = Path.join(Os.tmpdir(), `inet-stdout-${process.pid}`)
      const file = yield* Effect.acquireRelease(
        Effect.sync(() => Fs.openSync(path, "w")),
        () => Effect.sync(() => Fs.rmSync(path))
      )
      const { child, exit } = yield* start(process.execPath, command("stdio"), ["pipe", file, "pipe"])
      Fs.closeSync(file)
      child.stdin!.end("hello")
      assert.deepStrictEqual(yield* Effect.promise(() => exit), [0, null])
      assert.strictEqual(Fs.readFileSync(path, "utf8"), "hello")
    }).pipe(Effect.scoped)
  )

  const noFull = !Fs.existsSync("/dev/full")
  it.live.skipIf(noFull)("fails if standard output is a file on a full disk (skipped without /dev/full)", () =>
    Effect.gen(function* () {
      const file = yield* Effect.acquireRelease(
        Effect.sync(() => Fs.openSync("/dev/full", "w")),
        (file) => Effect.sync(() => Fs.closeSync(file))
      )
      const { child, errors, exit } = yield* start(process.execPath, command("stdio"), ["pipe", file, "pipe"])
      child.stdin!.end("hello")
      assert.deepStrictEqual(yield* Effect.promise(() => exit), [1, null])
      assert.include(errors(), "cannot write standard output: no space left on device")
    }).pipe(Effect.scoped)
  )

  it.live("fails if the reader of standard output has closed the pipe", () =>
    Effect.gen(function* () {
      const { child, errors, exit, ready } = yield* start(process.execPath, command("stdio"), ["pipe", "pipe", "pipe"])
      child.stdout!.destroy()
      yield* ready
      child.stdin!.end("hello")
      assert.deepStrictEqual(yield* Effect.promise(() => exit), [1, null])
      assert.include(errors(), "cannot write standard output: the reader has closed the pipe")
    }).pipe(Effect.scoped)
  )

  it.live("serves a connection that inetd passes as descriptors 0 and 1", () =>
    Effect.gen(function* () {
      const inetd = yield* listen({ host: "127.0.0.1", port: 0 })
      const accepted = once(inetd, "connection") as Promise<[Net.Socket]>
      const { port } = inetd.address() as Net.AddressInfo
      const reply = yield* Effect.forkChild(exchange({ host: "127.0.0.1", port }, "hello"), { startImmediately: true })
      const [socket] = yield* Effect.promise(() => accepted)
      socket.pause()
      const { exit, ready } = yield* start(process.execPath, command("stdio"), [socket, socket, "pipe"])
      socket.destroy()
      yield* ready
      assert.deepStrictEqual(yield* Effect.promise(() => exit), [0, null])
      assert.strictEqual(yield* Fiber.join(reply), "hello")
    }).pipe(Effect.scoped)
  )

  it.live("ends in order if the peer of such a connection has gone before the answer", () =>
    Effect.gen(function* () {
      const inetd = yield* listen({ host: "127.0.0.1", port: 0 })
      const accepted = once(inetd, "connection") as Promise<[Net.Socket]>
      const client = Net.connect((inetd.address() as Net.AddressInfo).port, "127.0.0.1")
      client.on("error", () => {})
      const [socket] = yield* Effect.promise(() => accepted)
      socket.pause()
      const { exit, ready } = yield* start(process.execPath, command("stdio"), [socket, socket, "pipe"])
      socket.destroy()
      yield* ready
      client.write("hello", () => client.resetAndDestroy())
      assert.deepStrictEqual(yield* Effect.promise(() => exit), [0, null])
    }).pipe(Effect.scoped)
  )

  it.live("serves a UDP socket that inetd passes as descriptors 0 and 1", () =>
    Effect.gen(function* () {
      const socket = yield* bindUdp
      const { port } = socket.address()
      const fd = fdOfUdp(socket)
      const { ready } = yield* start(process.execPath, command("datagrams"), [fd, fd, "pipe"])
      const { addresses } = yield* ready
      socket.close()
      assert.strictEqual(addresses[1], `127.0.0.1:${port}`)
      assert.strictEqual(yield* exchangeDatagram(port, "ping"), "ping")
    }).pipe(Effect.scoped)
  )

  it.live("refuses standard input that is a file", () =>
    Effect.gen(function* () {
      const { errors, exit } = yield* start(process.execPath, command("stdio"), ["ignore", "pipe", "pipe"])
      assert.deepStrictEqual(yield* Effect.promise(() => exit), [1, null])
      assert.include(errors(), "cannot serve standard input")
    }).pipe(Effect.scoped)
  )

  it.live.skipIf(!hasActivator)(`is started by ${activator} (skipped without it)`, () =>
    Effect.gen(function* () {
      const directory = yield* Effect.acquireRelease(
        Effect.sync(() => Fs.mkdtempSync(Path.join(Os.tmpdir(), "inet-activate-"))),
        (path) => Effect.sync(() => Fs.rmSync(path, { recursive: true, force: true }))
      )
      const path = Path.join(directory, "socket")
      const args = ["-l", path, process.execPath, ...command("environment")]
      const { child, errors, exit } = yield* start(activator, args, ["ignore", "ignore", "pipe"])
      yield* Effect.promise(async () => {
        while (!errors().includes("Listening on")) await once(child.stderr!, "data")
      })
      assert.strictEqual(yield* exchange({ path }, "hello"), "hello")
      assert.strictEqual(yield* exchange({ path }, "again"), "again")
      child.kill("SIGTERM")
      yield* Effect.promise(() => exit)
    }).pipe(Effect.scoped)
  )
})
