import { assert, describe, it } from "@effect/vitest"
import * as Deferred from "effect/Deferred"
import * as Duration from "effect/Duration"
import * as Effect from "effect/Effect"
import * as Logger from "effect/Logger"
import * as Metric from "effect/Metric"
import * as TestClock from "effect/testing/TestClock"
import * as Network from "../../src/network/Network.ts"
import * as TcpServer from "../../src/network/TcpServer.ts"
import { outcome, readAll } from "../support/Hosts.ts"
import { addressOn, connect, echo, request, test, text, untilStats, whileTimePasses } from "../support/Servers.ts"

describe("TcpServer", () => {
  describe("limits", () => {
    test(
      "sends the busy message to a client over the limit, even if it has sent data",
      Effect.gen(function* () {
        const server = yield* TcpServer.make({ port: 0, maxConnections: 1, busyMessage: "busy\n" }, echo)
        const first = yield* connect(server)
        assert.strictEqual(yield* request(first, "a"), "a")
        const second = yield* connect(server)
        yield* second.write("hello?")
        assert.strictEqual((yield* readAll(second)).toString(), "busy\n")
        assert.strictEqual(yield* request(first, "b"), "b")
        assert.include(yield* server.stats, { active: 1, accepted: 1, refused: 1 })
      })
    )

    test(
      "accepts a new client when another has disconnected",
      Effect.gen(function* () {
        const server = yield* TcpServer.make({ port: 0, maxConnections: 1 }, echo)
        const first = yield* Effect.scoped(Effect.tap(connect(server), (connection) => request(connection, "a")))
        assert.strictEqual(yield* outcome(first.write("x")), "Closed")
        yield* untilStats(server, ({ active }) => active === 0)
        assert.strictEqual(yield* request(yield* connect(server), "b"), "b")
      })
    )

    test(
      "limits the connections of each address",
      Effect.gen(function* () {
        const network = yield* Network.Network
        const options = { host: "::", port: 0, maxConnectionsPerPeer: 1, busyMessage: "one is enough\n" }
        const server = yield* TcpServer.make(options, echo)
        const first = yield* network.connect(addressOn("127.0.0.1", server))
        assert.strictEqual(yield* request(first, "a"), "a")
        const second = yield* network.connect(addressOn("127.0.0.1", server))
        assert.strictEqual((yield* readAll(second)).toString(), "one is enough\n")
        const other = yield* network.connect(addressOn("::1", server))
        assert.strictEqual(yield* request(other, "b"), "b")
      })
    )

    test(
      "serves 1,000 of 5,000 clients at a limit of 1,000 and sends the others the busy message",
      Effect.gen(function* () {
        const server = yield* TcpServer.make({ port: 0, maxConnections: 1_000, busyMessage: "busy\n" }, (connection) =>
          Effect.andThen(connection.write("welcome\n"), echo(connection))
        )
        // At most as many at once as the kernel's accept queue holds: further ones wait for a second.
        const greetings = yield* Effect.forEach(
          Array.from({ length: 5_000 }),
          () =>
            Effect.map(
              Effect.flatMap(connect(server), ({ pull }) => pull),
              text
            ),
          { concurrency: 200 }
        )
        const welcome = greetings.filter((greeting) => greeting === "welcome\n").length
        assert.deepStrictEqual([welcome, greetings.length - welcome], [1_000, 4_000])
        assert.include(yield* server.stats, { active: 1_000, accepted: 1_000, refused: 4_000 })
      }),
      it.live
    )

    test(
      "uses the number of available sockets as default limit",
      Effect.gen(function* () {
        const network = yield* Network.Network
        const tight = Network.Network.of({ ...network, availableSockets: () => 2 })
        const server = yield* TcpServer.make({ port: 0 }, echo).pipe(Effect.provideService(Network.Network, tight))
        for (const message of ["a", "b"]) assert.strictEqual(yield* request(yield* connect(server), message), message)
        assert.strictEqual((yield* readAll(yield* connect(server))).length, 0)
      })
    )
  })

  describe("deadlines", () => {
    test(
      "ends an idle connection and the input of its handler",
      Effect.gen(function* () {
        const ended = yield* Deferred.make<void>()
        const server = yield* TcpServer.make({ port: 0, idleTimeout: "10 seconds" }, (connection) =>
          Effect.andThen(echo(connection), Deferred.succeed(ended, undefined))
        )
        const connection = yield* connect(server)
        yield* request(connection, "a")
        yield* TestClock.adjust("9 seconds")
        assert.include(yield* server.stats, { active: 1, timedOut: 0 })
        yield* whileTimePasses(Deferred.await(ended))
        assert.strictEqual((yield* readAll(connection)).length, 0)
        assert.include(yield* server.stats, { timedOut: 1 })
      })
    )

    test(
      "does not end a connection that sends within the idle timeout",
      Effect.gen(function* () {
        const server = yield* TcpServer.make({ port: 0, idleTimeout: "10 seconds" }, echo)
        const connection = yield* connect(server)
        for (let second = 0; second < 60; second += 5) {
          assert.strictEqual(yield* request(connection, "x"), "x")
          yield* TestClock.adjust("5 seconds")
        }
        assert.include(yield* server.stats, { active: 1, timedOut: 0 })
      })
    )

    test(
      "resets a client that does not read, and fails its handler's write",
      Effect.gen(function* () {
        const wrote = yield* Deferred.make<string>()
        const server = yield* TcpServer.make(
          { port: 0, idleTimeout: Duration.infinity, writeTimeout: "3 seconds" },
          (connection) =>
            Effect.flatMap(Effect.flip(Effect.forever(connection.write(new Uint8Array(1 << 20)))), (error) =>
              Deferred.succeed(wrote, error.reason)
            )
        )
        const connection = yield* connect(server)
        assert.strictEqual(yield* whileTimePasses(Deferred.await(wrote)), "Closed")
        assert.strictEqual(yield* outcome(Effect.forever(connection.pull)), "Reset")
        assert.include(yield* server.stats, { timedOut: 1 })
      })
    )

    const mistakes = {
      "never reads, writes or ends": Effect.never,
      "cannot be interrupted for a while": Effect.uninterruptible(Effect.sleep("500 millis")),
      breaks: Effect.die("a bug"),
      fails: Effect.fail("no matter")
    }
    for (const [mistake, handler] of Object.entries(mistakes)) {
      test(
        `closes the connection of a handler that ${mistake}`,
        Effect.gen(function* () {
          const server = yield* TcpServer.make({ port: 0, idleTimeout: "5 seconds" }, () => handler)
          const connection = yield* connect(server)
          yield* whileTimePasses(Effect.exit(readAll(connection)))
          yield* whileTimePasses(untilStats(server, ({ accepted, active }) => accepted === 1 && active === 0))
        })
      )
    }
  })

  test(
    "counts each connection and byte once, in the stats and in the metrics",
    Effect.gen(function* () {
      const server = yield* TcpServer.make({ port: 0, service: "counted", maxConnections: 1 }, echo)
      yield* Effect.scoped(
        Effect.gen(function* () {
          const connection = yield* connect(server)
          assert.strictEqual(yield* request(connection, "12345"), "12345")
          yield* readAll(yield* connect(server))
        })
      )
      const stats = yield* untilStats(server, ({ active }) => active === 0)
      const expected = { active: 0, accepted: 1, refused: 1, timedOut: 0, bytesReceived: 5, bytesSent: 5 }
      assert.deepStrictEqual(stats, expected)
      const own = (yield* Metric.snapshot).filter(({ attributes }) => attributes?.service === "counted")
      const counted = own.map(({ attributes, state }) => {
        const value = "count" in state ? Number(state.count) : "value" in state ? Number(state.value) : undefined
        return [attributes?.result ?? attributes?.direction ?? attributes?.reason ?? "active", value] as const
      })
      // The series of what has not happened exist, too, with 0.
      assert.deepStrictEqual(Object.fromEntries(counted.filter(([, value]) => value !== 0)), {
        accepted: 1,
        refused: 1,
        MaxConnections: 1,
        in: 5,
        out: 5
      })
    })
  )

  test(
    "logs resets and half-closes below ERROR",
    Effect.gen(function* () {
      const levels: Array<string> = []
      const recorder = Logger.make(({ logLevel }) => levels.push(logLevel))
      const server = yield* TcpServer.make({ port: 0 }, (connection) =>
        Effect.andThen(Effect.logInfo("served"), echo(connection))
      ).pipe(Effect.provide(Logger.layer([recorder])))
      const reset = yield* connect(server)
      yield* request(reset, "a")
      yield* reset.abort
      const half = yield* connect(server)
      yield* half.write("b")
      yield* half.end
      assert.strictEqual((yield* readAll(half)).toString(), "b")
      yield* untilStats(server, ({ active, accepted }) => accepted === 2 && active === 0)
      assert.deepStrictEqual(levels, ["Info", "Info"])
    })
  )
})
