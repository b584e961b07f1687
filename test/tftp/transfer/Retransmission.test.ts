import { assert, describe, it } from "@effect/vitest"
import type * as Duration from "effect/Duration"
import * as Effect from "effect/Effect"
import * as Fiber from "effect/Fiber"
import { pipe } from "effect/Function"
import * as Random from "effect/Random"
import * as Schedule from "effect/Schedule"
import * as Schema from "effect/Schema"
import * as TestClock from "effect/testing/TestClock"
import * as Retransmission from "../../../src/tftp/transfer/Retransmission.ts"

/** Returns the delays up to the end of a schedule, waiting for each in virtual time. */
const delays = Effect.fnUntraced(function* (
  retransmission: Retransmission.Retransmission,
  rtt?: Retransmission.RttEstimate | undefined
) {
  const next = yield* Retransmission.start(retransmission, rtt)
  const waits: Array<number> = []
  const waiting = yield* Effect.forkChild(
    Effect.gen(function* () {
      for (let wait = yield* next(); wait !== undefined; wait = yield* next()) {
        waits.push(wait)
        yield* Effect.sleep(wait)
      }
    })
  )
  yield* TestClock.adjust("1 hour")
  yield* Fiber.join(waiting)
  return waits
})

const steady = (sample: number, samples = 50) => {
  let rtt = Retransmission.observe(undefined, sample)
  for (let n = 1; n < samples; n++) rtt = Retransmission.observe(rtt, sample)
  return rtt
}

describe("Retransmission", () => {
  it.effect("fixed repeats the same delay for all attempts", () =>
    Effect.gen(function* () {
      assert.deepStrictEqual(yield* delays(Retransmission.fixed()), [1000, 1000, 1000, 1000, 1000, 1000])
      const own = Retransmission.fixed({ every: "250 millis", attempts: 2 })
      assert.deepStrictEqual(yield* delays(own, steady(900)), [250, 250])
    })
  )

  it.effect("exponential doubles the delay up to maxDelay", () =>
    Effect.gen(function* () {
      const plain = Retransmission.exponential({ jitter: 0 })
      assert.deepStrictEqual(yield* delays(plain), [1000, 2000, 4000, 8000, 8000, 8000])
      const own = Retransmission.exponential({ initialDelay: 10, factor: 3, maxDelay: 100, attempts: 4, jitter: 0 })
      assert.deepStrictEqual(yield* delays(own), [10, 30, 90, 100])
    })
  )

  it.effect("exponential changes each delay within the jitter, reproducibly by seed", () =>
    Effect.gen(function* () {
      const retransmission = Retransmission.exponential({
        initialDelay: 100,
        maxDelay: 400,
        attempts: 200,
        jitter: 0.2
      })
      const run = (seed: string) => Random.withSeed(delays(retransmission), seed)
      const waits = yield* run("a")
      assert.strictEqual(waits.length, 200)
      for (const [index, wait] of waits.entries()) {
        const middle = Math.min(400, 100 * 2 ** index)
        assert.isTrue(wait >= 0.8 * middle && wait <= 1.2 * middle)
      }
      assert.isBelow(Math.min(...waits.slice(2)), 340)
      assert.isAbove(Math.max(...waits), 460)
      assert.deepStrictEqual(yield* run("a"), waits)
      assert.notDeepEqual(yield* run("b"), waits)
    })
  )

  it.effect("adaptive follows the round trip time within its bounds, and doubles the delay each time", () =>
    Effect.gen(function* () {
      const adaptive = Retransmission.adaptive({ attempts: 4 })
      assert.deepStrictEqual(yield* delays(adaptive), [1000, 2000, 4000, 5000])
      assert.deepStrictEqual(yield* delays(adaptive, steady(0.1)), [50, 100, 200, 400])
      assert.deepStrictEqual(yield* delays(adaptive, steady(60_000)), [5000, 5000, 5000, 5000])
      assert.deepStrictEqual(yield* delays(adaptive, Retransmission.observe(undefined, 100)), [300, 600, 1200, 2400])
      const settled = yield* delays(adaptive, steady(100))
      assert.isTrue(settled[0]! >= 100 && settled[0]! < 101)
      const own = Retransmission.adaptive({ initialDelay: 50, minDelay: 70, maxDelay: 90, attempts: 3 })
      assert.deepStrictEqual(yield* delays(own), [50, 90, 90])
      assert.deepStrictEqual(yield* delays(own, steady(1)), [70, 90, 90])
    })
  )

  it.effect("withDeadline ends at the deadline, or with the schedule", () =>
    Effect.gen(function* () {
      const until = (deadline: Duration.Input) =>
        Retransmission.withDeadline(Retransmission.exponential({ jitter: 0 }), { deadline })
      assert.deepStrictEqual(yield* delays(until("10 seconds")), [1000, 2000, 4000, 3000])
      assert.deepStrictEqual(yield* delays(until("7 seconds")), [1000, 2000, 4000])
      assert.deepStrictEqual(yield* delays(until("300 millis")), [300])
      assert.deepStrictEqual(yield* delays(until("1 minute")), [1000, 2000, 4000, 8000, 8000, 8000])
      assert.deepStrictEqual(yield* delays(until("7 seconds")), [1000, 2000, 4000])
    })
  )

  it.effect("withDeadline limits the same way with the policy first or last", () =>
    Effect.gen(function* () {
      const every = Retransmission.fixed({ every: "4 seconds" })
      const first = Retransmission.withDeadline(every, { deadline: "10 seconds" })
      const last = pipe(every, Retransmission.withDeadline({ deadline: "10 seconds" }))
      assert.deepStrictEqual(yield* delays(first), [4000, 4000, 2000])
      assert.deepStrictEqual(yield* delays(last), [4000, 4000, 2000])
    })
  )

  it.effect("scale multiplies each delay, and keeps the number of attempts", () =>
    Effect.gen(function* () {
      const every = Retransmission.fixed({ every: "1.5 seconds", attempts: 3 })
      assert.deepStrictEqual(yield* delays(Retransmission.scale(every, { factor: 2 })), [3000, 3000, 3000])
      assert.deepStrictEqual(yield* delays(pipe(every, Retransmission.scale({ factor: 0.5 }))), [750, 750, 750])
      const adaptive = Retransmission.scale(Retransmission.adaptive({ attempts: 2 }), { factor: 2 })
      assert.deepStrictEqual(yield* delays(adaptive, Retransmission.observe(undefined, 100)), [600, 1200])
    })
  )

  it.effect("start starts any schedule from its beginning", () =>
    Effect.gen(function* () {
      const one = yield* Retransmission.start(Retransmission.exponential({ jitter: 0, attempts: 2 }), undefined)
      const two = yield* Retransmission.start(Retransmission.exponential({ jitter: 0, attempts: 2 }), undefined)
      assert.deepStrictEqual(
        [yield* one(), yield* one(), yield* two(), yield* one(), yield* one()],
        [1000, 2000, 1000, undefined, undefined]
      )
      const own: Retransmission.Retransmission = (rtt) =>
        Schedule.exponential(rtt?.lowest ?? 1).pipe(Schedule.upTo({ times: 3 }))
      assert.deepStrictEqual(yield* delays(own, steady(7)), [7, 14, 28])
    })
  )

  describe("observe", () => {
    it("starts with the sample and half of it (RFC 6298, 2.2), then adds an eighth and a quarter (2.3)", () => {
      const first = Retransmission.observe(undefined, 100)
      assert.deepStrictEqual(first, { smoothed: 100, variance: 50, lowest: 100, samples: 1 })
      const second = Retransmission.observe(first, 60)
      assert.deepStrictEqual(second, { smoothed: 95, variance: 47.5, lowest: 60, samples: 2 })
      assert.deepStrictEqual(Retransmission.observe(second, 95), {
        smoothed: 95,
        variance: 35.625,
        lowest: 60,
        samples: 3
      })
    })

    it.prop(
      "stays between the samples",
      [
        Schema.Array(Schema.Finite.check(Schema.isBetween({ minimum: 0.01, maximum: 5000 }))).check(
          Schema.isMinLength(1)
        )
      ],
      ([samples]) => {
        const rtt = samples.reduce<Retransmission.RttEstimate | undefined>(Retransmission.observe, undefined)!
        const slack = 1e-9 * Math.max(...samples)
        assert.strictEqual(rtt.lowest, Math.min(...samples))
        assert.strictEqual(rtt.samples, samples.length)
        assert.isTrue(rtt.smoothed >= Math.min(...samples) - slack && rtt.smoothed <= Math.max(...samples) + slack)
        assert.isTrue(rtt.variance >= 0 && rtt.variance <= Math.max(...samples) + slack)
      }
    )
  })
})
