import { assert, describe, it } from "@effect/vitest"
import * as Cause from "effect/Cause"
import * as Effect from "effect/Effect"
import * as Exit from "effect/Exit"
import * as Fiber from "effect/Fiber"
import * as Logger from "effect/Logger"
import * as Queue from "effect/Queue"
import * as Scope from "effect/Scope"
import * as Stream from "effect/Stream"
import * as TestClock from "effect/testing/TestClock"
import * as PageHub from "../../src/web/PageHub.ts"
import type * as PageState from "../../src/web/PageState.ts"
import * as Rows from "../support/web/Rows.ts"

/** Watches a hub until the scope closes, and keeps all updates. */
const watch = Effect.fnUntraced(function* (hub: PageHub.PageHub) {
  const updates: Array<PageState.Update> = []
  const run = Stream.runForEach(hub.updates, (update) => Effect.sync(() => updates.push(update)))
  const fiber = yield* Effect.forkScoped(run, { startImmediately: true })
  yield* TestClock.adjust(0)
  return { updates, stop: Fiber.interrupt(fiber) }
})

/** A source that counts its reads. */
const counting = () => {
  let reads = 0
  const rows = Effect.sync(() => {
    reads++
    return [Rows.connection(1, { bytesSent: reads })]
  })
  return { source: { connections: rows }, reads: () => reads }
}

const messagesOf = (lines: Array<unknown>) =>
  Logger.layer([Logger.make(({ message }) => void lines.push(Array.isArray(message) ? message[0] : message))])

describe("PageHub", () => {
  it.effect("updates begin with all sections, and go on with those that change", () =>
    Effect.gen(function* () {
      const hub = yield* PageHub.make
      let names = ["rot13"]
      yield* hub.register({ services: Effect.sync(() => names.map((name) => Rows.service(name))) })
      const { updates } = yield* watch(hub)
      assert.deepStrictEqual(Object.keys(updates[0]!), [
        ...["atMillis", "services", "connections", "transfers", "peers", "farms"]
      ])
      yield* TestClock.adjust("1 second")
      assert.lengthOf(updates, 1)
      names = ["rot13", "tftp"]
      yield* TestClock.adjust("250 millis")
      assert.deepStrictEqual(updates.slice(1), [
        { atMillis: 1_250, services: [Rows.service("rot13"), Rows.service("tftp")] }
      ])
    })
  )

  it.effect("sources are read four times a second while a browser watches, and not without one", () =>
    Effect.gen(function* () {
      const hub = yield* PageHub.make
      const { reads, source } = counting()
      yield* hub.register(source)
      yield* TestClock.adjust("1 minute")
      assert.strictEqual(reads(), 0)
      const { stop, updates } = yield* watch(hub)
      yield* TestClock.adjust("10 seconds")
      assert.strictEqual(reads(), 41)
      assert.lengthOf(updates, 41)
      yield* stop
      yield* TestClock.adjust("1 minute")
      assert.isAtMost(reads(), 42)
    })
  )

  it.effect("sources are read four times a second whatever browsers come and go", () =>
    Effect.gen(function* () {
      const hub = yield* PageHub.make
      const { reads, source } = counting()
      yield* hub.register(source)
      for (let visit = 0; visit < 100; visit++) {
        const { stop, updates } = yield* watch(hub)
        assert.lengthOf(updates, 1)
        yield* stop
        yield* TestClock.adjust("10 millis")
      }
      assert.isAtMost(reads(), 5)
    })
  )

  it.effect("a browser that comes after a pause without browsers gets the state of now", () =>
    Effect.gen(function* () {
      const hub = yield* PageHub.make
      const { source } = counting()
      yield* hub.register(source)
      const first = yield* watch(hub)
      yield* first.stop
      yield* TestClock.adjust("1 hour")
      const second = yield* watch(hub)
      assert.strictEqual(second.updates[0]?.atMillis, 3_600_000)
      assert.strictEqual(second.updates[0]?.connections?.rows[0]?.bytesSent, 2)
    })
  )

  it.effect("a slow browser gets the newest state, and holds up no other", () =>
    Effect.gen(function* () {
      const hub = yield* PageHub.make
      const { source } = counting()
      yield* hub.register(source)
      const permits = yield* Queue.unbounded<void>()
      const slow: Array<number | undefined> = []
      yield* Stream.runForEach(hub.updates, ({ connections }) => {
        slow.push(connections?.rows[0]?.bytesSent)
        return Queue.take(permits)
      }).pipe(Effect.forkScoped({ startImmediately: true }))
      const { updates } = yield* watch(hub)
      yield* TestClock.adjust("25 seconds")
      assert.lengthOf(updates, 101)
      assert.deepStrictEqual(slow, [1])
      yield* Queue.offer(permits, undefined)
      yield* TestClock.adjust(0)
      assert.deepStrictEqual(slow, [1, 101])
    })
  )

  it.effect("browsers that have seen the same share one encoded update", () =>
    Effect.gen(function* () {
      const hub = yield* PageHub.make
      yield* hub.register(counting().source)
      const seen: Array<Array<unknown>> = [[], [], []]
      for (const updates of seen) {
        yield* Stream.runForEach(hub.encodedUpdates, (update) => Effect.sync(() => updates.push(update))).pipe(
          Effect.forkScoped({ startImmediately: true })
        )
      }
      yield* TestClock.adjust("5 seconds")
      const [first, ...others] = seen
      assert.lengthOf(first!, 21)
      for (const updates of others) {
        for (const [at, update] of updates.entries()) assert.strictEqual(update, first![at])
      }
    })
  )

  it.effect("a source counts until its scope closes, and lists of sources follow each other", () =>
    Effect.gen(function* () {
      const hub = yield* PageHub.make
      yield* hub.register({ connections: Effect.succeed({ rows: [Rows.connection(1)], omitted: 5 }) })
      const scope = yield* Scope.make()
      yield* Scope.provide(hub.register({ connections: Effect.succeed([Rows.connection(2)]) }), scope)
      const { updates } = yield* watch(hub)
      assert.deepStrictEqual(updates[0]?.connections, { rows: [Rows.connection(1), Rows.connection(2)], omitted: 5 })
      yield* Scope.close(scope, Exit.void)
      yield* TestClock.adjust("250 millis")
      assert.deepStrictEqual(updates[1]?.connections, { rows: [Rows.connection(1)], omitted: 5 })
    })
  )

  it.effect("lists are cut to 200 rows", () =>
    Effect.gen(function* () {
      const hub = yield* PageHub.make
      yield* hub.register({ connections: Effect.succeed(Rows.connections(1_000)) })
      const { updates } = yield* watch(hub)
      assert.lengthOf(updates[0]!.connections!.rows, 200)
      assert.strictEqual(updates[0]?.connections?.omitted, 800)
    })
  )

  it.effect("a source that dies, hangs or returns wrong rows disturbs no other, and is logged once", () => {
    const lines: Array<unknown> = []
    return Effect.gen(function* () {
      const hub = yield* PageHub.make
      const { source } = counting()
      yield* hub.register({ services: Effect.die("wrong"), transfers: Effect.never })
      yield* hub.register({ peers: Effect.sync(() => [{ id: 1 } as never]) })
      yield* hub.register(source)
      const { updates } = yield* watch(hub)
      yield* TestClock.adjust("10 seconds")
      assert.isAtLeast(updates.length, 20)
      assert.deepStrictEqual(updates[0]?.services, [])
      assert.deepStrictEqual(updates[0]?.transfers, { rows: [], omitted: 0 })
      assert.deepStrictEqual(updates[0]?.peers, { rows: [], omitted: 1 })
      assert.deepStrictEqual(lines, [
        "page: services: a source of rows failed, which are left out",
        "page: peers: rows that the page cannot show are left out"
      ])
    }).pipe(Effect.provide(messagesOf(lines)))
  })

  it.effect("a source that is late keeps its latest rows", () =>
    Effect.gen(function* () {
      const hub = yield* PageHub.make
      let isLate = false
      const rows = Effect.suspend(() => (isLate ? Effect.never : Effect.succeed([Rows.transfer(1)])))
      yield* hub.register({ transfers: rows })
      const { updates } = yield* watch(hub)
      isLate = true
      yield* TestClock.adjust("10 seconds")
      assert.lengthOf(updates, 1)
    })
  )

  it.effect("stops with its scope", () =>
    Effect.gen(function* () {
      const scope = yield* Scope.make()
      const hub = yield* Scope.provide(PageHub.make, scope)
      const { reads, source } = counting()
      yield* Scope.provide(hub.register(source), scope)
      yield* watch(hub)
      yield* Scope.close(scope, Exit.failCause(Cause.interrupt(1)))
      const before = reads()
      yield* TestClock.adjust("10 seconds")
      assert.strictEqual(reads(), before)
    })
  )
})
