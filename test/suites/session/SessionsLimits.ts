/** Tests of limits in number and in time. */
import { assert } from "@effect/vitest"
import * as Effect from "effect/Effect"
import * as Fiber from "effect/Fiber"
import * as NetAddress from "effect/net/NetAddress"
import * as Stream from "effect/Stream"
import * as Monotonic from "../../../src/network/Monotonic.ts"
import { readAll } from "../../support/Hosts.ts"
import * as Sessions from "../../support/Sessions.ts"
import { type Subject, start } from "./SessionsSubjects.ts"

export const suite = ({ serve, test, traits }: Subject) => {
  test(
    "delays a client above the rate, and loses no line",
    Effect.gen(function* () {
      const server = yield* start(serve, {}, { rate: 50 })
      const lines = Array.from({ length: 65 }, (_, at) => `${at}`)
      // The server counts from its accept, which may be before the client's connect has returned.
      const now = yield* Monotonic.millis
      const before = now()
      const connection = yield* Sessions.connect(server)
      yield* connection.write(lines.map((line) => `${line}\n`).join(""))
      yield* connection.end
      assert.strictEqual(yield* Sessions.reader(connection).rest, Sessions.transcript({}, lines))
      // The first 50 at once, each of the others 20 ms after the previous one; 5 ms for the host's rounding.
      assert.isAtLeast(now() - before, 295)
    })
  )

  test(
    "emits the events of its clients, and its stats",
    Effect.gen(function* () {
      const server = yield* start(serve, {}, { idleTimeout: "300 millis" })
      const events = yield* Effect.forkScoped(
        Stream.runCollect(Stream.takeUntil(server.events, ({ _tag }) => _tag === "Closed"))
      )
      yield* Effect.yieldNow
      // The workers answer after they have begun to send events.
      const [before] = yield* Stream.runCollect(Stream.take(server.statsEvery("1 second"), 1))
      assert.deepInclude(before, { accepted: 0, active: 0 })
      const connection = yield* Sessions.connect(server)
      assert.strictEqual(yield* Sessions.reader(connection).rest, "hello\nclosed\n")
      const seen = yield* Fiber.join(events)
      assert.deepStrictEqual(
        seen.map((event) => [event._tag, "id" in event ? event.id : 0]),
        [
          ["Accepted", 1],
          ["TimedOut", 1],
          ["Closed", 1]
        ]
      )
      assert.deepStrictEqual(new Set(seen.map(({ remote }) => NetAddress.formatSocketAddress(remote))).size, 1)
      assert.isTrue(NetAddress.isInetAddress(seen[0]!.remote))
    })
  )

  test(
    "sends ticks while the client is idle, and between its lines",
    Effect.gen(function* () {
      const connection = yield* Sessions.connect(yield* start(serve, { tick: 20 }, { idleTimeout: "1 second" }))
      const { to } = Sessions.reader(connection)
      assert.strictEqual(yield* to("tick\n"), "hello\ntick\n")
      assert.strictEqual(yield* to("tick\n"), "tick\n")
      yield* connection.write("a\n")
      assert.match(yield* to("1: a\n"), /^(tick\n)*1: a\n$/)
      yield* to("tick\n")
    })
  )

  test(
    "serves other clients while one does not read",
    Effect.gen(function* () {
      if (traits.maxConcurrentClients < 2) return
      const server = yield* start(serve, {}, { rate: 1_000_000 })
      const greedy = yield* Sessions.connect(server)
      for (let round = 0; round < 40; round++) yield* greedy.write("much 200000\n")
      const other = yield* Sessions.connect(server)
      yield* other.write("a\nbye\n")
      assert.strictEqual(yield* Sessions.reader(other).rest, "hello\n1: a\nbye\n")
      yield* greedy.end
      const all = yield* readAll(greedy)
      assert.strictEqual(all.length, 40 * 200_001 + "hello\nclosed\n".length)
    })
  )

  if (traits.hasExactLimit) {
    test(
      "sends the busy message to a client above maxConnections, waiting clients included",
      Effect.gen(function* () {
        const server = yield* start(serve, {}, { maxConnections: 2, busyMessage: "busy\n" })
        const first = yield* Sessions.connect(server)
        const one = Sessions.reader(first)
        yield* one.to("hello\n")
        const second = yield* Sessions.connect(server)
        const third = yield* Sessions.connect(server)
        assert.strictEqual(yield* Sessions.reader(third).rest, "busy\n")
        assert.deepInclude(yield* server.stats, { accepted: 2, active: 2, refused: 1 })
        yield* first.write("bye\n")
        yield* one.rest
        yield* second.write("bye\n")
        assert.strictEqual(yield* Sessions.reader(second).rest, "hello\nbye\n")
      })
    )
  }
}
