/**
 * One fiber for all the deadlines of a server: it looks at everything registered with it once a period, so that a
 * thousand connections cost no timers and the data path nothing at all. A deadline is met late by at most one period,
 * never early.
 */
import type * as Duration from "effect/Duration"
import * as Effect from "effect/Effect"
import * as Latch from "effect/Latch"
import * as Monotonic from "./Monotonic.ts"

/** Calls every look once a period. @category models @since 0.1.0 */
export interface Sweeper {
  /**
   * The monotonic time of the `Clock` it runs on, in milliseconds: only differences mean anything, and setting the
   * host's clock meets no deadline.
   */
  readonly now: () => number
  /** Registers a look, which must not throw; the result takes it off again. */
  readonly add: (look: (now: number) => void) => () => void
}

/**
 * Starts a sweeper, which stops with the scope, and sleeps while there is nothing to look at.
 *
 * @category constructors
 * @since 0.1.0
 */
export const make = Effect.fnUntraced(function* (period: Duration.Input) {
  const looks = new Set<(now: number) => void>()
  const needed = Latch.makeUnsafe(false)
  const now = yield* Monotonic.millis
  const sweep = Effect.sync(() => {
    const time = now()
    for (const look of looks) look(time)
  })
  const round = Effect.andThen(needed.await, Effect.andThen(Effect.sleep(period), sweep))
  yield* Effect.forkScoped(Effect.forever(round), { startImmediately: true })
  const sweeper: Sweeper = {
    now,
    add: (look) => {
      looks.add(look)
      needed.openUnsafe()
      return () => {
        looks.delete(look)
        if (looks.size === 0) needed.closeUnsafe()
      }
    }
  }
  return sweeper
})
