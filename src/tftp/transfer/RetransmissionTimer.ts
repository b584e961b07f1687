/**
 * The retransmission timer of a transfer (RFC 6298): calls back to retransmit, and finally to give up.
 *
 * A `Retransmission` is a `Schedule`, stepped here by hand and not by `Effect.repeat`. A reply ends the delay after
 * each packet, and the next delay may be shorter: a fiber that sleeps on the schedule would be interrupted and started
 * again for each, 3.8 us of CPU time. Here a reply sets a flag, and a sweeper, one for all transfers, checks it.
 *
 * A busy process checks late, and may not have read a reply that has come: a timer that expires at a late check is
 * checked once more, after the sockets were read.
 */
import * as Effect from "effect/Effect"
import type * as Sweeper from "../../network/Sweeper.ts"
import * as Retransmission from "./Retransmission.ts"

/** The period of the sweeper that checks the timer. */
export const periodMillis = 5

/** The time between two checks above which the process was busy: replies may still be in the buffer of the socket. */
const lateCheckMillis = 4 * periodMillis

/** The options of a timer that both directions of a transfer share. */
export interface CommonOptions {
  readonly sweeper: Sweeper.Sweeper
  readonly retransmission: Retransmission.Retransmission
  /** The most packets to a peer that has not replied yet; undefined if it has. */
  readonly maxUnvalidatedPackets: number | undefined
  /** A round trip time that is already known, in milliseconds. */
  readonly initialRttSample?: number | undefined
}

/** The schedule and the callbacks of a timer. */
export interface Options extends CommonOptions {
  /** Called when the timer expires: retransmit. */
  readonly onTimeout: () => void
  /** Called when the schedule ends, with the number of times the packet was sent. */
  readonly onGiveUp: (attempts: number) => void
}

/** The timer of one transfer. */
export interface RetransmissionTimer {
  /** Resets the timer after a reply of the peer; from now on only the schedule limits the packets. */
  readonly onReply: () => void
  /** Resets the timer: nothing is awaited from the peer. */
  readonly reset: () => void
  /** Adds a measured round trip time, in milliseconds. */
  readonly addRttSample: (sample: number) => void
  /** Returns the estimate; undefined before the first sample. */
  readonly rtt: () => Retransmission.RttEstimate | undefined
  /** Returns monotonic time, in milliseconds. */
  readonly now: () => number
}

/** A wait for a reply, since the last packet. */
interface Wait {
  readonly since: number
  /** The number of times the packet was sent. */
  readonly attempts: number
  /** The rest of the schedule and its current delay, in ms; undefined until the lowest round trip time has passed. */
  readonly schedule: { readonly next: () => number | undefined; readonly delay: number | undefined } | undefined
  /** True if it has expired at a late check, and is checked once more. */
  readonly isPostponed: boolean
}

/** Starts a timer, which stops when the scope closes. */
export const make = Effect.fnUntraced(function* (options: Options) {
  const { initialRttSample, maxUnvalidatedPackets = Number.POSITIVE_INFINITY, sweeper } = options
  const runNow = Effect.runSyncWith(yield* Effect.context<never>())
  let rtt = initialRttSample === undefined ? undefined : Retransmission.observe(undefined, initialRttSample)
  let isValidated = false
  let isReset = false
  let checkedAt = sweeper.now()
  let wait: Wait = { since: checkedAt, attempts: 1, schedule: undefined, isPostponed: false }

  /** Starts the schedule of a wait. */
  const startSchedule = () => {
    const stepper = runNow(Retransmission.start(options.retransmission, rtt))
    const next = () => runNow(stepper())
    return { next, delay: next() }
  }
  const check = (now: number) => {
    const isLate = now - checkedAt >= lateCheckMillis
    checkedAt = now
    if (isReset) {
      isReset = false
      wait = { since: now, attempts: 1, schedule: undefined, isPostponed: false }
    }
    const { attempts, isPostponed, since } = wait
    // A reply takes at least the lowest round trip time: do not start the schedule earlier.
    if (now - since < (rtt?.lowest ?? 0)) return
    const schedule = wait.schedule ?? startSchedule()
    wait = { since, attempts, schedule, isPostponed }
    const { delay, next } = schedule
    if (delay === undefined) return options.onGiveUp(attempts)
    if (now - since < delay) return
    // Once, or a process that is always busy would never retransmit.
    if (isLate && !isPostponed) {
      wait = { since, attempts, schedule, isPostponed: true }
      return
    }
    if (!isValidated && attempts >= maxUnvalidatedPackets) return options.onGiveUp(attempts)
    const nextDelay = next()
    if (nextDelay === undefined) return options.onGiveUp(attempts)
    wait = { since: now, attempts: attempts + 1, schedule: { next, delay: nextDelay }, isPostponed: false }
    options.onTimeout()
  }
  yield* Effect.acquireRelease(
    Effect.sync(() => sweeper.add(check)),
    (stop) => Effect.sync(stop)
  )
  const timer: RetransmissionTimer = {
    onReply: () => {
      isValidated = true
      isReset = true
    },
    reset: () => {
      isReset = true
    },
    addRttSample: (sample) => {
      rtt = Retransmission.observe(rtt, sample)
    },
    rtt: () => rtt,
    now: sweeper.now
  }
  return timer
})
