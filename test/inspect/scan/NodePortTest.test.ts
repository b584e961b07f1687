import * as ChildProcess from "node:child_process"
import * as Dgram from "node:dgram"
import * as Net from "node:net"
import { assert, describe, it } from "@effect/vitest"
import * as Effect from "effect/Effect"
import * as Layer from "effect/Layer"
import * as Stream from "effect/Stream"
import * as PortScan from "../../../src/inspect/PortScan.ts"
import * as NodePortTest from "../../../src/inspect/scan/NodePortTest.ts"
import * as NodeNetwork from "../../../src/network/node/NodeNetwork.ts"
import { assertNoLeaks } from "../../support/Handles.ts"

/** An address of this host that no other test uses. */
const address = "127.0.0.43"

/** Starts a server on a free port. */
const serve = (host: string, onConnection: (socket: Net.Socket) => void = () => {}) =>
  Effect.acquireRelease(
    Effect.callback<{ readonly server: Net.Server; readonly sockets: Set<Net.Socket>; readonly port: number }>(
      (resume) => {
        const sockets = new Set<Net.Socket>()
        const server = Net.createServer((socket) => {
          sockets.add(socket)
          socket.on("error", () => {})
          onConnection(socket)
        })
        server.listen(0, host, () =>
          resume(Effect.succeed({ server, sockets, port: (server.address() as Net.AddressInfo).port }))
        )
      }
    ),
    ({ server, sockets }) =>
      Effect.callback<void>((resume) => {
        for (const socket of sockets) socket.destroy()
        server.close(() => resume(Effect.void))
      })
  )

/** A program with servers of its own processor, which reset connections before their clients look. */
const resetProgram = `
  const ports = []
  for (let left = Number(process.argv[2]); left > 0; left--) {
    const server = require("node:net").createServer((socket) => socket.resetAndDestroy())
    server.listen(0, process.argv[1], () => {
      ports.push(server.address().port)
      if (ports.length === Number(process.argv[2])) console.log(ports.join(" "))
    })
  }`

/** Starts servers in another process that reset each connection, and returns their ports. */
const resetters = (host: string, count: number) =>
  Effect.acquireRelease(
    Effect.callback<{ readonly child: ChildProcess.ChildProcess; readonly ports: ReadonlyArray<number> }>((resume) => {
      const child = ChildProcess.spawn(process.execPath, ["-e", resetProgram, host, `${count}`])
      child.stdout.once("data", (line) =>
        resume(Effect.succeed({ child, ports: `${line}`.trim().split(" ").map(Number) }))
      )
    }),
    ({ child }) => Effect.sync(() => void child.kill("SIGKILL"))
  ).pipe(Effect.map(({ ports }) => ports))

const bindUdp = (host: string, onMessage: (socket: Dgram.Socket, from: Dgram.RemoteInfo) => void) =>
  Effect.acquireRelease(
    Effect.callback<Dgram.Socket>((resume) => {
      const socket = Dgram.createSocket("udp4")
      socket.on("message", (_, from) => onMessage(socket, from))
      socket.bind(0, host, () => resume(Effect.succeed(socket)))
    }),
    (socket) => Effect.sync(() => void socket.close())
  )

const scan = (options: PortScan.Options, layer: NodePortTest.Options = {}) =>
  PortScan.scan(options).pipe(
    Stream.filter((event) => event._tag === "Port"),
    Stream.runCollect,
    Effect.map((ports) => new Map(ports.map(({ port, verdict }) => [port, verdict]))),
    Effect.provide(Layer.merge(NodePortTest.layerWith(layer), NodeNetwork.layer))
  )

/** Returns the port and those around it, without those that others may have. */
const around = (port: number, count: number) =>
  Array.from({ length: count }, (_, index) => ((port + index - 1) % 65_535) + 1)

describe("NodePortTest", () => {
  for (const [name, layer] of [
    ["on libuv's handles", {}],
    ["over node:net", { documentedSockets: true }],
    ["in threads", { minThreadedTests: 1, threads: 2 }]
  ] as const) {
    it.live(`finds the open port among 2,000 of IPv4, ${name}`, () =>
      Effect.gen(function* () {
        const { port } = yield* serve(address)
        const found = yield* scan({ hosts: [address], ports: around(port, 2_000), identify: false }, layer)
        assert.strictEqual(found.size, 2_000)
        assert.deepStrictEqual(
          [...found].filter(([, verdict]) => verdict !== "closed"),
          [[port, "open"]]
        )
      }).pipe(Effect.scoped, assertNoLeaks)
    )
  }

  it.live.each([{}, { documentedSockets: true }])(
    "finds a port open whose server resets each connection at once (%o)",
    (layer) =>
      Effect.gen(function* () {
        const ports = yield* resetters(address, 40)
        const found = yield* scan({ hosts: [address], ports, identify: false }, layer)
        assert.deepStrictEqual(new Set(found.values()), new Set(["open" as const]))
      }).pipe(Effect.scoped)
  )

  it.live("finds ports of IPv6", () =>
    Effect.gen(function* () {
      const { port } = yield* serve("::1")
      const found = yield* scan({ hosts: ["::1"], ports: [port], identify: false })
      assert.deepStrictEqual([...found], [[port, "open"]])
    }).pipe(Effect.scoped, assertNoLeaks)
  )

  it.live("finds open, closed and silent UDP ports", () =>
    Effect.gen(function* () {
      const echo = yield* bindUdp(address, (socket, from) => socket.send("x", from.port, from.address))
      const silent = yield* bindUdp(address, () => {})
      const ports = [echo.address().port, silent.address().port]
      const closed = around(ports[0]!, 30).filter((port) => !ports.includes(port))
      const found = yield* scan({ hosts: [address], ports: [...ports, ...closed], transport: "udp", identify: false })
      assert.strictEqual(found.get(ports[0]!), "open")
      assert.strictEqual(found.get(ports[1]!), "open|filtered")
      assert.deepStrictEqual(new Set(closed.map((port) => found.get(port))), new Set(["closed" as const]))
    }).pipe(Effect.scoped, assertNoLeaks)
  )

  describe("identification", () => {
    const identify = Effect.fnUntraced(function* (onConnection: (socket: Net.Socket) => void) {
      const { port } = yield* serve(address, onConnection)
      const events = yield* PortScan.scan({ hosts: [address], ports: [port] }).pipe(
        Stream.filter((event) => event._tag === "Port"),
        Stream.runCollect,
        Effect.provide(Layer.merge(NodePortTest.layer, NodeNetwork.layer))
      )
      return events[0]!.identity
    }, Effect.scoped)

    /** Replies to the first bytes of each client, or closes its connection: a silent server is not asked further. */
    const reply = (respond: (request: Buffer) => string | Uint8Array | undefined) => (socket: Net.Socket) => {
      socket.once("data", (request) => {
        const answer = respond(request)
        if (answer === undefined) socket.end()
        else socket.write(answer)
      })
    }

    it.live.each([
      ["http", /^GET \//, "HTTP/1.1 200 OK\r\nServer: nginx/1.22\r\n\r\n", "nginx/1.22"],
      ["redis", /^INFO server\r\n/, "$30\r\n# Server\r\nredis_version:7.0.15\r\n", "version 7.0.15"],
      ["postgresql", /^.{4}.{4}$/s, "N", "without TLS"]
    ] as const)("recognizes %s on any port", ([service, request, answer, detail]) =>
      Effect.gen(function* () {
        const found = yield* identify(reply((bytes) => (request.test(bytes.toString("latin1")) ? answer : undefined)))
        assert.deepStrictEqual(found, { service, detail })
      })
    )

    it.live("ends at servers that close, send garbage, or never stop", () =>
      Effect.gen(function* () {
        const flood = (socket: Net.Socket) => {
          const chunk = Buffer.alloc(65_536, 0x80)
          const write = (): void => {
            while (socket.write(chunk));
            socket.once("drain", write)
          }
          write()
        }
        const [closed, garbage, flooded] = yield* Effect.all(
          [
            identify((socket) => socket.end()),
            identify((socket) => socket.write(Uint8Array.from({ length: 500 }, (_, index) => (index * 7) % 256))),
            identify(flood)
          ],
          { concurrency: "unbounded" }
        )
        assert.deepStrictEqual(closed, { service: "tcpwrapped" })
        assert.strictEqual(garbage?.service, "unknown")
        assert.strictEqual(flooded?.service, "unknown")
        for (const { detail = "" } of [garbage!, flooded!]) {
          assert.isAtMost(detail.length, 83)
          assert.notMatch(detail, /[\p{Cc}]/u)
        }
      }).pipe(assertNoLeaks)
    )

    it.live("gives a server up that sends a byte at a time", () =>
      Effect.gen(function* () {
        const found = yield* identify((socket) => {
          const timer = setInterval(() => socket.write("x"), 100)
          socket.on("close", () => clearInterval(timer))
        })
        assert.match(found?.detail ?? "", /^x+$/)
      }).pipe(assertNoLeaks)
    )
  })
})
