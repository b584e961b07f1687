import { assert, describe, it } from "@effect/vitest"
import * as Effect from "effect/Effect"
import * as Exit from "effect/Exit"
import * as Scope from "effect/Scope"
import * as TestClock from "effect/testing/TestClock"
import * as Sweeper from "../../src/network/Sweeper.ts"

describe("Sweeper", () => {
  it.effect("runs checks once a period with the time of the clock", () =>
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

  it.effect("runs only registered checks: added late, removed, removed by another check", () =>
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

  it.effect("is not affected by setting the host's clock", () =>
    Effect.gen(function* () {
      const sweeper = yield* Sweeper.make("1 second")
      yield* TestClock.adjust("10 seconds")
      yield* TestClock.setTime(0)
      assert.strictEqual(sweeper.now(), 10_000)
    })
  )

  it.effect("stops when its scope closes", () =>
    Effect.gen(function* () {
      const scope = yield* Scope.make()
      const sweeper = yield* Scope.provide(Sweeper.make("1 second"), scope)
      let runs = 0
      sweeper.add(() => {
        runs++
      })
      yield* TestClock.adjust("3 seconds")
      yield* Scope.close(scope, Exit.void)
      yield* TestClock.adjust("3 seconds")
      assert.strictEqual(runs, 3)
    })
  )
})
