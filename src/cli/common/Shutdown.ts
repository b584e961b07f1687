/** The request to end a server, from the process that runs it. */
import * as Context from "effect/Context"
import * as Effect from "effect/Effect"

/**
 * An effect that waits for SIGINT or SIGTERM. A server that waits for it then closes its scope, and the process exits
 * with code 0. A command that does not wait for it is interrupted, and the process exits with code 130.
 */
export class ShutdownSignal extends Context.Reference<Effect.Effect<void>>("effect-inet/cli/ShutdownSignal", {
  defaultValue: () => Effect.never
}) {}
