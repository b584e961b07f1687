import { assert, describe } from "@effect/vitest"
import * as Effect from "effect/Effect"
import * as Fiber from "effect/Fiber"
import * as Logger from "effect/Logger"
import * as NetAddress from "effect/net/NetAddress"
import * as References from "effect/References"
import * as Stream from "effect/Stream"
import * as TestClock from "effect/testing/TestClock"
import * as TcpServer from "../../src/network/TcpServer.ts"
import { readAll } from "../support/Hosts.ts"
import { collectUntil, describeSpans, withSpans } from "../support/Observing.ts"
import { connect, echo, request, test, untilStats, whileTimePasses } from "../support/Servers.ts"

describe("TcpServer.events", () => {
  test(
    "reports an accepted connection, its traffic and its duration at the end, and ends with the server",
    Effect.gen(function* () {
      const [events, remote] = yield* Effect.scoped(
        Effect.gen(function* () {
          const server = yield* TcpServer.make({ port: 0 }, echo)
          const events = yield* Effect.forkDetach(Stream.runCollect(server.events), { startImmediately: true })
          const connection = yield* connect(server)
          yield* request(connection, "12345")
          yield* TestClock.adjust("3 seconds")
          yield* connection.end
          yield* untilStats(server, ({ active }) => active === 0)
          return [events, connection.local] as const
        })
      )
      assert.deepStrictEqual(yield* Fiber.join(events), [
        { _tag: "Accepted", id: 1, remote },
        { _tag: "Closed", id: 1, remote, traffic: { received: 5, sent: 5, unsent: 0 }, durationMillis: 3_000 }
      ])
    })
  )

  test(
    "reports why a connection was refused",
    Effect.gen(function* () {
      const server = yield* TcpServer.make({ port: 0, maxConnections: 2, maxConnectionsPerPeer: 1 }, echo)
      const events = yield* collectUntil(server.events, ({ _tag }) => _tag === "Refused")
      const first = yield* connect(server)
      yield* request(first, "a")
      const second = yield* connect(server)
      yield* readAll(second)
      assert.deepStrictEqual(yield* Fiber.join(events), [
        { _tag: "Accepted", id: 1, remote: first.local },
        { _tag: "Refused", remote: second.local, reason: "MaxConnectionsPerPeer" }
      ])
    })
  )

  test(
    "reports a connection that timed out before it is closed",
    Effect.gen(function* () {
      const server = yield* TcpServer.make({ port: 0, idleTimeout: "10 seconds" }, echo)
      const events = yield* collectUntil(server.events, ({ _tag }) => _tag === "Closed")
      yield* request(yield* connect(server), "a")
      const seen = yield* whileTimePasses(Fiber.join(events))
      assert.deepStrictEqual(
        seen.map((event) => (event._tag === "TimedOut" ? event.reason : event._tag)),
        ["Accepted", "Idle", "Closed"]
      )
    })
  )
})

describe("TcpServer.connections", () => {
  test(
    "lists the open connections with their traffic and a steady time of acceptance, and none that was refused",
    Effect.gen(function* () {
      yield* TestClock.setTime(1_000_000)
      const server = yield* TcpServer.make({ port: 0, maxConnections: 2 }, echo)
      assert.deepStrictEqual(yield* server.connections, [])
      const first = yield* connect(server)
      yield* request(first, "12345")
      yield* TestClock.adjust("3 seconds")
      const second = yield* connect(server)
      yield* request(second, "x")
      yield* readAll(yield* connect(server))
      const open = (id: number, remote: NetAddress.SocketAddress, acceptedAtMillis: number, bytes: number) => ({
        ...{ id, remote, acceptedAtMillis },
        traffic: { received: bytes, sent: bytes, unsent: 0 }
      })
      assert.deepStrictEqual(yield* server.connections, [
        open(1, first.local, 1_000_000, 5),
        open(2, second.local, 1_003_000, 1)
      ])
      yield* TestClock.adjust("5 seconds")
      yield* request(second, "yz")
      yield* first.end
      yield* untilStats(server, ({ active }) => active === 1)
      assert.deepStrictEqual(yield* server.connections, [open(2, second.local, 1_003_000, 3)])
    })
  )
})

describe("TcpServer", () => {
  test(
    "does not end a connection as idle because its stats are read after its traffic",
    Effect.gen(function* () {
      const server = yield* TcpServer.make({ port: 0, idleTimeout: "10 seconds" }, echo)
      const connection = yield* connect(server)
      yield* request(connection, "x")
      for (let second = 0; second < 30; second += 6) {
        yield* TestClock.adjust("6 seconds")
        assert.strictEqual(yield* request(connection, "x"), "x")
        assert.include(yield* server.stats, { active: 1, timedOut: 0 })
      }
    })
  )

  test(
    "annotates the log entries of a handler with service, client and remote address",
    Effect.gen(function* () {
      const entries: Array<unknown> = []
      const recorder = Logger.make(({ fiber }) => entries.push(fiber.getRef(References.CurrentLogAnnotations)))
      const server = yield* TcpServer.make({ port: 0, service: "logged" }, (connection) =>
        Effect.andThen(Effect.logInfo("served"), echo(connection))
      ).pipe(Effect.provide(Logger.layer([recorder])))
      const connection = yield* connect(server)
      yield* request(connection, "a")
      const remote = NetAddress.formatSocketAddress(connection.local)
      assert.deepStrictEqual(entries, [{ service: "logged", client: 1, remote }])
    })
  )

  test(
    "runs each handler in a span if there is a tracer",
    Effect.gen(function* () {
      const [server, spans] = yield* withSpans(TcpServer.make({ port: 0, service: "traced" }, echo))
      const connection = yield* connect(server)
      yield* request(connection, "a")
      const remote = NetAddress.formatSocketAddress(connection.local)
      assert.deepStrictEqual(describeSpans(spans), [["TcpServer.connection", { service: "traced", client: 1, remote }]])
      assert.strictEqual(spans[0]!.status._tag, "Started")
      yield* connection.end
      yield* untilStats(server, ({ active }) => active === 0)
      assert.strictEqual(spans[0]!.status._tag, "Ended")
    })
  )
})
