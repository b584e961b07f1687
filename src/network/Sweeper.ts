/**
 * One fiber for all the deadlines of a server: it looks at everything registered with it once a period, so that a
 * thousand connections cost no timers and the data path nothing at all. A deadline is met late by at most one period,
 * never early.
 */
import type * as Duration from "effect/Duration"
import * as Effect from "effect/Effect"
import * as Latch from "effect/Latch"
import type * as Scope from "effect/Scope"
import * as Monotonic from "./Monotonic.ts"

/** Calls every look once a period. @category models @since 0.1.0 */
export interface Sweeper {
  /**
   * The monotonic time of the `Clock` it runs on, in milliseconds: only differences mean anything, and setting the
   * host's clock meets no deadline.
   */
  readonly now: () => number
  /** Registers a look, which must not throw; the result takes it off again. */
  readonly add: (check: (now: number) => void) => () => void
}

/**
 * Starts a sweeper, which stops with the scope, and sleeps while there is nothing to look at.
 *
 * @category constructors
 * @since 0.1.0
 */
export const make = Effect.fnUntraced(function* (period: Duration.Input) {
  const checks = new Set<(now: number) => void>()
  const hasChecks = Latch.makeUnsafe(false)
  const now = yield* Monotonic.millis
  const sweep = Effect.sync(() => {
    const time = now()
    for (const look of checks) look(time)
  })
  const sweepAfterPeriod = Effect.andThen(hasChecks.await, Effect.andThen(Effect.sleep(period), sweep))
  yield* Effect.forkScoped(Effect.forever(sweepAfterPeriod), { startImmediately: true })
  const sweeper: Sweeper = {
    now,
    add: (look) => {
      checks.add(look)
      hasChecks.openUnsafe()
      return () => {
        checks.delete(look)
        if (checks.size === 0) hasChecks.closeUnsafe()
      }
    }
  }
  return sweeper
})

/**
 * Calls `action` once in `millis` milliseconds, late by at most one period, until the scope closes. It must not throw.
 *
 * @category combinators
 * @since 0.1.0
 */
export const every = (sweeper: Sweeper, millis: number, action: () => void): Effect.Effect<void, never, Scope.Scope> =>
  Effect.asVoid(
    Effect.acquireRelease(
      Effect.sync(() => {
        let last = sweeper.now()
        return sweeper.add((now) => {
          if (now - last < millis) return
          last = now
          action()
        })
      }),
      (remove) => Effect.sync(remove)
    )
  )
