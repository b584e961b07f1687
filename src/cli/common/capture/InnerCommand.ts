/** A command line that another command runs in its own process, as `capture run -- COMMAND` does. */
import * as Context from "effect/Context"
import * as Effect from "effect/Effect"

/** Executes a command line. Default: fails, because the command line of this process is not known. */
export class InnerCommand extends Context.Reference<(args: ReadonlyArray<string>) => Effect.Effect<void, unknown>>(
  "effect-inet/cli/InnerCommand",
  { defaultValue: () => () => Effect.die("the command line is unknown") }
) {}
