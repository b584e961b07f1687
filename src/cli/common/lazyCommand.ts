/** Commands hold flags only; the program behind one is loaded when it runs, so that `--help` is quick. */
import * as Effect from "effect/Effect"

export const lazyCommand = <M, A, E, R>(module: () => Promise<M>, run: (module: M) => Effect.Effect<A, E, R>) =>
  Effect.flatMap(Effect.promise(module), run).pipe(Effect.tapCause((cause) => Effect.logDebug("failed", cause)))
