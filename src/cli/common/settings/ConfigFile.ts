/** The configuration file of a command line. It is read once, when the first flag looks for a value in it. */
import * as Context from "effect/Context"
import * as CliError from "effect/cli/CliError"
import * as Effect from "effect/Effect"
import { environment, firstOf, Recorder, type Source, Sources } from "./settings.ts"

/** A place in the text, from 1. */
export interface Place {
  readonly line: number
  readonly column: number
}

/** A text that the parser of an option has accepted, and its place. */
interface Located {
  readonly text: string
  readonly place: Place
}

/** Options by name. */
export type Options = ReadonlyMap<string, Located>

/** An instance of a service, from the section of `up`. */
interface Instance {
  readonly name: string
  readonly service: string
  readonly place: Place
  readonly options: Options
}

/** A configuration file that has been checked. */
export interface Configuration {
  readonly sections: ReadonlyMap<string, Options>
  /** The instances of `up`; undefined if the file does not have the key. */
  readonly instances: ReadonlyArray<Instance> | undefined
}

/** A configuration file, and its name in messages. */
export interface ConfigurationFile extends Configuration {
  readonly path: string
}

/** A path, and what names it: `--config` or EFFECT_INET_CONFIG. */
export interface NamedFile {
  readonly path: string
  readonly origin: string
}

/** The module that reads files, which is loaded only if there is one. */
interface Reader {
  readonly read: (file: NamedFile) => Effect.Effect<ConfigurationFile, string>
  readonly source: (file: ConfigurationFile) => Source
}

/** The file that `--config` or EFFECT_INET_CONFIG names; undefined without one. Fails with one line for the user. */
export class ConfigFile extends Context.Reference<Effect.Effect<ConfigurationFile, string> | undefined>(
  "effect-inet/cli/ConfigFile",
  { defaultValue: () => undefined }
) {}

/** The variable that names the file if no flag does. */
const configVariable = "EFFECT_INET_CONFIG"

/** Lets the flags of a command line find their values in a file, below the environment, and records where they did. */
export const provide =
  (named: NamedFile | undefined, load: () => Promise<Reader>) =>
  <A, E, R>(command: Effect.Effect<A, E, R>): Effect.Effect<A, E, R> =>
    Effect.gen(function* () {
      const recorded = Effect.provideService(command, Recorder, new Map())
      if (named === undefined) return yield* recorded
      const reader = Effect.promise(load)
      const file = yield* Effect.cached(Effect.flatMap(reader, ({ read }) => read(named)))
      const inFile = Effect.zipWith(reader, file, ({ source }, found) => source(found))
      return yield* recorded.pipe(
        Effect.provideService(ConfigFile, file),
        Effect.provideService(
          Sources,
          firstOf(environment, (section, name) => Effect.flatMap(inFile, (find) => find(section, name)))
        )
      )
    })

/** Reads the file, for a command that has no flag to find in it: a file with an error ends every command. */
export const check: Effect.Effect<void, CliError.CliError> = Effect.flatMap(ConfigFile, (file) =>
  file === undefined
    ? Effect.void
    : Effect.mapError(Effect.asVoid(file), (message) => new CliError.ValidationError({ message }))
)

/**
 * Returns the file that a command line or the variable names: it is needed before the command line is parsed. An empty
 * variable names none.
 */
export const pathOf = (args: ReadonlyArray<string>, variable: string | undefined): NamedFile | undefined => {
  const end = args.indexOf("--")
  const flags = end < 0 ? args : args.slice(0, end)
  const at = flags.findIndex((arg) => arg === "--config" || arg.startsWith("--config="))
  if (at < 0) return variable === undefined || variable === "" ? undefined : { path: variable, origin: configVariable }
  const path = flags[at] === "--config" ? flags[at + 1] : flags[at]!.slice("--config=".length)
  return path === undefined ? undefined : { path, origin: "--config" }
}
