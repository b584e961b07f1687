/** What a command knows of the process it runs in. */
import * as Context from "effect/Context"
import * as Effect from "effect/Effect"

/**
 * Waits until the process is told to end (SIGINT, SIGTERM). A server that waits for it closes its scope in good order
 * and has then done its work: exit code 0. A command that does not is interrupted: exit code 130.
 */
export class ShutdownSignal extends Context.Reference<Effect.Effect<void>>("effect-inet/cli/ShutdownSignal", {
  defaultValue: () => Effect.never
}) {}
