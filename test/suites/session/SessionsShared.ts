/** Tests of asks to the shared state, its answers and its pushes. */
import { assert } from "@effect/vitest"
import * as Deferred from "effect/Deferred"
import * as Effect from "effect/Effect"
import type * as Session from "../../../src/session/Session.ts"
import { turns } from "../../support/Hosts.ts"
import * as Sessions from "../../support/Sessions.ts"
import { type Subject, start } from "./SessionsSubjects.ts"

export const suite = ({ serve, test, traits }: Subject) => {
  test(
    "reads no line before the answer has arrived",
    Effect.gen(function* () {
      const asked = yield* Deferred.make<void>()
      const proceed = yield* Deferred.make<void>()
      const slow: Session.Shared<Sessions.Ask, Sessions.Message> = {
        attach: () =>
          Effect.succeed(() =>
            Deferred.succeed(asked, undefined).pipe(
              Effect.andThen(Deferred.await(proceed)),
              Effect.as({ _tag: "Sum", sum: 42 } as const)
            )
          )
      }
      const connection = yield* Sessions.connect(yield* start(serve, {}, {}, slow))
      const { rest, to } = Sessions.reader(connection)
      yield* connection.write("add 1\nafter\n")
      assert.strictEqual(yield* to("adding\n"), "hello\nadding\n")
      yield* Deferred.await(asked)
      const { received } = connection.traffic()
      yield* turns(20)
      assert.strictEqual(connection.traffic().received, received)
      yield* Deferred.succeed(proceed, undefined)
      yield* connection.write("bye\n")
      assert.strictEqual(yield* rest, "sum 42\n2: after\nbye\n")
    })
  )

  test(
    "attaches a client at its first ask, and detaches it with its connection",
    Effect.gen(function* () {
      const { stats, shared } = Sessions.makeShared()
      const server = yield* start(serve, {}, {}, shared)
      const connection = yield* Sessions.connect(server)
      const { rest, to } = Sessions.reader(connection)
      yield* connection.write("a\n")
      yield* to("1: a\n")
      assert.deepInclude(stats, { attached: 0, maxAttached: 0 })
      yield* connection.write("add 1\nadd 2\n")
      yield* to("sum 3\n")
      assert.deepInclude(stats, { attached: 1, maxAttached: 1, total: 3 })
      yield* connection.write("bye\n")
      yield* rest
      while (stats.attached > 0) yield* turns(1)
      assert.deepInclude(stats, { attached: 0, maxAttached: 1, total: 3 })
    })
  )

  if (traits.maxConcurrentClients < 2) return

  test(
    "pushes the change of another client to an idle watcher",
    Effect.gen(function* () {
      const server = yield* start(serve)
      const watcher = yield* Sessions.connect(server)
      const watching = Sessions.reader(watcher)
      yield* watcher.write("watch\n")
      yield* watching.to("watching\n")
      const other = yield* Sessions.connect(server)
      const { to } = Sessions.reader(other)
      for (let round = 1; round <= 20; round++) {
        yield* other.write("add 1\n")
        yield* to(`sum ${round}\n`)
        assert.strictEqual(yield* watching.to("\n"), `now ${round}\n`)
      }
      yield* watcher.write("still here\n")
      assert.strictEqual(yield* watching.to("\n"), "2: still here\n")
    })
  )

  test(
    "delivers every push once and in order, between whole answers, while watchers send",
    Effect.gen(function* () {
      const server = yield* start(serve, {}, { rate: 1_000_000 })
      const rounds = 40
      const runWatcher = Effect.fnUntraced(function* (id: number) {
        const connection = yield* Sessions.connect(server)
        const { rest, to } = Sessions.reader(connection)
        yield* connection.write("watch\n")
        yield* to("watching\n")
        for (let round = 0; round < rounds; round++) yield* connection.write(`${id}\nadd 1\n`)
        const seen = yield* to(`now ${3 * rounds}\n`)
        yield* connection.write("bye\n")
        return seen + (yield* rest)
      })
      for (const [id, text] of (yield* Effect.forEach([0, 1, 2], runWatcher, { concurrency: 3 })).entries()) {
        const lines = text.split("\n").filter((line) => !line.startsWith("now "))
        const pushes = text.split("\n").filter((line) => line.startsWith("now "))
        const own = Array.from({ length: rounds }, (_, at) => [
          `${2 * at + 2}: ${id}`,
          "adding",
          `sum ${at + 1}`
        ]).flat()
        assert.deepStrictEqual(lines, [...own, "bye", ""])
        assert.deepStrictEqual(
          pushes.slice(-rounds),
          Array.from({ length: rounds }, (_, at) => `now ${2 * rounds + at + 1}`)
        )
      }
    })
  )

  test(
    "disconnects a watcher that does not read, and no other client",
    Effect.gen(function* () {
      const { stats, shared } = Sessions.makeShared()
      const server = yield* start(serve, { paddingChars: 100_000 }, { rate: 1_000_000 }, shared)
      const watcher = yield* Sessions.connect(server)
      yield* watcher.write("watch\n")
      while (stats.attached < 1) yield* turns(1)
      const other = yield* Sessions.connect(server)
      const { to } = Sessions.reader(other)
      let round = 0
      do {
        yield* other.write("add 1\n")
        yield* to(`sum ${++round}\n`)
      } while (stats.attached > 1 && round < 2_000)
      assert.strictEqual(stats.attached, 1)
      yield* other.write("add 1\n")
      yield* to(`sum ${round + 1}\n`)
    })
  )
}
