/** A clock for durations: only differences have a meaning, and setting the host's clock does not change them. */
import * as Clock from "effect/Clock"
import * as Effect from "effect/Effect"

/** Returns a function that reads the monotonic time of the current `Clock`, in milliseconds. */
export const millis: Effect.Effect<() => number> = Effect.map(
  Clock.Clock,
  (clock) => () => Number(clock.monotonicTimeNanosUnsafe()) / 1e6
)
