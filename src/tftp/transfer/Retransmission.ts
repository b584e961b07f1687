/**
 * Retransmission policies: the delays after which a packet is sent again, and the time to give up. A policy makes a
 * `Schedule` from the round trip estimate.
 *
 * The first delay of a schedule is the wait for a reply to the first packet, each further delay the wait after one more
 * packet; the end of the schedule means to give up. A schedule is stepped only when a timer has to be set, not for each
 * packet, and a new one starts whenever the peer has replied.
 *
 * Any function from an `RttEstimate` to a `Schedule` can be used instead of those defined here.
 *
 * **Example** (List the delays of a policy)
 *
 * ```ts
 * import * as Effect from "effect/Effect"
 * import { Retransmission } from "effect-inet/tftp"
 *
 * const delaysOf = Effect.fnUntraced(function*(policy: Retransmission.Retransmission) {
 *   const next = yield* Retransmission.start(policy, Retransmission.observe(undefined, 100))
 *   const delays: Array<number> = []
 *   for (let delay = yield* next(); delay !== undefined; delay = yield* next()) delays.push(delay)
 *   return delays
 * })
 *
 * const fixed = Retransmission.fixed({ every: "1 second", attempts: 3 })
 * await Effect.runPromise(delaysOf(fixed)) // => [1_000, 1_000, 1_000]
 *
 * const adaptive = Retransmission.adaptive({ attempts: 4, maxDelay: "2 seconds" })
 * await Effect.runPromise(delaysOf(adaptive)) // => [300, 600, 1_200, 2_000]
 * ```
 */
import * as Cause from "effect/Cause"
import * as Clock from "effect/Clock"
import * as Duration from "effect/Duration"
import * as Effect from "effect/Effect"
import { dual } from "effect/Function"
import * as Pull from "effect/Pull"
import * as Random from "effect/Random"
import * as Schedule from "effect/Schedule"

/** The estimate of the round trip time (RFC 6298), in milliseconds. @category models @since 0.1.0 */
export interface RttEstimate {
  /** The smoothed round trip time: SRTT. */
  readonly smoothed: number
  /** The mean deviation: RTTVAR. */
  readonly variance: number
  /** The lowest sample. */
  readonly lowest: number
  /** The number of samples. */
  readonly samples: number
}

/** A policy: the delays between retransmissions; the end means to give up. @category models @since 0.1.0 */
export type Retransmission = (rtt: RttEstimate | undefined) => Schedule.Schedule<Duration.Duration>

/** A running schedule: returns the next delay in ms, or undefined to give up. @category models @since 0.1.0 */
export type Stepper = () => Effect.Effect<number | undefined>

/**
 * Adds a sample, in ms, to the estimate (RFC 6298, section 2, with alpha 1/8 and beta 1/4). Only packets that were sent
 * once may be measured (Karn's rule).
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

/** Makes a schedule of `attempts` delays in ms, each a function of its index, from 0, and a random number below 1. */
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

/** Options of `fixed`. @category models @since 0.1.0 */
export interface FixedOptions {
  /** The delay. Default 1 second. */
  readonly every?: Duration.Input | undefined
  /** The number of times a packet is sent, the first included. Default 6. */
  readonly attempts?: number | undefined
}

/**
 * Retransmits at a fixed interval: the timer of RFC 1350, and of the timeout option (RFC 2349).
 *
 * @category constructors
 * @since 0.1.0
 */
export const fixed = (options: FixedOptions = {}): Retransmission => {
  const { attempts = 6 } = options
  const every = Duration.toMillis(options.every ?? "1 second")
  return () => delays(attempts, () => every)
}

/** Options of `exponential`. @category models @since 0.1.0 */
export interface ExponentialOptions {
  /** The first delay. Default 1 second. */
  readonly initialDelay?: Duration.Input | undefined
  /** The ratio of a delay to the previous one. Default 2. */
  readonly factor?: number | undefined
  /** The longest delay, before jitter. Default 8 seconds. */
  readonly maxDelay?: Duration.Input | undefined
  /** The number of times a packet is sent, the first included. Default 6. */
  readonly attempts?: number | undefined
  /** The largest random change of a delay, as a fraction of it, 0 to 1. Default 0.1. */
  readonly jitter?: number | undefined
}

/**
 * Retransmits with exponential backoff, so that many clients do not keep a busy server busy. Jitter spreads their
 * retransmissions.
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

/** Options of `adaptive`. @category models @since 0.1.0 */
export interface AdaptiveOptions {
  /** The shortest delay; timers and the peer's disk are not much faster. Default 50 milliseconds. */
  readonly minDelay?: Duration.Input | undefined
  /** The longest delay. Default 5 seconds. */
  readonly maxDelay?: Duration.Input | undefined
  /** The number of times a packet is sent, the first included. Default 10. */
  readonly attempts?: number | undefined
  /** The first delay while no round trip time is known. Default 1 second (RFC 6298). */
  readonly initialDelay?: Duration.Input | undefined
}

/**
 * Retransmits after the smoothed round trip time plus four times its mean deviation, and doubles the delay each time
 * (RFC 6298). The bounds suit local networks, in place of the 1 and 60 seconds of the RFC.
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

/** Options of `scale`. @category models @since 0.1.0 */
export interface ScaleOptions {
  readonly factor: number
}

/**
 * Multiplies all delays of a policy by a factor.
 *
 * **Example** (The side that waits longer)
 *
 * ```ts
 * import { Retransmission } from "effect-inet/tftp"
 *
 * const receiver = Retransmission.scale(Retransmission.adaptive(), { factor: 2 })
 * ```
 *
 * @category combinators
 * @since 0.1.0
 */
export const scale: {
  (options: ScaleOptions): (self: Retransmission) => Retransmission
  (self: Retransmission, options: ScaleOptions): Retransmission
} = dual(
  2,
  (self: Retransmission, { factor }: ScaleOptions): Retransmission =>
    (rtt) =>
      Schedule.fromStep(
        Effect.map(
          Schedule.toStep(self(rtt)),
          (step) => (now: number, input: unknown) =>
            Effect.map(step(now, input), ([, delay]): [Duration.Duration, Duration.Duration] => {
              const next = Duration.times(delay, factor)
              return [next, next]
            })
        )
      )
)

/** Options of `withDeadline`. @category models @since 0.1.0 */
export interface DeadlineOptions {
  readonly deadline: Duration.Input
}

/**
 * Limits a policy by a deadline, counted from its first delay: it then gives up, even with attempts left. The last
 * delay ends at the deadline.
 *
 * **Example** (Give up after ten seconds)
 *
 * ```ts
 * import { pipe } from "effect/Function"
 * import { Retransmission } from "effect-inet/tftp"
 *
 * // Sends at 0, 4 and 8 seconds, and gives up at 10.
 * const every = Retransmission.fixed({ every: "4 seconds" })
 * const dataFirst = Retransmission.withDeadline(every, { deadline: "10 seconds" })
 * const dataLast = pipe(every, Retransmission.withDeadline({ deadline: "10 seconds" }))
 * ```
 *
 * @category combinators
 * @since 0.1.0
 */
export const withDeadline: {
  (options: DeadlineOptions): (self: Retransmission) => Retransmission
  (self: Retransmission, options: DeadlineOptions): Retransmission
} = dual(2, (self: Retransmission, options: DeadlineOptions): Retransmission => {
  const deadline = Duration.toMillis(options.deadline)
  return (rtt) =>
    Schedule.fromStep(
      Effect.map(Schedule.toStep(self(rtt)), (step) => {
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
})

/**
 * Starts a schedule for a round trip estimate. Call the result once for the delay after the first packet, and again
 * each time that delay has passed without a reply. The schedules defined here complete synchronously: no fiber has to
 * wait.
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
