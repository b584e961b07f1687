/** Settings: options that the environment and a configuration file can set, too, besides a flag. */
import * as Config from "effect/Config"
import * as Context from "effect/Context"
import * as CliError from "effect/cli/CliError"
import * as Flag from "effect/cli/Flag"
import type * as Param from "effect/cli/Param"
import * as Effect from "effect/Effect"
import * as Option from "effect/Option"
import * as ServerConfig from "../../../network/ServerConfig.ts"

/** An option, by the section of the configuration file and its name, which is that of the flag. */
export interface Setting {
  readonly section: string
  readonly name: string
  /** The values that are accepted, after the word "expected". */
  readonly expected: string
  readonly accepts: (text: string) => boolean
}

/** The text of a setting, and where it was found: a variable such as ROT13_PORT, or a place in a file. */
export interface Value {
  readonly text: string
  readonly origin: string
  /** True for a default, which nobody has written. */
  readonly isDefault?: boolean | undefined
}

/** The values that do not come from the command line, by the names of their flags. */
export type Found = ReadonlyMap<string, Value>

/** Finds the text of a setting. Fails with a message for the user. */
export type Source = (section: string, name: string) => Effect.Effect<Value | undefined, string>

/** Section of the settings that are not those of a service. */
export const globalSection = "effect-inet"

/** Finds settings in the environment. */
export const environment: Source = (section, name) => {
  const origin = ServerConfig.variable(section, name)
  return Config.option(Config.String(origin)).pipe(
    Effect.map(Option.match({ onNone: () => undefined, onSome: (text): Value => ({ text, origin }) })),
    Effect.mapError(({ message }) => `${origin}: ${message}`)
  )
}

/** Finds settings in several sources; the first that has one wins. */
export const firstOf =
  (...sources: ReadonlyArray<Source>): Source =>
  (section, name) =>
    sources.reduce<Effect.Effect<Value | undefined, string>>(
      (found, next) =>
        Effect.flatMap(found, (value) => (value === undefined ? next(section, name) : Effect.succeed(value))),
      Effect.succeed(undefined)
    )

/** The source of flags that are not on the command line. Default: the environment. */
export class Sources extends Context.Reference<Source>("effect-inet/cli/Sources", {
  defaultValue: () => environment
}) {}

/** Records the values that flags take from the sources, by the names of the flags. Default: nothing is recorded. */
export class Recorder extends Context.Reference<Map<string, Value> | undefined>("effect-inet/cli/Recorder", {
  defaultValue: () => undefined
}) {}

/** Creates the error of a value that does not come from the command line. */
export const invalid = ({ origin, text }: Value, expected: string) =>
  new CliError.ValidationError({ message: `${origin}: expected ${expected} (got ${JSON.stringify(text)})` })

/** A setting with its parser. */
export interface Parsed<A> extends Omit<Setting, "accepts"> {
  readonly parse: (text: string) => A | undefined
}

const look = <A>({ expected, name, parse, section }: Parsed<A>): Effect.Effect<A, CliError.CliError> =>
  Effect.gen(function* () {
    const found = yield* Effect.mapError(
      (yield* Sources)(section, name),
      (message) => new CliError.ValidationError({ message })
    )
    if (found === undefined) return yield* new CliError.MissingOption({ option: name })
    const value = parse(found.text)
    if (value === undefined) return yield* invalid(found, expected)
    if (found.isDefault !== true) (yield* Recorder)?.set(name, found)
    return value
  })

/** Lets a flag that is not on the command line take its value from the sources. A default is added after this. */
export const fromSources = <A>(flag: Flag.Flag<A>, setting: Parsed<A>): Flag.Flag<A> =>
  flag.pipe(
    Flag.map((value): Effect.Effect<A, CliError.CliError> => Effect.succeed(value)),
    // The only hook for a flag that is missing: the effect that looks for it is the value.
    Flag.withFallbackConfig(Config.succeed(look(setting))),
    Flag.mapEffect((value) => value)
  )

/** A flag that knows its setting. */
interface WithSetting {
  readonly setting?: Setting | undefined
}

/** Returns a setting without its parser, as it is listed in the table of all settings. */
export const withoutParser = <A>({ expected, name, parse, section }: Parsed<A>): Setting => ({
  section,
  name,
  expected,
  accepts: (text) => parse(text) !== undefined
})

/** Attaches the setting to its finished flag, for the table of all settings. */
export const declare = <A, S>(flag: Flag.Flag<A>, setting: Parsed<S> | undefined): Flag.Flag<A> =>
  setting === undefined ? flag : Object.assign(flag, { setting: withoutParser(setting) })

/** Returns the settings of a table of flags. */
export const settingsOf = (flags: Readonly<Record<string, unknown>>): ReadonlyArray<Setting> =>
  Object.values(flags).flatMap((flag) => (flag as WithSetting).setting ?? [])

/** A table of flags, by the keys of the input of a command. */
export type Table = Readonly<Record<string, Param.AnyFlag>>

/** The input of a command with these flags. */
type Input<Flags extends Table> = {
  readonly [K in keyof Flags]: Flags[K] extends Param.Param<Param.ParamKind, infer A> ? A : never
}

/** Reads the input of a command from sources alone, as if it had been run without any flag. */
export const read = <Flags extends Table>(flags: Flags, source: Source) =>
  Effect.suspend(() => {
    const found = new Map<string, Value>()
    return Effect.forEach(Object.entries(flags), ([key, flag]) =>
      Effect.map(flag.parse({ flags: {}, arguments: [] }), ([, value]) => [key, value] as const)
    ).pipe(
      Effect.map((entries) => ({ values: Object.fromEntries(entries) as Input<Flags>, found: found as Found })),
      Effect.provideService(Sources, source),
      Effect.provideService(Recorder, found)
    )
  })

/** Returns the name of an option by its key in a table of flags, as on the command line. */
export const nameOf = (flags: Table, key: string): string =>
  (flags[key] as WithSetting | undefined)?.setting?.name ?? key

/** Flags in a message, and texts in quotes, which may contain anything. */
const flagPattern = /"(?:[^"\\]|\\.)*"|(?<![\w-])--([a-z][a-z0-9-]*)/g

/** Least length of a value by which a message is recognized: shorter ones, such as 1, are in many messages. */
const minValueChars = 3

/** Tests if a message contains a text that is not a part of a longer word. */
const mentions = (message: string, text: string) => {
  const parts = message.split(text)
  return parts.some((part, at) => at > 0 && !/\w$/.test(parts[at - 1]!) && !/^\w/.test(part))
}

/**
 * Names the origins of options in the message of an error. A flag that is not on the command line is replaced by the
 * variable or the place in a file; a message with only the value of such an option is followed by it. `formatFlag`
 * formats the other flags.
 */
export const nameOrigins = (message: string, found: Found, formatFlag = (name: string) => `--${name}`): string => {
  const named = message.replaceAll(flagPattern, (text, name: string | undefined) =>
    name === undefined ? text : (found.get(name)?.origin ?? formatFlag(name))
  )
  const others = [...found.values()].filter(
    ({ origin, text }) => text.length >= minValueChars && mentions(named, text) && !named.includes(origin)
  )
  return others.length === 0 ? named : `${named} (${others.map(({ origin }) => origin).join(", ")})`
}
