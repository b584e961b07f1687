import { assert, describe, it } from "@effect/vitest"
import * as Arbitrary from "effect/Arbitrary"
import * as FaultRandom from "../../../src/simulation/faults/FaultRandom.ts"
import * as Suspicion from "../../../src/status/membership/Suspicion.ts"
import { between } from "../wire/HeartbeatArbitrary.ts"

const thresholds = { suspectAfter: 3, downAfter: 5, maxMissed: 30 }

/** Makes an estimate from gaps, each with a number of lost packets and a lateness. */
const estimateOf = (gaps: ReadonlyArray<readonly [lost: number, late: number]>) =>
  gaps.reduce((estimateOf, [lost, late]) => Suspicion.addReceived(estimateOf, lost, late), Suspicion.empty)

const records = Arbitrary.map(
  Arbitrary.array(Arbitrary.all([between(0, 8), between(0, 2_000)]), { maxLength: 100 }),
  estimateOf
)

/** Makes an estimate of `count` packets with independent losses. */
const lossy = (rate: number, count: number, seed: number) => {
  const roll = FaultRandom.sequence(seed)
  let estimate = Suspicion.empty
  let lost = 0
  for (let n = 0; n < count; n++) {
    if (roll() < rate) lost++
    else {
      estimate = Suspicion.addReceived(estimate, lost, 0)
      lost = 0
    }
  }
  return estimate
}

describe("Suspicion", () => {
  it("declares a peer down on time if `suspectAfter` is greater than `downAfter`", () => {
    const { down, suspect } = Suspicion.deadlines(1_000, Suspicion.empty, Suspicion.empty, {
      ...thresholds,
      downAfter: 2
    })
    assert.deepStrictEqual([suspect, down], [2_000, 2_000])
  })

  it.prop("suspects before it declares down, within its limits", [records, records], ([own, network]) => {
    const misses = Suspicion.missesUntilDown(own, network, thresholds)
    assert.isTrue(Number.isInteger(misses) && misses >= 5 && misses <= 30)
    const { down, suspect } = Suspicion.deadlines(1_000, own, network, thresholds)
    assert.isTrue(suspect >= 3_000 && suspect <= down && down <= 35_000)
    assert.isTrue(own.lossBursts <= own.lost && own.lost <= own.expected && own.expected <= 200)
    const rate = Suspicion.lossRate(own, network)
    assert.isTrue(rate >= 0 && rate < 1)
  })

  it.prop("needs five misses without loss", [between(0, 300)], ([count]) => {
    const own = estimateOf(Array.from({ length: count }, () => [0, 0]))
    assert.deepStrictEqual(Suspicion.deadlines(700, own, own, thresholds), { suspect: 2_100, down: 3_500 })
  })

  it.prop("estimates the loss rate", [between(0, 100_000), between(0, 60)], ([seed, percent]) => {
    const own = lossy(percent / 100, 2_000, seed)
    assert.closeTo(Suspicion.lossRate(own, own), percent / 100, 0.16)
  })

  it.prop(
    "does not count an overtaken packet as lost",
    [Arbitrary.array(between(0, 4), { maxLength: 30 })],
    ([gaps]) => {
      let estimate = estimateOf(gaps.map((lost) => [lost, 0]))
      for (let n = gaps.reduce((sum, lost) => sum + lost, 0); n > 0; n--) estimate = Suspicion.retractLoss(estimate)
      assert.strictEqual(Suspicion.lossRate(estimate, Suspicion.empty), 0)
      assert.strictEqual(estimate.lossBursts, 0)
    }
  )

  it("waits longer for losses in a row than for as many single losses", () => {
    const alone = estimateOf(Array.from({ length: 40 }, (_, n) => [n % 2 === 0 ? 1 : 0, 0]))
    const together = estimateOf(Array.from({ length: 40 }, (_, n) => [n % 10 === 0 ? 5 : 0, 0]))
    assert.strictEqual(alone.lost, together.lost)
    assert.isBelow(
      Suspicion.missesUntilDown(alone, Suspicion.empty, thresholds),
      Suspicion.missesUntilDown(together, Suspicion.empty, thresholds)
    )
  })

  it("waits for a peer that is late at times, and stops waiting when it is punctual again", () => {
    const busy = estimateOf(Array.from({ length: 50 }, (_, n) => [0, n % 10 === 0 ? 1_000 : 0]))
    assert.isAbove(Suspicion.deadlines(1_000, busy, busy, thresholds).down, 6_000)
    let calm = busy
    for (let n = 0; n < 200; n++) calm = Suspicion.addReceived(calm, 0, 0)
    assert.closeTo(Suspicion.deadlines(1_000, calm, calm, thresholds).down, 5_000, 20)
  })
})
