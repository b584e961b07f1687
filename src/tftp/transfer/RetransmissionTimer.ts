/**
 * When a transfer sends again, and when it gives up. A sweeper looks at it, so that the data path sets no timer: it
 * only notes that something came. The schedule is stepped when there has been silence for long enough to ask it.
 */
import * as Effect from "effect/Effect"
import type * as Sweeper from "../../network/Sweeper.ts"
import * as Retransmission from "./Retransmission.ts"

/** Milliseconds between looks of the sweeper it is made for. */
export const periodMillis = 5

/** How a transfer waits. */
export interface Options {
  readonly sweeper: Sweeper.Sweeper
  readonly retransmission: Retransmission.Retransmission
  /** Packets in all to a peer that has not answered yet; undefined for one that has. */
  readonly maxUnvalidatedPackets: number | undefined
  /** Makes every delay so many times longer: where the other side's timer should come first. */
  readonly timeoutFactor: number
  /** A round trip that is known already, in milliseconds. */
  readonly initialRttSample?: number | undefined
  /** What is waited for was not heard of: send again. */
  readonly onTimeout: () => void
  /** It is no use, after so many packets. */
  readonly onGiveUp: (attempts: number) => void
}

/** The patience of a transfer. */
export interface RetransmissionTimer {
  /** What came made progress, or what was sent begins a new wait. */
  readonly reset: () => void
  /** The peer is real: from now on the schedule alone says how often. */
  readonly markValidated: () => void
  readonly addRttSample: (sample: number) => void
  readonly rtt: () => Retransmission.RttEstimate | undefined
  readonly now: () => number
}

/** Begins to wait; stops with the scope. */
export const make = Effect.fnUntraced(function* (options: Options) {
  const {
    onTimeout,
    onGiveUp,
    retransmission,
    timeoutFactor,
    sweeper,
    maxUnvalidatedPackets = Number.POSITIVE_INFINITY
  } = options
  const context = yield* Effect.context<never>()
  const runNow = Effect.runSyncWith(context)
  let rtt =
    options.initialRttSample === undefined ? undefined : Retransmission.observe(undefined, options.initialRttSample)
  let isUnvalidated = true
  let waitingSince = sweeper.now()
  let isReset = false
  let attempts = 1
  // Of the silence that is: the steps of its schedule, and what the next one is.
  let stepper: Retransmission.Stepper | undefined
  let delay: number | undefined

  const step = (stepper: Retransmission.Stepper) => {
    const next = runNow(stepper())
    return next === undefined ? undefined : next * timeoutFactor
  }
  const check = (now: number) => {
    if (isReset) {
      isReset = false
      stepper = undefined
      attempts = 1
      waitingSince = now
    }
    // No schedule is quicker than what an answer takes.
    if (now - waitingSince < (rtt?.lowest ?? 0)) return
    if (stepper === undefined) {
      stepper = runNow(Retransmission.start(retransmission, rtt))
      delay = step(stepper)
    }
    if (delay === undefined || (isUnvalidated && attempts >= maxUnvalidatedPackets && now - waitingSince >= delay)) {
      return onGiveUp(attempts)
    }
    if (now - waitingSince < delay) return
    delay = step(stepper)
    if (delay === undefined) return onGiveUp(attempts)
    waitingSince = now
    attempts++
    onTimeout()
  }
  yield* Effect.acquireRelease(
    Effect.sync(() => sweeper.add(check)),
    (stop) => Effect.sync(stop)
  )
  const timer: RetransmissionTimer = {
    reset: () => {
      isReset = true
    },
    markValidated: () => {
      isUnvalidated = false
    },
    addRttSample: (sample) => {
      rtt = Retransmission.observe(rtt, sample)
    },
    rtt: () => rtt,
    now: sweeper.now
  }
  return timer
})
