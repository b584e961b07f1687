import * as Net from "node:net"
import { assert, describe, it } from "@effect/vitest"
import * as Effect from "effect/Effect"
import * as HttpServer from "effect/http/HttpServer"
import * as Latch from "effect/Latch"
import * as Layer from "effect/Layer"
import type * as NetAddress from "effect/net/NetAddress"
import type * as Scope from "effect/Scope"
import * as NodeAdminServer from "../../src/admin/NodeAdminServer.ts"
import * as Network from "../../src/network/Network.ts"
import * as NodeDescriptorBudget from "../../src/network/node/NodeDescriptorBudget.ts"
import * as NodeNetwork from "../../src/network/node/NodeNetwork.ts"
import * as Handles from "../support/Handles.ts"

type Options = Parameters<typeof NodeAdminServer.layer>[0]

/** Starts a server until the scope closes and returns its port. */
const start = (options: Partial<Options> = {}) =>
  Effect.map(
    Effect.flatMap(Layer.build(NodeAdminServer.layer({ port: 0, ...options })), (context) =>
      Effect.provideContext(HttpServer.HttpServer, context)
    ),
    ({ address }) => (address as NetAddress.InetAddress).port
  )

/** Connects, sends a text, and collects what arrives until the connection closes. */
const connect = (port: number, text: string) => {
  const socket = Net.connect(port, "127.0.0.1")
  let received = ""
  socket.on("data", (bytes) => {
    received += bytes
  })
  socket.on("error", () => {})
  const opened = new Promise<void>((resolve) => socket.once("connect", resolve))
  const closed = new Promise<string>((resolve) => socket.once("close", () => resolve(received)))
  if (text !== "") socket.write(text)
  return { socket, opened, closed }
}

/** Connects, sends a text, and then a byte at a time until the connection closes. */
const dripping = (port: number, text: string) => {
  const client = connect(port, text)
  const timer = setInterval(() => client.socket.write("y"), 20)
  client.socket.once("close", () => clearInterval(timer))
  return client
}

const request = (path: string) => `GET ${path} HTTP/1.1\r\nHost: x\r\nConnection: close\r\n\r\n`

const test = (name: string, body: Effect.Effect<void, unknown, Scope.Scope>) =>
  it.live(name, () => Handles.assertNoLeaks(Effect.scoped(body)))

describe("NodeAdminServer", () => {
  test(
    "answers on a free port, with metrics of the process",
    Effect.gen(function* () {
      const port = yield* start()
      const text = yield* Effect.promise(() => connect(port, request("/metrics")).closed)
      for (const name of [
        "process_cpu_seconds_total",
        "process_resident_memory_bytes",
        "process_start_time_seconds",
        "nodejs_heap_size_used_bytes",
        "nodejs_eventloop_utilization"
      ]) {
        assert.match(text, new RegExp(`^${name} [0-9.e+-]+$`, "m"))
      }
    })
  )

  test(
    "keeps its sockets from those of the network until it ends",
    Effect.gen(function* () {
      const network = yield* Effect.provide(Network.Network, NodeNetwork.layer)
      const before = network.availableSockets()
      // Few descriptors are counted, and other systems have no limit that can be read.
      if (NodeDescriptorBudget.readLimit() < 512 || !Number.isFinite(before)) return
      yield* Effect.scoped(
        Effect.gen(function* () {
          yield* start()
          assert.strictEqual(before - network.availableSockets(), 33)
        })
      )
      assert.strictEqual(network.availableSockets(), before)
    })
  )

  test(
    "works on one request of a connection",
    Effect.gen(function* () {
      const port = yield* start({ timeout: "500 millis" })
      const pipelined = "GET /metrics HTTP/1.1\r\nHost: x\r\n\r\n".repeat(50)
      const text = yield* Effect.promise(() => connect(port, pipelined).closed)
      assert.lengthOf(text.match(/^HTTP\/1\.1 200 /gm) ?? [], 1)
    })
  )

  test(
    "answers although more clients than the limit send nothing: the oldest connection is closed for a new one",
    Effect.gen(function* () {
      const port = yield* start({ maxConnections: 4, timeout: "1 hour" })
      const hung = Array.from({ length: 20 }, (_, index) =>
        connect(port, index % 2 === 0 ? "" : "GET /health HTTP/1.1\r\nX-")
      )
      yield* Effect.promise(() => Promise.all(hung.map(({ opened }) => opened)))
      const text = yield* Effect.promise(() => connect(port, request("/health")).closed)
      assert.match(text, /^HTTP\/1\.1 200 /)
      // At most the limit is left.
      yield* Effect.promise(() => Promise.all(hung.slice(0, 16).map(({ closed }) => closed)))
    })
  )

  test(
    "finishes a request whatever connects meanwhile, and lets nobody in the way of the next one",
    Effect.gen(function* () {
      const asked = yield* Latch.make()
      const states = yield* Latch.make()
      const services = Effect.as(Effect.andThen(asked.open, states.await), [])
      const port = yield* start({ maxConnections: 4, services })
      const first = connect(port, request("/health"))
      yield* asked.await
      const silent = Array.from({ length: 20 }, () => connect(port, ""))
      yield* Effect.promise(() => Promise.all(silent.slice(0, 16).map(({ closed }) => closed)))
      yield* states.open
      assert.match(yield* Effect.promise(() => first.closed), /^HTTP\/1\.1 200 /)
      const unread = Array.from({ length: 4 }, () => connect(port, request("/health")))
      assert.match(yield* Effect.promise(() => connect(port, request("/health")).closed), /^HTTP\/1\.1 200 /)
      for (const { socket } of [...silent, ...unread]) socket.destroy()
    })
  )

  test(
    "closes the connection of a request that does not arrive, or of a response that is not read, within the timeout",
    Effect.gen(function* () {
      const big = [{ name: "x".repeat(32 << 20), state: "ready", restarts: 0, sinceMillis: 0 } as const]
      const port = yield* start({ timeout: "100 millis", services: Effect.succeed(big) })
      const silent = connect(port, "")
      const partial = connect(port, "GET /health HTTP/1.1\r\nHost: x\r\nX-")
      const body = connect(port, "GET /health HTTP/1.1\r\nHost: x\r\nContent-Length: 5\r\n\r\n12")
      const unread = connect(port, request("/services"))
      unread.socket.pause()
      const headers = dripping(port, "GET /health HTTP/1.1\r\nHost: x\r\nX: ")
      const slowBody = dripping(port, "GET /health HTTP/1.1\r\nHost: x\r\nContent-Length: 100000\r\n\r\n")
      const all = [silent, partial, body, headers, slowBody].map(({ closed }) => closed)
      yield* Effect.promise(() => Promise.all(all))
      unread.socket.resume()
      assert.isBelow((yield* Effect.promise(() => unread.closed)).length, 32 << 20)
    })
  )

  test(
    "refuses large headers",
    Effect.gen(function* () {
      const port = yield* start()
      const text = yield* Effect.promise(
        () => connect(port, `GET / HTTP/1.1\r\nX: ${"y".repeat(20_000)}\r\n\r\n`).closed
      )
      assert.match(text, /^HTTP\/1\.1 431 /)
    })
  )

  test(
    "closes with its scope, although a client sends nothing",
    Effect.gen(function* () {
      const client = yield* Effect.scoped(
        Effect.gen(function* () {
          const port = yield* start({ timeout: "1 hour" })
          const client = connect(port, "")
          yield* Effect.promise(() => client.opened)
          return client
        })
      )
      yield* Effect.promise(() => client.closed)
    })
  )

  test(
    "fails if its port is in use, or its address is not one of this host",
    Effect.gen(function* () {
      const port = yield* start()
      assert.strictEqual((yield* Effect.flip(start({ port }))).reason, "AddressInUse")
      assert.strictEqual((yield* Effect.flip(start({ host: "192.0.2.1" }))).reason, "AddressNotAvailable")
      assert.strictEqual((yield* Effect.flip(start({ host: "not an address" }))).reason, "InvalidAddress")
    })
  )
})
