/** A clock for durations: only differences mean anything, and setting the host's clock changes none of them. */
import * as Clock from "effect/Clock"
import * as Effect from "effect/Effect"

/** The monotonic time of the `Clock` it runs on, in milliseconds. */
export const millis: Effect.Effect<() => number> = Effect.map(
  Clock.Clock,
  (clock) => () => Number(clock.monotonicTimeNanosUnsafe()) / 1e6
)
