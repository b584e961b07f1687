import { assert, describe, it } from "@effect/vitest"
import * as Effect from "effect/Effect"
import * as Exit from "effect/Exit"
import * as Scope from "effect/Scope"
import * as TestClock from "effect/testing/TestClock"
import * as Sweeper from "../../src/network/Sweeper.ts"

describe("Sweeper", () => {
  it.effect("looks once a period, with the time of the clock", () =>
    Effect.gen(function* () {
      const sweeper = yield* Sweeper.make("250 millis")
      const seen: Array<number> = []
      sweeper.add((now) => seen.push(now))
      yield* TestClock.adjust("249 millis")
      assert.deepStrictEqual(seen, [])
      yield* TestClock.adjust("1 second")
      assert.deepStrictEqual(seen, [250, 500, 750, 1000])
      assert.strictEqual(sweeper.now(), 1249)
    })
  )

  it.effect("looks at what is registered: added late, removed, removed by another look", () =>
    Effect.gen(function* () {
      const sweeper = yield* Sweeper.make("1 second")
      const seen: Array<string> = []
      const removeFirst = sweeper.add(() => seen.push("first"))
      yield* TestClock.adjust("1 second")
      sweeper.add(() => {
        seen.push("second")
        removeThird()
      })
      const removeThird = sweeper.add(() => seen.push("third"))
      removeFirst()
      removeFirst()
      yield* TestClock.adjust("2 seconds")
      assert.deepStrictEqual(seen, ["first", "second", "second"])
    })
  )

  it.effect("goes by the time that passes, whatever the host's clock is set to", () =>
    Effect.gen(function* () {
      const sweeper = yield* Sweeper.make("1 second")
      yield* TestClock.adjust("10 seconds")
      yield* TestClock.setTime(0)
      assert.strictEqual(sweeper.now(), 10_000)
    })
  )

  it.effect("stops with its scope", () =>
    Effect.gen(function* () {
      const scope = yield* Scope.make()
      const sweeper = yield* Scope.provide(Sweeper.make("1 second"), scope)
      let looks = 0
      sweeper.add(() => {
        looks++
      })
      yield* TestClock.adjust("3 seconds")
      yield* Scope.close(scope, Exit.void)
      yield* TestClock.adjust("3 seconds")
      assert.strictEqual(looks, 3)
    })
  )
})
