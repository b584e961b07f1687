import { assert, describe, it } from "@effect/vitest"
import * as Effect from "effect/Effect"
import type * as Sweeper from "../../../src/network/Sweeper.ts"
import * as Retransmission from "../../../src/tftp/transfer/Retransmission.ts"
import * as RetransmissionTimer from "../../../src/tftp/transfer/RetransmissionTimer.ts"

/** Makes a sweeper that checks at the given times only. */
const makeSweeper = () => {
  let time = 0
  const checks = new Set<(now: number) => void>()
  const sweeper: Sweeper.Sweeper = {
    now: () => time,
    add: (check) => {
      checks.add(check)
      return () => checks.delete(check)
    }
  }
  const checkAll = () => {
    for (const check of checks) check(time)
  }
  /** Checks every millisecond up to a time. */
  const runUntil = (end: number) => {
    for (; time < end; time++) checkAll()
  }
  /** Checks at one time, and not before it. */
  const checkAt = (next: number) => {
    time = next
    checkAll()
  }
  return { sweeper, runUntil, checkAt, checks }
}

/** Starts a timer that records its calls with their times. */
const makeTimer = Effect.fnUntraced(function* (options: Partial<RetransmissionTimer.Options> = {}) {
  const { checkAt, checks, runUntil, sweeper } = makeSweeper()
  const calls: Array<string> = []
  const timer = yield* RetransmissionTimer.make({
    sweeper,
    retransmission: Retransmission.fixed({ every: 100, attempts: 3 }),
    maxUnvalidatedPackets: undefined,
    onTimeout: () => calls.push(`${sweeper.now()} timeout`),
    onGiveUp: (attempts) => {
      calls.push(`${sweeper.now()} give up after ${attempts}`)
      timer.reset()
    },
    ...options
  })
  return { timer, calls, checks, runUntil, checkAt }
})

describe("RetransmissionTimer", () => {
  it.effect("expires after each delay of the schedule, then gives up", () =>
    Effect.gen(function* () {
      const { calls, runUntil } = yield* makeTimer()
      runUntil(302)
      assert.deepStrictEqual(calls, ["100 timeout", "200 timeout", "300 give up after 3"])
    })
  )

  it.effect("starts the schedule again after a reset, from the next check", () =>
    Effect.gen(function* () {
      const { calls, runUntil, timer } = yield* makeTimer()
      for (const time of [90, 180, 270]) {
        runUntil(time)
        timer.reset()
      }
      runUntil(371)
      assert.deepStrictEqual(calls, ["370 timeout"])
      timer.reset()
      runUntil(700)
      assert.deepStrictEqual(calls.slice(1), ["471 timeout", "571 timeout", "671 give up after 3"])
    })
  )

  it.effect("limits the packets to a peer that has not replied", () =>
    Effect.gen(function* () {
      const limited = yield* makeTimer({ maxUnvalidatedPackets: 2 })
      limited.runUntil(201)
      assert.deepStrictEqual(limited.calls, ["100 timeout", "200 give up after 2"])
      const validated = yield* makeTimer({ maxUnvalidatedPackets: 2 })
      validated.timer.onReply()
      validated.runUntil(301)
      assert.deepStrictEqual(validated.calls, ["100 timeout", "200 timeout", "300 give up after 3"])
    })
  )

  it.effect("follows the round trip time, also if it is known from the start", () =>
    Effect.gen(function* () {
      const retransmission = Retransmission.adaptive({ minDelay: 10, attempts: 9 })
      const { calls, runUntil, timer } = yield* makeTimer({ retransmission, initialRttSample: 20 })
      assert.deepStrictEqual(timer.rtt(), Retransmission.observe(undefined, 20))
      runUntil(182)
      assert.deepStrictEqual(calls, ["60 timeout", "180 timeout"])
      timer.addRttSample(20)
      timer.reset()
      runUntil(240)
      assert.deepStrictEqual(calls.slice(2), ["232 timeout"])
    })
  )

  it.effect("is checked once more if it expires while the process is busy, before replies are read", () =>
    Effect.gen(function* () {
      const { calls, checkAt, runUntil, timer } = yield* makeTimer()
      runUntil(90)
      checkAt(120)
      // The reply has come before the check, but is read after it.
      timer.onReply()
      checkAt(125)
      runUntil(225)
      assert.deepStrictEqual(calls, [])
      // Without a reply it is late by one check only, however late the checks are.
      for (const time of [250, 280, 310, 340, 390, 420]) checkAt(time)
      assert.deepStrictEqual(calls, ["280 timeout", "420 timeout"])
    })
  )

  it.effect("is no longer checked after its scope has closed", () =>
    Effect.gen(function* () {
      const { checks } = yield* Effect.scoped(makeTimer())
      assert.strictEqual(checks.size, 0)
    })
  )
})
