import { assert, describe, it } from "@effect/vitest"
import * as Effect from "effect/Effect"
import * as Fiber from "effect/Fiber"
import * as Signal from "../../src/network/Signal.ts"

describe("Signal", () => {
  it.effect("wait returns after a notify that came before it", () =>
    Effect.gen(function* () {
      const signal = Signal.make()
      signal.notify()
      yield* signal.wait
    })
  )

  it.effect("wait returns once for several notifications", () =>
    Effect.gen(function* () {
      const signal = Signal.make()
      signal.notify()
      signal.notify()
      yield* signal.wait
      const second = yield* Effect.forkChild(signal.wait, { startImmediately: true })
      yield* Effect.yieldNow
      assert.isUndefined(second.pollUnsafe())
      signal.notify()
      yield* Fiber.join(second)
    })
  )

  it.effect("notify returns before the waiter resumes", () =>
    Effect.gen(function* () {
      const signal = Signal.make()
      const order: Array<string> = []
      const waiter = Effect.andThen(
        signal.wait,
        Effect.sync(() => order.push("resumed"))
      )
      const fiber = yield* Effect.forkChild(waiter, { startImmediately: true })
      signal.notify()
      order.push("notified")
      yield* Fiber.join(fiber)
      assert.deepStrictEqual(order, ["notified", "resumed"])
    })
  )

  it.effect("a notify while the waiter works is kept for its next wait", () =>
    Effect.gen(function* () {
      const signal = Signal.make()
      let rounds = 0
      const fiber = yield* Effect.forkChild(
        Effect.forEach([1, 2], () =>
          Effect.andThen(
            signal.wait,
            Effect.sync(() => {
              rounds++
              if (rounds === 1) signal.notify()
            })
          )
        ),
        { startImmediately: true }
      )
      signal.notify()
      yield* Fiber.join(fiber)
      assert.strictEqual(rounds, 2)
    })
  )

  it.effect.each([
    ["before its notify", ["interrupt", "notify"]],
    ["after its notify, before it resumes", ["notify", "interrupt"]]
  ] as const)("a wait that is interrupted %s leaves the notification to the next wait", ([, order]) =>
    Effect.gen(function* () {
      const signal = Signal.make()
      const interrupted = yield* Effect.forkChild(signal.wait, { startImmediately: true })
      for (const action of order) {
        if (action === "notify") signal.notify()
        else yield* Fiber.interrupt(interrupted)
      }
      yield* signal.wait
      const next = yield* Effect.forkChild(signal.wait, { startImmediately: true })
      yield* Effect.yieldNow
      assert.isUndefined(next.pollUnsafe())
    })
  )
})
