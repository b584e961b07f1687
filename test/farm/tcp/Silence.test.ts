import { assert, describe, it } from "@effect/vitest"
import * as Silence from "../../../src/farm/tcp/Silence.ts"

describe("Silence", () => {
  const setUp = (leaseMillis: number) => {
    let millis = 5
    const silence = Silence.make(leaseMillis, () => millis)
    return {
      hear: silence.hear,
      tickAfter: (later: number) => {
        millis += later
        return silence.tick()
      }
    }
  }

  it("is over once nothing was heard for longer than the lease", () => {
    const { hear, tickAfter } = setUp(10_000)
    assert.deepStrictEqual([2_500, 2_500, 2_500, 2_500].map(tickAfter), [false, false, false, false])
    hear()
    assert.deepStrictEqual([2_500, 2_500, 2_500, 2_500, 1].map(tickAfter), [false, false, false, false, true])
  })

  it("counts a late tick for a quarter of the lease: this process was busy, and the peer may have been heard", () => {
    const { hear, tickAfter } = setUp(10_000)
    assert.deepStrictEqual([60_000, 60_000].map(tickAfter), [false, false])
    hear()
    assert.deepStrictEqual([60_000, 60_000, 60_000, 60_000].map(tickAfter), [false, false, false, false])
    assert.isTrue(tickAfter(60_000))
  })
})
