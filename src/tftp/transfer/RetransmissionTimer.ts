/**
 * The retransmission timer of a transfer (RFC 6298): calls back to retransmit, and finally to give up. A sweeper checks
 * it, so that the data path sets no timer and only marks the timer as reset. The schedule is stepped only when a delay
 * has passed without a reset.
 */
import * as Effect from "effect/Effect"
import type * as Sweeper from "../../network/Sweeper.ts"
import * as Retransmission from "./Retransmission.ts"

/** The period of the sweeper that checks the timer. */
export const periodMillis = 5

/** The schedule and the callbacks of a timer. */
export interface Options {
  readonly sweeper: Sweeper.Sweeper
  readonly retransmission: Retransmission.Retransmission
  /** The most packets to a peer that has not replied yet; undefined if it has. */
  readonly maxUnvalidatedPackets: number | undefined
  /** The factor for every delay: above 1 if the other side's timer should expire first. */
  readonly timeoutFactor: number
  /** A round trip time that is already known, in milliseconds. */
  readonly initialRttSample?: number | undefined
  /** Called when the timer expires: retransmit. */
  readonly onTimeout: () => void
  /** Called when the schedule ends, with the number of times the packet was sent. */
  readonly onGiveUp: (attempts: number) => void
}

/** The timer of one transfer. */
export interface RetransmissionTimer {
  /** Resets the timer, after progress or after new data was sent. */
  readonly reset: () => void
  /** Marks the peer's address as validated: from now on only the schedule limits the packets. */
  readonly markValidated: () => void
  /** Adds a measured round trip time, in milliseconds. */
  readonly addRttSample: (sample: number) => void
  /** Returns the estimate; undefined before the first sample. */
  readonly rtt: () => Retransmission.RttEstimate | undefined
  /** Returns monotonic time, in milliseconds. */
  readonly now: () => number
}

/** Starts a timer, which stops when the scope closes. */
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
  // The steps of the schedule since the last reset, and the current delay.
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
    // A reply takes at least the shortest round trip time: do not ask the schedule earlier.
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
