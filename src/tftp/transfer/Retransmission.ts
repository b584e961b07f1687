/**
 * When to send again, and when to give up: a `Schedule` made from what is known of the round trip.
 *
 * The first delay of a schedule is how long an answer to the first sending is waited for, each further one how long
 * after sending once more; its end means to give up. It is asked for a delay only when a timer has to be set anew, not
 * for each packet, and a new one is made whenever the peer was heard.
 *
 * Any function from an `Rtt` to a `Schedule` will do in place of those here.
 */
import * as Cause from "effect/Cause"
import * as Clock from "effect/Clock"
import * as Duration from "effect/Duration"
import * as Effect from "effect/Effect"
import * as Pull from "effect/Pull"
import * as Random from "effect/Random"
import * as Schedule from "effect/Schedule"

/** What is known of the round trip, in milliseconds. @category models @since 0.1.0 */
export interface RttEstimate {
  /** SRTT of RFC 6298. */
  readonly smoothed: number
  /** RTTVAR of RFC 6298: the mean deviation. */
  readonly variance: number
  /** The quickest so far. */
  readonly lowest: number
  /** How many were measured. */
  readonly samples: number
}

/** Delays until the next sending, for this round trip; the end is to give up. @category models @since 0.1.0 */
export type Retransmission = (rtt: RttEstimate | undefined) => Schedule.Schedule<Duration.Duration>

/** Each call gives the next delay in ms, or undefined when it is time to give up. @category models @since 0.1.0 */
export type Stepper = () => Effect.Effect<number | undefined>

/**
 * Takes one more round trip, in ms, into the estimate (RFC 6298 section 2, alpha 1/8, beta 1/4). Only packets that were
 * sent once may be measured (Karn's rule).
 *
 * @category transitions
 * @since 0.1.0
 */
export const observe = (rtt: RttEstimate | undefined, sample: number): RttEstimate =>
  rtt === undefined
    ? { smoothed: sample, variance: sample / 2, lowest: sample, samples: 1 }
    : {
        smoothed: rtt.smoothed + (sample - rtt.smoothed) / 8,
        variance: rtt.variance + (Math.abs(rtt.smoothed - sample) - rtt.variance) / 4,
        lowest: Math.min(rtt.lowest, sample),
        samples: rtt.samples + 1
      }

/** A schedule of `attempts` delays, each in ms from its index, from 0, and a random number below 1. */
const delays = (attempts: number, delay: (index: number, random: number) => number) =>
  Schedule.fromStepWithMetadata(
    Effect.succeed(({ attempt }: Schedule.InputMetadata<unknown>) =>
      attempt > attempts
        ? Cause.done(Duration.zero)
        : Effect.map(Random.next, (random): [Duration.Duration, Duration.Duration] => {
            const next = Duration.millis(delay(attempt - 1, random))
            return [next, next]
          })
    )
  )

/** The same delay each time. @category models @since 0.1.0 */
export interface FixedOptions {
  /** Default 1 second. */
  readonly every?: Duration.Input | undefined
  /** How often a packet is sent, the first time included. Default 6. */
  readonly attempts?: number | undefined
}

/**
 * Sends again every so often, whatever the network: the timer of RFC 1350, and of the timeout option (RFC 2349).
 *
 * @category constructors
 * @since 0.1.0
 */
export const fixed = (options: FixedOptions = {}): Retransmission => {
  const { attempts = 6 } = options
  const every = Duration.toMillis(options.every ?? "1 second")
  return () => delays(attempts, () => every)
}

/** Delays that grow. @category models @since 0.1.0 */
export interface ExponentialOptions {
  /** Default 1 second. */
  readonly initialDelay?: Duration.Input | undefined
  /** What each delay is multiplied by to give the next. Default 2. */
  readonly factor?: number | undefined
  /** The longest delay, before jitter. Default 8 seconds. */
  readonly maxDelay?: Duration.Input | undefined
  /** How often a packet is sent, the first time included. Default 6. */
  readonly attempts?: number | undefined
  /** The part of a delay, 0 to 1, by which chance makes it longer or shorter at most. Default 0.1. */
  readonly jitter?: number | undefined
}

/**
 * Waits longer each time, so that a crowd of clients does not keep a busy server busy; jitter keeps them from coming
 * back in step.
 *
 * @category constructors
 * @since 0.1.0
 */
export const exponential = (options: ExponentialOptions = {}): Retransmission => {
  const { attempts = 6, factor = 2, jitter = 0.1 } = options
  const initialMillis = Duration.toMillis(options.initialDelay ?? "1 second")
  const maxMillis = Duration.toMillis(options.maxDelay ?? "8 seconds")
  return () =>
    delays(
      attempts,
      (index, random) => Math.min(maxMillis, initialMillis * factor ** index) * (1 + jitter * (2 * random - 1))
    )
}

/** Delays that follow the round trip. @category models @since 0.1.0 */
export interface AdaptiveOptions {
  /** The shortest delay: a timer cannot be much finer, nor a peer's disk. Default 50 milliseconds. */
  readonly minDelay?: Duration.Input | undefined
  /** The longest delay. Default 5 seconds. */
  readonly maxDelay?: Duration.Input | undefined
  /** How often a packet is sent, the first time included. Default 10. */
  readonly attempts?: number | undefined
  /** The first delay while no round trip is known. Default 1 second, as RFC 6298 has it. */
  readonly initialDelay?: Duration.Input | undefined
}

/**
 * Waits for the smoothed round trip and four times its mean deviation, and twice as long after each silence: RFC 6298,
 * with bounds for local networks in place of its 1 and 60 seconds.
 *
 * @category constructors
 * @since 0.1.0
 */
export const adaptive = (options: AdaptiveOptions = {}): Retransmission => {
  const { attempts = 10 } = options
  const minMillis = Duration.toMillis(options.minDelay ?? "50 millis")
  const maxMillis = Duration.toMillis(options.maxDelay ?? "5 seconds")
  const initialMillis = Duration.toMillis(options.initialDelay ?? "1 second")
  return (rtt) => {
    const firstMillis = rtt === undefined ? initialMillis : Math.max(minMillis, rtt.smoothed + 4 * rtt.variance)
    return delays(attempts, (index) => Math.min(maxMillis, firstMillis * 2 ** index))
  }
}

/**
 * Gives up, whatever attempts are left, once a deadline has passed since the first delay was asked for; the last delay
 * ends at the deadline.
 *
 * @category combinators
 * @since 0.1.0
 */
export const withDeadline = (
  retransmission: Retransmission,
  options: { readonly deadline: Duration.Input }
): Retransmission => {
  const deadline = Duration.toMillis(options.deadline)
  return (rtt) =>
    Schedule.fromStep(
      Effect.map(Schedule.toStep(retransmission(rtt)), (step) => {
        let end: number | undefined
        return (now: number, input: unknown) => {
          end ??= now + deadline
          const left = end - now
          if (left <= 0) return Cause.done(Duration.zero)
          return Effect.map(step(now, input), ([, delay]): [Duration.Duration, Duration.Duration] => {
            const next = Duration.min(delay, Duration.millis(left))
            return [next, next]
          })
        }
      })
    )
}

/**
 * Begins a schedule for this round trip: call what it gives once for the delay after a first sending, and again each
 * time that much passed in silence. It needs no fiber to wait in: all it does is done at once, for a schedule like
 * those here.
 *
 * @category constructors
 * @since 0.1.0
 */
export const start = (retransmission: Retransmission, rtt: RttEstimate | undefined): Effect.Effect<Stepper> =>
  Effect.map(Schedule.toStep(retransmission(rtt)), (step): Stepper => {
    const next: ReturnType<Stepper> = Effect.flatMap(Clock.currentTimeMillis, (now) =>
      Pull.matchEffect(step(now, undefined), {
        onSuccess: ([, delay]) => Effect.succeed<number | undefined>(Duration.toMillis(delay)),
        onDone: () => Effect.undefined,
        onFailure: Effect.failCause
      })
    )
    return () => next
  })
