import { assert, describe } from "@effect/vitest"
import * as Deferred from "effect/Deferred"
import * as Effect from "effect/Effect"
import * as Fiber from "effect/Fiber"
import * as Pull from "effect/Pull"
import * as TestClock from "effect/testing/TestClock"
import * as TcpServer from "../../src/network/TcpServer.ts"
import { outcome, readAll } from "../support/Hosts.ts"
import { connect, echo, request, test, untilStats, whileTimePasses } from "../support/Servers.ts"

describe("TcpServer.drain", () => {
  test(
    "completes a request in progress, then ends the connection",
    Effect.gen(function* () {
      const release = yield* Deferred.make<void>()
      const server = yield* TcpServer.make({ port: 0, drain: "10 seconds" }, (connection) =>
        connection.pull.pipe(
          Effect.andThen(Deferred.await(release)),
          Effect.andThen(connection.write("answer")),
          Pull.catchDone(() => Effect.void)
        )
      )
      const idle = yield* connect(server)
      const busy = yield* connect(server)
      yield* busy.write("question")
      yield* untilStats(server, ({ bytesReceived }) => bytesReceived === 8)
      const draining = yield* Effect.forkChild(server.drain, { startImmediately: true })
      assert.strictEqual((yield* readAll(idle)).length, 0)
      assert.strictEqual(yield* outcome(connect(server)), "Refused")
      yield* Deferred.succeed(release, undefined)
      assert.strictEqual((yield* readAll(busy)).toString(), "answer")
      yield* Fiber.join(draining)
      assert.strictEqual(yield* outcome(server.resume), "Closed")
    })
  )

  test(
    "resets connections at the deadline, even of an uninterruptible handler",
    Effect.gen(function* () {
      const handlers = [Effect.never, Effect.uninterruptible(Effect.never)]
      const server = yield* TcpServer.make({ port: 0, drain: "10 seconds" }, (_, { id }) => handlers[id - 1]!)
      const connections = [yield* connect(server), yield* connect(server)]
      yield* untilStats(server, ({ accepted }) => accepted === 2)
      const draining = yield* Effect.forkChild(server.drain, { startImmediately: true })
      yield* TestClock.adjust("9 seconds")
      assert.isUndefined(draining.pollUnsafe())
      yield* whileTimePasses(Fiber.join(draining))
      for (const connection of connections) assert.strictEqual(yield* outcome(readAll(connection)), "Reset")
    })
  )

  test(
    "suspend keeps connections and refuses new ones; resume listens on the same port",
    Effect.gen(function* () {
      const server = yield* TcpServer.make({ port: 0 }, echo)
      const before = yield* connect(server)
      yield* request(before, "a")
      yield* server.suspend
      yield* server.suspend
      assert.strictEqual(yield* outcome(connect(server)), "Refused")
      assert.strictEqual(yield* request(before, "b"), "b")
      yield* server.resume
      yield* server.resume
      assert.strictEqual(yield* request(yield* connect(server), "c"), "c")
    })
  )
})
