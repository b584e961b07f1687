/** Flags with a value that know their setting, by a description of each. */
import * as Flag from "effect/cli/Flag"
import * as Option from "effect/Option"
import * as settings from "./settings.ts"

/** A flag with a value: its name, its help and the check of its text. */
export interface Shape<A> {
  readonly name: string
  readonly metavar: string
  readonly description: string
  readonly expected: string
  readonly parse: (text: string) => A | undefined
  /** The section of the environment and of the configuration file; undefined for the command line only. */
  readonly section?: string | undefined
  /** A short name, on the command line only. */
  readonly alias?: string | undefined
}

/** Returns the setting of a flag; undefined for one of the command line only. */
export const settingOf = <A>({ expected, name, parse, section }: Shape<A>) =>
  section === undefined ? undefined : { section, name, expected, parse }

/** Lets a flag take its value from the sources of its setting. */
export const withSources = <A>(flag: Flag.Flag<A>, setting: settings.Parsed<A> | undefined) =>
  setting === undefined ? flag : settings.fromSources(flag, setting)

/** Creates a flag that must have a value. */
export const required = <A>(shape: Shape<A>) => {
  const named =
    shape.alias === undefined ? Flag.String(shape.name) : Flag.withAlias(Flag.String(shape.name), shape.alias)
  const given = named.pipe(
    Flag.withMetavar(shape.metavar),
    Flag.withDescription(shape.description),
    Flag.filterMap(
      (text) => Option.fromUndefinedOr(shape.parse(text)),
      () => shape.expected
    )
  )
  const setting = settingOf(shape)
  return settings.declare(withSources(given, setting), setting)
}

/** Creates a flag with a value, undefined if it is not given. */
export const optional = <A>(shape: Shape<A>) => orUndefined(required(shape), settingOf(shape))

/** Makes a flag optional: it is undefined if it has no value. */
export const orUndefined = <A, S>(
  flag: Flag.Flag<A>,
  setting: settings.Parsed<S> | undefined
): Flag.Flag<A | undefined> => settings.declare(flag.pipe(Flag.optional, Flag.map(Option.getOrUndefined)), setting)

/** Creates a flag with a value, a default if it is not given. */
export const withDefault = <A>(shape: Shape<A>, value: A): Flag.Flag<A> =>
  settings.declare(
    Flag.map(optional(shape), (given) => given ?? value),
    settingOf(shape)
  )

/** Returns true for the placeholder of a path. */
const isPath = (metavar: string) => /^(FILE|DIR|PATH)\b/.test(metavar)

/** Describes a flag that takes any text; a path must not be empty. */
export const textShape = (section: string | undefined, name: string, metavar: string, description: string) => ({
  name,
  metavar,
  description,
  expected: isPath(metavar) ? "a path, which must not be empty" : "a text",
  parse: (text: string) => (text === "" && isPath(metavar) ? undefined : text),
  section
})
