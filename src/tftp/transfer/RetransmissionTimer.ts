/**
 * When a transfer sends again, and when it gives up. A sweeper looks at it, so that the data path sets no timer: it
 * only notes that something came. The schedule is stepped when there has been silence for long enough to ask it.
 */
import * as Effect from "effect/Effect"
import type * as Sweeper from "../../network/Sweeper.ts"
import * as Retransmission from "./Retransmission.ts"

/** Milliseconds between looks of the sweeper it is made for. */
export const period = 5

/** How a transfer waits. */
export interface Options {
  readonly sweeper: Sweeper.Sweeper
  readonly retransmission: Retransmission.Retransmission
  /** Packets in all to a peer that has not answered yet; undefined for one that has. */
  readonly unproven: number | undefined
  /** Makes every delay so many times longer: where the other side's timer should come first. */
  readonly slack: number
  /** A round trip that is known already, in milliseconds. */
  readonly sample?: number | undefined
  /** What is waited for was not heard of: send again. */
  readonly again: () => void
  /** It is no use, after so many packets. */
  readonly giveUp: (attempts: number) => void
}

/** The patience of a transfer. */
export interface Patience {
  /** What came made progress, or what was sent begins a new wait. */
  readonly moved: () => void
  /** The peer is real: from now on the schedule alone says how often. */
  readonly proven: () => void
  readonly observe: (sample: number) => void
  readonly rtt: () => Retransmission.Rtt | undefined
  readonly now: () => number
}

/** Begins to wait; stops with the scope. */
export const make = Effect.fnUntraced(function* (options: Options) {
  const { again, giveUp, retransmission, slack, sweeper, unproven: most = Number.POSITIVE_INFINITY } = options
  const context = yield* Effect.context<never>()
  const runNow = Effect.runSyncWith(context)
  let rtt = options.sample === undefined ? undefined : Retransmission.observe(undefined, options.sample)
  let unproven = true
  let since = sweeper.now()
  let moved = false
  let attempts = 1
  // Of the silence that is: the steps of its schedule, and what the next one is.
  let next: Retransmission.Stepper | undefined
  let delay: number | undefined

  const step = (stepper: Retransmission.Stepper) => {
    const next = runNow(stepper())
    return next === undefined ? undefined : next * slack
  }
  const look = (now: number) => {
    if (moved) {
      moved = false
      next = undefined
      attempts = 1
      since = now
    }
    // No schedule is quicker than what an answer takes.
    if (now - since < (rtt?.lowest ?? 0)) return
    if (next === undefined) {
      next = runNow(Retransmission.timer(retransmission, rtt))
      delay = step(next)
    }
    if (delay === undefined || (unproven && attempts >= most && now - since >= delay)) {
      return giveUp(attempts)
    }
    if (now - since < delay) return
    delay = step(next)
    if (delay === undefined) return giveUp(attempts)
    since = now
    attempts++
    again()
  }
  yield* Effect.acquireRelease(
    Effect.sync(() => sweeper.add(look)),
    (stop) => Effect.sync(stop)
  )
  const patience: Patience = {
    moved: () => {
      moved = true
    },
    proven: () => {
      unproven = false
    },
    observe: (sample) => {
      rtt = Retransmission.observe(rtt, sample)
    },
    rtt: () => rtt,
    now: sweeper.now
  }
  return patience
})
