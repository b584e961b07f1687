/** Commands with their help. The modules of commands hold only flags, so that `--help` is fast. */
import * as Command from "effect/cli/Command"
import * as Effect from "effect/Effect"

/** Creates a command. `examples` are command lines with descriptions; `program` loads the function that it runs. */
export const lazyCommand = <const Name extends string, const Flags extends Command.Command.Config, E, R>(options: {
  readonly name: Name
  readonly description: string
  readonly examples: ReadonlyArray<readonly [command: string, description: string]>
  readonly flags: Flags
  readonly program: () => Promise<(input: Command.Command.Config.Infer<Flags>) => Effect.Effect<void, E, R>>
}) =>
  Command.make(options.name, options.flags, (input) =>
    Effect.flatMap(Effect.promise(options.program), (run) => run(input)).pipe(
      Effect.tapCause((cause) => Effect.logDebug("failed", cause))
    )
  ).pipe(
    Command.withDescription(options.description),
    Command.withExamples(options.examples.map(([command, description]) => ({ command, description })))
  )
