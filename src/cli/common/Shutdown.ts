/** Requests to a running command from its process: the end, and new settings. */
import * as Context from "effect/Context"
import * as Effect from "effect/Effect"

/**
 * An effect that waits for SIGINT, SIGTERM, SIGQUIT, or the end of the terminal. A server that waits for it then closes
 * its scope, and the process exits with code 0. A command that does not wait for it is interrupted, and the process
 * exits with code 130.
 */
export class ShutdownSignal extends Context.Reference<Effect.Effect<void>>("effect-inet/cli/ShutdownSignal", {
  defaultValue: () => Effect.never
}) {}

/**
 * An effect that waits for the next request to read the configuration file again: SIGHUP of a server that has one.
 * Requests that arrive meanwhile are one request.
 */
export class ReloadSignal extends Context.Reference<Effect.Effect<void>>("effect-inet/cli/ReloadSignal", {
  defaultValue: () => Effect.never
}) {}
