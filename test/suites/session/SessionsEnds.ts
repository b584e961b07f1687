/** Tests of the end of a session. */
import { assert } from "@effect/vitest"
import * as Effect from "effect/Effect"
import * as Fiber from "effect/Fiber"
import { turns } from "../../support/Hosts.ts"
import * as Sessions from "../../support/Sessions.ts"
import { type Subject, start } from "./SessionsSubjects.ts"

export const suite = ({ serve, test }: Subject) => {
  const incomplete = "broken: line incomplete: the stream ended before the line did; end each line with LF\n"

  for (const [unterminated, end] of [
    [undefined, incomplete],
    ["fail", incomplete],
    ["drop", "closed\n"],
    ["deliver", "3: last\nclosed\n"]
  ] as const) {
    test(
      `answers all lines after the client's FIN, and one without an end by its policy (${unterminated ?? "default"})`,
      Effect.gen(function* () {
        const connection = yield* Sessions.connect(yield* start(serve, { unterminated }))
        yield* connection.write("a\nadd 5\nlast")
        yield* connection.end
        const text = yield* Sessions.reader(connection).rest
        assert.strictEqual(text, `hello\n1: a\nadding\nsum 5\n${end}`)
      })
    )
  }

  test(
    "reports a line that is too long to the session, and reads nothing after it",
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
    "ends only one client after a reset",
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
      // The asks that the session returned for `Closed` are counted too.
      while (stats.attached > 0 || stats.total < 1_002) yield* turns(1)
      assert.deepInclude(stats, { total: 1_002, attached: 0 })
    })
  )

  test(
    "ends an idle client in the same way as a FIN",
    Effect.gen(function* () {
      const server = yield* start(serve, {}, { idleTimeout: "100 millis" })
      const text = yield* Sessions.reader(yield* Sessions.connect(server)).rest
      assert.strictEqual(text, "hello\nclosed\n")
      assert.strictEqual((yield* server.stats).timedOut, 1)
    })
  )

  test(
    "answers earlier lines and refuses new clients while it drains",
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
