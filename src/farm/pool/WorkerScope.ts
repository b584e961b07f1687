/** The scope of the part that a worker has in a run or in a pool. */
import * as Effect from "effect/Effect"
import * as Exit from "effect/Exit"
import * as Scope from "effect/Scope"

/** Closes the scope of a worker that reports that it is gone, after that report. */
export const closeAfterReport = (scope: Scope.Closeable): Effect.Effect<void> =>
  Effect.andThen(Effect.yieldNow, Scope.close(scope, Exit.void))
