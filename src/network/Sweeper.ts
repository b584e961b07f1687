/**
 * One fiber for all deadlines of a server: it runs every registered check once a period.
 *
 * A thousand connections then cost no timers, and the data path pays nothing. A deadline is met late by at most one
 * period, never early.
 *
 * **Example** (A deadline)
 *
 * ```ts
 * import * as Deferred from "effect/Deferred"
 * import * as Effect from "effect/Effect"
 * import { Sweeper } from "effect-inet/network"
 *
 * const program = Effect.gen(function* () {
 *   const sweeper = yield* Sweeper.make("10 millis")
 *   const expired = yield* Deferred.make<string>()
 *   const deadline = sweeper.now() + 20
 *   const remove = sweeper.add((now) => {
 *     if (now >= deadline) Deferred.doneUnsafe(expired, Effect.succeed("expired"))
 *   })
 *   const result = yield* Deferred.await(expired)
 *   remove()
 *   result // => "expired"
 * })
 *
 * await Effect.runPromise(Effect.scoped(program))
 * ```
 */
import type * as Duration from "effect/Duration"
import * as Effect from "effect/Effect"
import * as Latch from "effect/Latch"
import type * as Scope from "effect/Scope"
import * as Monotonic from "./Monotonic.ts"

/** Runs every registered check once a period. @category models @since 0.1.0 */
export interface Sweeper {
  /**
   * Returns the monotonic time of the `Clock`, in milliseconds. Only differences have a meaning: setting the host's
   * clock does not expire a deadline.
   */
  readonly now: () => number
  /** Registers a check, which must not throw; the result removes it. */
  readonly add: (check: (now: number) => void) => () => void
}

/**
 * Starts a sweeper, which stops with the scope. It sleeps while no check is registered.
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
