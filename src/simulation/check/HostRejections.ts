/** Rejections of promises that nobody handles, also in runs that use no promise otherwise: they fail the last run. */
import * as Cause from "effect/Cause"
import * as Effect from "effect/Effect"
import * as HostModules from "../runtime/globals/HostModules.ts"

/** Returns the first rejection since the start, after the host had its turn to find out. */
export type Rejected = Effect.Effect<Cause.Cause<never> | undefined>

/** Collects rejections, which would end the process, while an effect runs. */
export const during = <A, E, R>(use: (rejected: Rejected) => Effect.Effect<A, E, R>): Effect.Effect<A, E, R> =>
  Effect.acquireUseRelease(
    Effect.sync(HostModules.watchRejections),
    ({ first }) => {
      const rejected = Effect.sync(() => {
        const found = first()
        return found && Cause.die(found.reason)
      })
      return use(Effect.andThen(Effect.yieldNow, rejected))
    },
    // Those of the last run are not those of what follows.
    ({ stop }) => Effect.andThen(Effect.yieldNow, Effect.sync(stop))
  )
