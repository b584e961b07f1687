import { assert, describe, it } from "@effect/vitest"
import * as Schema from "effect/Schema"
import * as Traffic from "../../../src/web/client/Traffic.ts"

const startMillis = 1_700_000_000_000

const sum = (values: ReadonlyArray<number>) => values.reduce((total, value) => total + value, 0)

/** Steps of a service: a pause and the bytes since then. */
const Step = Schema.Struct({
  pauseMillis: Schema.Int.check(Schema.isBetween({ minimum: 0, maximum: 20_000 })),
  received: Schema.Int.check(Schema.isBetween({ minimum: 0, maximum: 1_000 })),
  sent: Schema.Int.check(Schema.isBetween({ minimum: 0, maximum: 1_000 }))
})

describe("Traffic", () => {
  it.prop("has the bytes of the last seconds, each in its second", [Schema.Array(Step)], ([steps]) => {
    let now = startMillis
    let totals: Traffic.Totals = { received: 7_000, sent: 3_000 }
    let traffic = Traffic.make(now, totals)
    const bySecond = new Map<number, number>()
    for (const step of steps) {
      now += step.pauseMillis
      totals = { received: totals.received + step.received, sent: totals.sent + step.sent }
      traffic = Traffic.add(traffic, now, totals)
      const second = Math.floor(now / 1_000)
      bySecond.set(second, (bySecond.get(second) ?? 0) + step.received)
    }
    const { received, sent } = Traffic.series(traffic, now + 1_000)
    assert.lengthOf(received, Traffic.windowSeconds)
    assert.lengthOf(sent, Traffic.windowSeconds)
    const newest = Math.floor(now / 1_000)
    const expected = received.map((_, at) => bySecond.get(newest - Traffic.windowSeconds + 1 + at) ?? 0)
    assert.deepStrictEqual(received, expected)
  })

  it("series ends with the last complete second", () => {
    const traffic = Traffic.add(Traffic.make(startMillis, { received: 0, sent: 0 }), startMillis + 100, {
      received: 50,
      sent: 0
    })
    assert.strictEqual(Traffic.series(traffic, startMillis + 900).received.at(-1), 0)
    assert.strictEqual(Traffic.series(traffic, startMillis + 1_000).received.at(-1), 50)
    assert.strictEqual(Traffic.series(traffic, startMillis + 2_000).received.at(-2), 50)
    assert.strictEqual(sum(Traffic.series(traffic, startMillis + 3_600_000).received), 0)
  })

  it("counts no bytes when totals fall, nor those of a time that is unknown", () => {
    const traffic = Traffic.make(startMillis, { received: 900, sent: 900 })
    const restarted = Traffic.add(traffic, startMillis + 1_000, { received: 0, sent: 0 })
    assert.strictEqual(sum(restarted.received), 0)
    const grown = Traffic.add(restarted, startMillis + 1_000, { received: 10, sent: 0 })
    assert.strictEqual(sum(grown.received), 10)
    const rebased = Traffic.rebase(grown, { received: 1e9, sent: 1e9 })
    assert.strictEqual(sum(Traffic.add(rebased, startMillis + 2_000, { received: 1e9 + 5, sent: 1e9 }).received), 15)
  })

  it("says how many of the last seconds were watched", () => {
    const traffic = Traffic.make(startMillis, { received: 0, sent: 0 })
    const seconds = (afterMillis: number) => Traffic.series(traffic, startMillis + afterMillis).knownSeconds
    assert.deepStrictEqual([0, 1_000, 30_500, 600_000].map(seconds), [0, 1, 30, Traffic.windowSeconds])
    const later = Traffic.make(startMillis + 5_000, { received: 0, sent: 0 })
    const both = Traffic.sum([traffic, later].map((one) => Traffic.series(one, startMillis + 9_000)))
    assert.strictEqual(both.knownSeconds, 9)
  })

  it("a clock that goes back does not move the window", () => {
    const traffic = Traffic.make(startMillis, { received: 0, sent: 0 })
    const back = Traffic.add(traffic, startMillis - 60_000, { received: 5, sent: 0 })
    assert.strictEqual(back.second, traffic.second)
    assert.strictEqual(sum(back.received), 5)
    assert.lengthOf(Traffic.series(back, startMillis - 600_000).received, Traffic.windowSeconds)
  })

  it("sum and rate add series, and average the last two seconds", () => {
    const add = (bytes: number) =>
      Traffic.series(
        Traffic.add(Traffic.make(startMillis, { received: 0, sent: 0 }), startMillis, {
          received: bytes,
          sent: 2 * bytes
        }),
        startMillis + 1_000
      )
    const total = Traffic.sum([add(30), add(70)])
    assert.strictEqual(Traffic.rate(total.received), 50)
    assert.strictEqual(Traffic.rate(total.sent), 100)
    assert.strictEqual(sum(Traffic.sum([]).received), 0)
  })
})
