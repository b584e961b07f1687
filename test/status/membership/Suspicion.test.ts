import { assert, describe, it } from "@effect/vitest"
import * as Arbitrary from "effect/Arbitrary"
import * as FaultRandom from "../../../src/simulation/faults/FaultRandom.ts"
import * as Suspicion from "../../../src/status/membership/Suspicion.ts"
import { between } from "../wire/HeartbeatArbitrary.ts"

const patience = { suspectAfter: 3, downAfter: 5, maxMissed: 30 }

/** Makes an estimate from gaps, each with a number of lost packets and a lateness. */
const record = (gaps: ReadonlyArray<readonly [lost: number, late: number]>) =>
  gaps.reduce((record, [lost, late]) => Suspicion.addReceived(record, lost, late), Suspicion.empty)

const records = Arbitrary.map(
  Arbitrary.array(Arbitrary.all([between(0, 8), between(0, 2_000)]), { maxLength: 100 }),
  record
)

/** Makes an estimate of `count` packets with independent losses. */
const lossy = (rate: number, count: number, seed: number) => {
  const roll = FaultRandom.sequence(seed)
  let kept = Suspicion.empty
  let lost = 0
  for (let n = 0; n < count; n++) {
    if (roll() < rate) lost++
    else {
      kept = Suspicion.addReceived(kept, lost, 0)
      lost = 0
    }
  }
  return kept
}

describe("Suspicion", () => {
  it("declares a peer down on time if `suspectAfter` is greater than `downAfter`", () => {
    const { down, suspect } = Suspicion.deadlines(1_000, Suspicion.empty, Suspicion.empty, {
      ...patience,
      downAfter: 2
    })
    assert.deepStrictEqual([suspect, down], [2_000, 2_000])
  })

  it.prop("suspects before it declares down, within its limits", [records, records], ([own, network]) => {
    const misses = Suspicion.missesUntilDown(own, network, patience)
    assert.isTrue(Number.isInteger(misses) && misses >= 5 && misses <= 30)
    const { down, suspect } = Suspicion.deadlines(1_000, own, network, patience)
    assert.isTrue(suspect >= 3_000 && suspect <= down && down <= 35_000)
    assert.isTrue(own.lossBursts <= own.lost && own.lost <= own.expected && own.expected <= 200)
    const rate = Suspicion.lossRate(own, network)
    assert.isTrue(rate >= 0 && rate < 1)
  })

  it.prop("needs five misses without loss", [between(0, 300)], ([count]) => {
    const own = record(Array.from({ length: count }, () => [0, 0]))
    assert.deepStrictEqual(Suspicion.deadlines(700, own, own, patience), { suspect: 2_100, down: 3_500 })
  })

  it.prop("estimates the loss rate", [between(0, 100_000), between(0, 60)], ([seed, percent]) => {
    const own = lossy(percent / 100, 2_000, seed)
    assert.closeTo(Suspicion.lossRate(own, own), percent / 100, 0.16)
  })

  it.prop(
    "does not count an overtaken packet as lost",
    [Arbitrary.array(between(0, 4), { maxLength: 30 })],
    ([gaps]) => {
      let kept = record(gaps.map((lost) => [lost, 0]))
      for (let n = gaps.reduce((sum, lost) => sum + lost, 0); n > 0; n--) kept = Suspicion.retractLoss(kept)
      assert.strictEqual(Suspicion.lossRate(kept, Suspicion.empty), 0)
      assert.strictEqual(kept.lossBursts, 0)
    }
  )

  it("waits longer for losses in a row than for as many single losses", () => {
    const alone = record(Array.from({ length: 40 }, (_, n) => [n % 2 === 0 ? 1 : 0, 0]))
    const together = record(Array.from({ length: 40 }, (_, n) => [n % 10 === 0 ? 5 : 0, 0]))
    assert.strictEqual(alone.lost, together.lost)
    assert.isBelow(
      Suspicion.missesUntilDown(alone, Suspicion.empty, patience),
      Suspicion.missesUntilDown(together, Suspicion.empty, patience)
    )
  })

  it("waits for a peer that is late at times, and stops waiting when it is punctual again", () => {
    const busy = record(Array.from({ length: 50 }, (_, n) => [0, n % 10 === 0 ? 1_000 : 0]))
    assert.isAbove(Suspicion.deadlines(1_000, busy, busy, patience).down, 6_000)
    let calm = busy
    for (let n = 0; n < 200; n++) calm = Suspicion.addReceived(calm, 0, 0)
    assert.closeTo(Suspicion.deadlines(1_000, calm, calm, patience).down, 5_000, 20)
  })
})
