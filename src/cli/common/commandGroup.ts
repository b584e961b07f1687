/** Groups of commands. */
import * as Command from "effect/cli/Command"

/** Creates a group. Its help shows the first example of each of its commands. */
export const commandGroup = <const Name extends string, const Commands extends ReadonlyArray<Command.Command.Any>>(
  name: Name,
  description: string,
  commands: Commands
) =>
  Command.make(name).pipe(
    Command.withDescription(description),
    Command.withSubcommands(commands),
    Command.withExamples(commands.flatMap(({ examples }) => examples.slice(0, 1)))
  )
