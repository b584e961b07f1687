import { assert, describe, it } from "@effect/vitest"
import * as Effect from "effect/Effect"
import * as Exit from "effect/Exit"
import * as Fiber from "effect/Fiber"
import * as Latch from "effect/Latch"
import * as Scope from "effect/Scope"
import * as Stream from "effect/Stream"
import * as TestClock from "effect/testing/TestClock"
import * as ServerEvents from "../../src/network/ServerEvents.ts"

const collect = <A>(stream: Stream.Stream<A>) => Effect.forkChild(Stream.runCollect(stream), { startImmediately: true })

describe("ServerEvents", () => {
  it.effect("builds no event without a subscriber, and one for all subscribers", () =>
    Effect.gen(function* () {
      const { emit, events } = yield* ServerEvents.make<number>()
      const built: Array<number> = []
      const emitNumber = (number: number) =>
        emit(() => {
          built.push(number)
          return number
        })
      emitNumber(1)
      const first = yield* collect(Stream.take(events, 2))
      const second = yield* collect(Stream.take(events, 1))
      emitNumber(2)
      emitNumber(3)
      assert.deepStrictEqual(yield* Fiber.join(first), [2, 3])
      assert.deepStrictEqual(yield* Fiber.join(second), [2])
      emitNumber(4)
      assert.deepStrictEqual(built, [2, 3])
    })
  )

  it.effect("drops the oldest events of a slow subscriber", () =>
    Effect.gen(function* () {
      const { emit, events } = yield* ServerEvents.make<number>()
      const resume = Latch.makeUnsafe(false)
      const seen: Array<number> = []
      const fiber = yield* Stream.runForEach(Stream.take(events, 1_025), (number) => {
        seen.push(number)
        return resume.await
      }).pipe(Effect.forkChild({ startImmediately: true }))
      emit(() => 0)
      yield* Effect.yieldNow
      for (let number = 1; number <= 1_034; number++) emit(() => number)
      yield* resume.open
      yield* Fiber.join(fiber)
      assert.deepStrictEqual(seen, [0, ...Array.from({ length: 1_024 }, (_, at) => at + 11)])
    })
  )

  it.effect("ends the streams of all subscribers with its scope, also of later ones", () =>
    Effect.gen(function* () {
      const scope = yield* Scope.make()
      const { emit, events } = yield* Scope.provide(ServerEvents.make<number>(), scope)
      const fiber = yield* collect(events)
      emit(() => 1)
      yield* Scope.close(scope, Exit.void)
      emit(() => 2)
      assert.deepStrictEqual(yield* Fiber.join(fiber), [1])
      assert.deepStrictEqual(yield* Stream.runCollect(events), [])
    })
  )

  it.effect("statsEvery emits the stats at once and then once in each interval", () =>
    Effect.gen(function* () {
      let count = 0
      const stats = Effect.sync(() => ++count)
      const { statsEvery } = ServerEvents.observable(Stream.never, stats)
      const fiber = yield* collect(Stream.take(statsEvery("10 seconds"), 3))
      yield* TestClock.adjust("19 seconds")
      assert.isUndefined(fiber.pollUnsafe())
      yield* TestClock.adjust("1 second")
      assert.deepStrictEqual(yield* Fiber.join(fiber), [1, 2, 3])
    })
  )
})
