/** Looks at a transfer now and then. */
import * as Effect from "effect/Effect"
import type * as Sweeper from "../../network/Sweeper.ts"

/** Calls `look` every so many milliseconds, or a little later, until the scope closes; it must not throw. */
export const every = (sweeper: Sweeper.Sweeper, millis: number, look: () => void) =>
  Effect.acquireRelease(
    Effect.sync(() => {
      let last = sweeper.now()
      return sweeper.add((now) => {
        if (now - last < millis) return
        last = now
        look()
      })
    }),
    (stop) => Effect.sync(stop)
  )
