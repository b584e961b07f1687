import { assert, describe, it } from "@effect/vitest"
import * as Effect from "effect/Effect"
import * as Fiber from "effect/Fiber"
import * as Stream from "effect/Stream"
import * as TestClock from "effect/testing/TestClock"
import * as Newest from "../../../src/web/games/Newest.ts"

/** Reads a stream in the background. */
const read = Effect.fnUntraced(function* (newest: Newest.Newest<number>) {
  const values: Array<number> = []
  const fiber = yield* Effect.forkScoped(
    Stream.runForEach(newest.stream, (value) => Effect.sync(() => values.push(value)))
  )
  yield* TestClock.adjust(0)
  return { values, fiber }
})

describe("Newest", () => {
  it.effect("emits the first value at once, and the newest one after each interval", () =>
    Effect.gen(function* () {
      const newest = Newest.make<number>("50 millis")
      const { values } = yield* read(newest)
      newest.set(1)
      yield* TestClock.adjust(0)
      assert.deepStrictEqual(values, [1])
      for (let value = 2; value <= 1_000; value++) newest.set(value)
      yield* TestClock.adjust(49)
      assert.deepStrictEqual(values, [1])
      yield* TestClock.adjust(1)
      assert.deepStrictEqual(values, [1, 1_000])
      yield* TestClock.adjust(1_000)
      newest.set(1_001)
      yield* TestClock.adjust(0)
      assert.deepStrictEqual(values, [1, 1_000, 1_001])
    }).pipe(Effect.scoped)
  )

  it.effect("emits the newest value to a reader that begins later", () =>
    Effect.gen(function* () {
      const newest = Newest.make<number>("50 millis")
      newest.set(1)
      newest.set(2)
      const [one, other] = [yield* read(newest), yield* read(newest)]
      assert.deepStrictEqual([one.values, other.values], [[2], [2]])
    }).pipe(Effect.scoped)
  )

  it.effect("ends after the newest value, also for a reader that begins after the end", () =>
    Effect.gen(function* () {
      const newest = Newest.make<number>("50 millis")
      const first = yield* read(newest)
      newest.set(1)
      yield* TestClock.adjust(0)
      newest.set(2)
      newest.end()
      newest.set(3)
      yield* TestClock.adjust(50)
      yield* Fiber.join(first.fiber)
      assert.deepStrictEqual(first.values, [1, 2])
      const last = yield* read(newest)
      yield* Fiber.join(last.fiber)
      assert.deepStrictEqual(last.values, [2])
    }).pipe(Effect.scoped)
  )

  it.effect("ends at once without a value", () =>
    Effect.gen(function* () {
      const newest = Newest.make<number>("50 millis")
      const { fiber, values } = yield* read(newest)
      newest.end()
      yield* Fiber.join(fiber)
      assert.deepStrictEqual(values, [])
    }).pipe(Effect.scoped)
  )

  it.effect("does not keep a reader that was interrupted waiting", () =>
    Effect.gen(function* () {
      const newest = Newest.make<number>("50 millis")
      const { fiber, values } = yield* read(newest)
      yield* Fiber.interrupt(fiber)
      newest.set(1)
      assert.deepStrictEqual(values, [])
    }).pipe(Effect.scoped)
  )
})
