/** Lazy loading of commands: their modules hold only flags, so that `--help` is fast. */
import * as Effect from "effect/Effect"

/** Loads the module of a command and runs it. */
export const lazyCommand = <M, A, E, R>(module: () => Promise<M>, run: (module: M) => Effect.Effect<A, E, R>) =>
  Effect.flatMap(Effect.promise(module), run).pipe(Effect.tapCause((cause) => Effect.logDebug("failed", cause)))
