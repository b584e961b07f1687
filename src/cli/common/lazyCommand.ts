/** Commands with their help. The modules of commands hold only flags, so that `--help` is fast. */
import * as Command from "effect/cli/Command"
import * as Effect from "effect/Effect"
import * as Layer from "effect/Layer"
import { failWithoutCapture } from "./CliErrors.ts"
import { Capture } from "./flags.ts"
import * as CommandInput from "./settings/CommandInput.ts"
import * as logLevel from "./settings/logLevel.ts"
import * as negativeArguments from "./settings/negativeArguments.ts"
import * as terminalOutput from "./terminalOutput.ts"

/** File system and standard streams for programs, loaded when one runs: help and completions need neither. */
const programServices = Layer.unwrap(
  Effect.map(
    Effect.promise(() => import("./NodeProgramServices.ts")),
    ({ layer }) => layer
  )
)

/** Returns whether standard output is the connection of a server that inetd has started. */
const isConnection = (input: object) => "stdio" in input && input.stdio === true

/** Lets `--capture -` write to standard output, if that is free. */
const withCaptureToStdout =
  (isFree: () => boolean) =>
  <A, E, R>(program: Effect.Effect<A, E, R>) =>
    Effect.flatMap(Capture, (file) =>
      file === "-"
        ? Effect.flatMap(
            Effect.promise(() => import("./capture/freeStdout.ts")),
            ({ run }) => run(isFree(), program)
          )
        : program
    )

const tables = new WeakMap<object, Readonly<Record<string, unknown>>>()

/** Returns the flags and the arguments of a command, and of the commands below it, by the keys of their inputs. */
export const flagTables = (command: Command.Command.Any): ReadonlyArray<Readonly<Record<string, unknown>>> => {
  const own = tables.get(command)
  const below = command.subcommands.flatMap(({ commands }) => commands.flatMap(flagTables))
  return own === undefined ? below : [own, ...below]
}

/** Creates a command. `examples` are command lines with descriptions; `program` loads the function that it runs. */
export const lazyCommand = <const Name extends string, const Flags extends Command.Command.Config, E, R>(options: {
  readonly name: Name
  readonly description: string
  readonly examples: ReadonlyArray<readonly [command: string, description: string]>
  readonly flags: Flags
  readonly program: () => Promise<(input: Command.Command.Config.Infer<Flags>) => Effect.Effect<void, E, R>>
  /** Returns true if the command prints messages only, so that `--capture -` may write to standard output. */
  readonly isStdoutFree?: ((input: Command.Command.Config.Infer<Flags>) => boolean) | undefined
}) => {
  const command = Command.make(options.name, options.flags, (parsed) => {
    const input = negativeArguments.decodeAll(parsed)
    return CommandInput.run(
      input as object,
      options.flags,
      Effect.flatMap(Effect.promise(options.program), (program) => program(input)).pipe(
        failWithoutCapture,
        withCaptureToStdout(() => options.isStdoutFree?.(input) === true && !isConnection(input as object)),
        Effect.tapCause((cause) => Effect.logDebug("failed", cause)),
        logLevel.withSettings,
        terminalOutput.withEscapedConsole,
        Effect.provide(programServices)
      )
    )
  }).pipe(
    Command.withDescription(options.description),
    Command.withExamples(options.examples.map(([command, description]) => ({ command, description })))
  )
  tables.set(command, options.flags)
  return command
}
