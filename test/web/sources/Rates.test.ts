import { assert, describe, it } from "@effect/vitest"
import * as Arbitrary from "effect/Arbitrary"
import * as Schema from "effect/Schema"
import * as Rates from "../../../src/web/sources/Rates.ts"

/** Samples one counter at times, and returns the last rate. */
const lastRate = (samples: ReadonlyArray<readonly [atMillis: number, value: number]>) => {
  let state = Rates.initial
  let rate: number | undefined
  for (const [atMillis, value] of samples) {
    const [next, rates] = Rates.step(state, atMillis, [[1, value]])
    state = next
    rate = rates.get(1)
  }
  return { rate, state }
}

const Step = Schema.Tuple([
  Schema.Int.check(Schema.isBetween({ minimum: 1, maximum: 900 })),
  Schema.Int.check(Schema.isBetween({ minimum: 0, maximum: 10_000 }))
])

describe("Rates", () => {
  it("has no rate after the first sample", () => {
    assert.isUndefined(lastRate([[0, 500]]).rate)
  })

  it("measures the growth of the last second", () => {
    const steady = [0, 250, 500, 750, 1_000, 1_250].map((at) => [at, at * 3] as const)
    assert.strictEqual(lastRate(steady).rate, 3_000)
    // It stood still for a second.
    assert.strictEqual(lastRate([...steady, [1_500, 3_750], [2_000, 3_750], [2_300, 3_750]]).rate, 0)
  })

  it("forgets samples from before a pause of the observer", () => {
    const { rate, state } = lastRate([
      [0, 0],
      [250, 100],
      [60_000, 1_000_000]
    ])
    assert.isUndefined(rate)
    assert.strictEqual(Rates.step(state, 60_500, [[1, 1_000_100]])[1].get(1), 200)
  })

  it("forgets a counter that is missing", () => {
    const [state] = Rates.step(lastRate([[0, 0]]).state, 500, [])
    assert.strictEqual(state.size, 0)
  })

  it.prop(
    "is between the slowest and the fastest part of the last samples, and keeps few of them",
    [Arbitrary.array(Arbitrary.schema(Step), { minLength: 2, maxLength: 40 })],
    ([steps]) => {
      let [at, value] = [0, 0]
      const samples: Array<readonly [number, number]> = [[0, 0]]
      const parts: Array<number> = []
      for (const [millis, growth] of steps) {
        at += millis
        value += growth
        samples.push([at, value])
        parts.push((growth * 1_000) / millis)
      }
      const { rate, state } = lastRate(samples)
      assert.isAtLeast(rate ?? -1, Math.min(...parts) - 1e-6)
      assert.isAtMost(rate ?? Number.POSITIVE_INFINITY, Math.max(...parts) + 1e-6)
      const kept = state.get(1)!
      assert.isAtMost(kept.at(-1)!.atMillis - kept[0]!.atMillis, 3_000)
    }
  )
})
