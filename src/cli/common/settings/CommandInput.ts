/** The parsed command line: a server that reads its configuration file again compares the new one with it. */
import * as Context from "effect/Context"
import * as Effect from "effect/Effect"
import * as Runtime from "effect/Runtime"
import { OptionError } from "../CliErrors.ts"
import { ConfigFile, type ConfigurationFile } from "./ConfigFile.ts"
import { type Found, nameOrigins, Recorder, type Source, Sources, type Table } from "./settings.ts"

/** The values of all flags of a command, by their keys in the table of flags. */
export interface Input {
  readonly values: Readonly<Record<string, unknown>>
  readonly flags: Table
  readonly sources: Source
  /** The values that do not come from the command line. */
  readonly found: Found
  readonly file: ConfigurationFile | undefined
}

const none: Input = { values: {}, flags: {}, sources: () => Effect.undefined, found: new Map(), file: undefined }

/** The command line of the running command. */
export class CommandInput extends Context.Reference<Input>("effect-inet/cli/CommandInput", {
  defaultValue: () => none
}) {}

/**
 * Returns the input of a client without those of its options that come from the environment or a file. They are meant
 * for another use of the service, such as its server, and do not fit the rest of the input.
 */
export const withoutSettings = <A extends object>(input: A, options: ReadonlyArray<keyof A & string>) =>
  Effect.map(CommandInput, ({ found }): A => {
    const dropped = options.filter((option) => found.has(option))
    const none = (option: keyof A) => (typeof input[option] === "boolean" ? false : undefined)
    return { ...input, ...Object.fromEntries(dropped.map((option) => [option, none(option)])) }
  })

/** A function that takes the parsed command line instead of the program. Default: none, the program runs. */
export class InputReceiver extends Context.Reference<((input: Input) => void) | undefined>(
  "effect-inet/cli/InputReceiver",
  { defaultValue: () => undefined }
) {}

/** Parses the command line of this process again. Fails with one line for the user. */
export class Reparse extends Context.Reference<Effect.Effect<Input, string>>("effect-inet/cli/Reparse", {
  defaultValue: () => Effect.fail("the command line is unknown")
}) {}

/** Names the origins of options in the error of a program. */
const withOrigins = <E>(error: E, { found }: Input): E | OptionError => {
  const { message } = error as { readonly message?: unknown }
  if (typeof message !== "string") return error
  const named = nameOrigins(message, found)
  return named === message
    ? error
    : new OptionError({ message: named, [Runtime.errorExitCode]: Runtime.getErrorExitCode(error) })
}

/** Runs the program of a command, or passes its input on where only that is wanted. */
export const run = <E, R>(values: object, flags: object, program: Effect.Effect<void, E, R>) =>
  Effect.gen(function* () {
    const receive = yield* InputReceiver
    const sources = yield* Sources
    const file = yield* ConfigFile
    const input: Input = {
      values: values as Input["values"],
      flags: flags as Table,
      sources,
      found: (yield* Recorder) ?? none.found,
      file: file === undefined ? undefined : yield* Effect.orElseSucceed(file, () => undefined)
    }
    if (receive !== undefined) return receive(input)
    return yield* Effect.mapError(Effect.provideService(program, CommandInput, input), (error) =>
      withOrigins(error, input)
    )
  })
