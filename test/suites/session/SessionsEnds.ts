/** How conversations end. */
import { assert } from "@effect/vitest"
import * as Effect from "effect/Effect"
import * as Fiber from "effect/Fiber"
import { turns } from "../../support/Hosts.ts"
import * as Sessions from "../../support/Sessions.ts"
import type { Subject } from "./Sessions.ts"
import { start } from "./SessionsSubjects.ts"

export const suite = ({ serve, test }: Subject) => {
  test(
    "a client that ends its side still gets its answers, also to a line without an end",
    Effect.gen(function* () {
      const connection = yield* Sessions.connect(yield* start(serve))
      yield* connection.write("a\nadd 5\nlast")
      yield* connection.end
      const text = yield* Sessions.reader(connection).rest
      assert.strictEqual(text, Sessions.transcript({}, ["a", "add 5", "last"]))
      assert.include(text, "sum 5\n3: last\nclosed\n")
    })
  )

  test(
    "a line that is too long is told of, and nothing after it is read",
    Effect.gen(function* () {
      const connection = yield* Sessions.connect(yield* start(serve, { maxLength: 10 }))
      yield* connection.write(`0123456789\n${"x".repeat(11)}\nmore\n`)
      assert.strictEqual(
        yield* Sessions.reader(connection).rest,
        "hello\n1: 0123456789\nbroken: line too long: no end within 10 bytes\n"
      )
    })
  )

  test(
    "a reset in the middle ends one client and nobody else",
    Effect.gen(function* () {
      const { stats, shared } = Sessions.makeShared()
      const server = yield* start(serve, {}, {}, shared)
      const first = yield* Sessions.connect(server)
      yield* first.write("add 1\nhal")
      yield* Sessions.reader(first).to("sum 1\n")
      assert.strictEqual(stats.attached, 1)
      yield* first.abort
      const second = yield* Sessions.connect(server)
      yield* second.write("add 1\nbye\n")
      assert.strictEqual(yield* Sessions.reader(second).rest, "hello\nadding\nsum 1\nbye\n")
      // What was asked with the end of a client is counted, too.
      while (stats.attached > 0 || stats.total < 1_002) yield* turns(1)
      assert.deepInclude(stats, { total: 1_002, attached: 0 })
    })
  )

  test(
    "a silent client is ended, as if it had ended its side",
    Effect.gen(function* () {
      const server = yield* start(serve, {}, { idleTimeout: "100 millis" })
      const text = yield* Sessions.reader(yield* Sessions.connect(server)).rest
      assert.strictEqual(text, "hello\nclosed\n")
      assert.strictEqual((yield* server.stats).timedOut, 1)
    })
  )

  test(
    "draining: no new clients, those that are there get the answers to what they sent",
    Effect.gen(function* () {
      const server = yield* start(serve)
      const connection = yield* Sessions.connect(server)
      const { rest, to } = Sessions.reader(connection)
      yield* to("hello\n")
      yield* connection.write("a\n")
      yield* to("1: a\n")
      const draining = yield* Effect.forkChild(server.drain)
      assert.strictEqual(yield* rest, "closed\n")
      yield* Fiber.join(draining)
      assert.strictEqual((yield* Effect.flip(Sessions.connect(server))).reason, "Refused")
      assert.strictEqual((yield* server.stats).active, 0)
    })
  )
}
