import { assert, describe, it } from "@effect/vitest"
import * as Effect from "effect/Effect"
import * as Exit from "effect/Exit"
import * as Fiber from "effect/Fiber"
import * as Scope from "effect/Scope"
import * as Stream from "effect/Stream"
import * as TestClock from "effect/testing/TestClock"
import * as Subscribable from "../../src/status/Subscribable.ts"

/** Makes a source of a number that `set` changes, in a scope that `close` closes. */
const makeCounter = Effect.gen(function* () {
  let value = 0
  const scope = yield* Scope.make()
  const source = yield* Scope.provide(
    Subscribable.make(() => value),
    scope
  )
  const set = (next: number) =>
    Effect.suspend(() => {
      value = next
      return source.notify
    })
  return { source, set, close: Scope.close(scope, Exit.void) }
})

describe("Subscribable", () => {
  it.effect("emits the current value first, and then the value of each change until its owner ends", () =>
    Effect.gen(function* () {
      const { close, set, source } = yield* makeCounter
      const received: Array<number> = []
      yield* set(1)
      const subscriber = yield* Effect.forkChild(
        Stream.runForEach(source.changes, (value) => Effect.sync(() => received.push(value))),
        { startImmediately: true }
      )
      yield* Effect.yieldNow
      for (const value of [2, 3]) {
        yield* set(value)
        yield* Effect.yieldNow
      }
      assert.deepStrictEqual(received, [1, 2, 3])
      yield* close
      assert.isTrue(Exit.isSuccess(yield* Fiber.await(subscriber)))
      yield* set(4)
      assert.deepStrictEqual(received, [1, 2, 3])
      assert.strictEqual(yield* source.get, 4)
    })
  )

  it.effect("gives a slow subscriber only the latest value, and does not delay the others", () =>
    Effect.gen(function* () {
      const { set, source } = yield* makeCounter
      const received: Array<number> = []
      const slow = Stream.runForEach(source.changes, (value) =>
        Effect.andThen(
          Effect.sync(() => received.push(value)),
          value === 0 ? Effect.sleep("1 second") : Effect.void
        )
      )
      yield* Effect.forkChild(slow, { startImmediately: true })
      yield* Effect.yieldNow
      for (let value = 1; value <= 100; value++) yield* set(value)
      assert.deepStrictEqual(yield* Stream.runCollect(Stream.take(source.changes, 1)), [100])
      assert.deepStrictEqual(received, [0])
      yield* TestClock.adjust("1 second")
      assert.strictEqual(received.at(-1), 100)
      assert.isAtMost(received.length, 3)
    })
  )
})
