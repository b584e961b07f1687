import { assert, describe, it } from "@effect/vitest"
import * as Effect from "effect/Effect"
import * as Schedule from "effect/Schedule"
import type { Failure } from "../../src/farm/dispatcher/DispatcherEvent.ts"
import * as RetryDelay from "../../src/farm/RetryDelay.ts"

const failure = (id: number, attempts: number, more: Partial<Failure["attempt"]> = {}): Failure => ({
  ...{ id, attempts },
  attempt: { worker: "one", kind: "Threw", message: "no", ...more }
})

describe("RetryDelay", () => {
  it.effect("steps the schedule of each packet by itself, until its end or until the packet is done", () =>
    Effect.gen(function* () {
      const schedule = Schedule.exponential("100 millis").pipe(Schedule.upTo({ times: 2 }))
      const { forget, next } = yield* RetryDelay.make({ schedule })
      assert.deepStrictEqual([next(failure(1, 1)), next(failure(2, 1)), next(failure(1, 2))], [100, 100, 200])
      assert.isUndefined(next(failure(1, 3)))
      forget(2)
      assert.strictEqual(next(failure(2, 1)), 100)
    })
  )

  it.effect("gives up after an error that the condition excludes, or at which it throws", () =>
    Effect.gen(function* () {
      const { next } = yield* RetryDelay.make({
        while: ({ name }) => {
          if (name === "Odd") throw new Error("a condition that throws")
          return name !== "Fatal"
        }
      })
      const named = (name: string) => failure(1, 1, { error: { name, message: "no" } })
      assert.deepStrictEqual(
        [next(named("Minor")), next(named("Fatal")), next(named("Odd"))],
        [0, undefined, undefined]
      )
      // An attempt without an error of the work is named by its kind.
      assert.strictEqual(next(failure(1, 1, { kind: "Lost" })), 0)
    })
  )
})
