/** Limits in number and in time. */
import { assert } from "@effect/vitest"
import * as Effect from "effect/Effect"
import * as Monotonic from "../../../src/network/Monotonic.ts"
import { readAll } from "../../support/Hosts.ts"
import * as Sessions from "../../support/Sessions.ts"
import type { Subject } from "./Sessions.ts"
import { start } from "./SessionsSubjects.ts"

export const suite = ({ serve, test, traits }: Subject) => {
  test(
    "a client that is too fast waits, and loses nothing",
    Effect.gen(function* () {
      const server = yield* start(serve, {}, { rate: 50 })
      const lines = Array.from({ length: 65 }, (_, at) => `${at}`)
      // The server counts from when it has the connection, which may be before the client knows that it has.
      const now = yield* Monotonic.millis
      const before = now()
      const connection = yield* Sessions.connect(server)
      yield* connection.write(lines.map((line) => `${line}\n`).join(""))
      yield* connection.end
      assert.strictEqual(yield* Sessions.reader(connection).rest, Sessions.transcript({}, lines))
      // The first 50 at once, the others each 20 ms after the one before; a clock of the host may round.
      assert.isAtLeast(now() - before, 295)
    })
  )

  test(
    "ticks come while the client says nothing, and between its lines",
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
    "a client that does not read stops nobody else",
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
      "a client over the limit is told so, those that wait included",
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
