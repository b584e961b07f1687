/** Flags shared by several commands, with one name, one description and one check each. */

import * as Argument from "effect/cli/Argument"
import * as CliError from "effect/cli/CliError"
import * as Flag from "effect/cli/Flag"
import * as GlobalFlag from "effect/cli/GlobalFlag"
import type * as Param from "effect/cli/Param"
import * as Duration from "effect/Duration"
import * as Effect from "effect/Effect"
import * as Option from "effect/Option"
import * as ServerConfig from "../../network/ServerConfig.ts"
import * as parse from "./flagParsers.ts"
import * as ConfigFile from "./settings/ConfigFile.ts"
import * as settings from "./settings/settings.ts"

export type { Endpoint } from "./flagParsers.ts"

/** A flag with a value: its name, its help and the check of its text. */
interface Shape<A> {
  readonly name: string
  readonly metavar: string
  readonly description: string
  readonly expected: string
  readonly parse: (text: string) => A | undefined
  /** The section of the environment and of the configuration file; undefined for the command line only. */
  readonly section?: string | undefined
  /** The name there. Default: the name of the flag. */
  readonly settingName?: string | undefined
}

const settingOf = <A>({ expected, name, parse, section, settingName = name }: Shape<A>) =>
  section === undefined ? undefined : { section, name: settingName, expected, parse }

const withSources = <A>(flag: Flag.Flag<A>, setting: settings.Parsed<A> | undefined) =>
  setting === undefined ? flag : settings.fromSources(flag, setting)

/** Creates a flag that must have a value. */
const required = <A>(shape: Shape<A>) => {
  const given = Flag.String(shape.name).pipe(
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
const optional = <A>(shape: Shape<A>) => orUndefined(required(shape), settingOf(shape))

const orUndefined = <A>(flag: Flag.Flag<A>, setting: settings.Parsed<A> | undefined): Flag.Flag<A | undefined> =>
  settings.declare(flag.pipe(Flag.optional, Flag.map(Option.getOrUndefined)), setting)

const withDefault = <A>(shape: Shape<A>, value: A): Flag.Flag<A> =>
  settings.declare(
    Flag.map(optional(shape), (given) => given ?? value),
    settingOf(shape)
  )

/** Creates a flag of a fault plan. The parser is loaded only if the flag is given. */
export const faultPlan = (name: string) =>
  Flag.String(name).pipe(
    Flag.withMetavar("PLAN"),
    Flag.mapEffect((text) =>
      Effect.flatMap(
        Effect.promise(() => import("../run/common/parseFaultPlan.ts")),
        ({ parseFaultPlan }) =>
          Effect.mapError(
            Effect.fromResult(parseFaultPlan(text)),
            (expected) => new CliError.InvalidValue({ option: name, value: text, expected, kind: "flag" })
          )
      )
    )
  )

const endpointShape = (name: string, description: string, section?: string) => ({
  name,
  metavar: "HOST:PORT",
  description,
  expected: "a host and a port, such as 127.0.0.1:7000 or [::1]:7000",
  parse: parse.endpoint,
  section
})

/** Creates a required flag of a host and a port. */
export const endpoint = (name: string, description: string) =>
  required(endpointShape(name, `${description} (required)`))

/** Creates an optional flag of a host and a port. */
export const optionalEndpoint = (section: string | undefined, name: string, description: string) =>
  optional(endpointShape(name, description, section))

/** Creates a flag of the seed of random decisions. */
export const seed = (name: string, subject: string) =>
  withDefault(
    {
      name,
      metavar: "N",
      description: `Seed for the random decisions of ${subject}; the same seed repeats a run (default 0)`,
      expected: "a number, 0 or more",
      parse: parse.integer(0, Number.MAX_SAFE_INTEGER)
    },
    0
  )

/** Fault plan of the network of every command. */
export const Faults = GlobalFlag.Setting("faults")({
  flag: faultPlan("faults").pipe(
    Flag.withDescription(
      "Inject faults into the network, such as drop=5% or dup=#3,delay=20ms..40ms; hosts are written as addresses; see docs/guide/simulation.md"
    ),
    Flag.optional,
    Flag.map(Option.getOrUndefined)
  )
})

/** Seed of the fault plan. */
export const FaultSeed = GlobalFlag.Setting("fault-seed")({ flag: seed("fault-seed", "--faults") })

/** Capture file of every command. */
export const Capture = GlobalFlag.Setting("capture")({
  flag: Flag.String("capture").pipe(
    Flag.withMetavar("FILE"),
    Flag.withDescription("Write all packets to a pcapng file; packets changed by --faults have a comment"),
    Flag.optional,
    Flag.map(Option.getOrUndefined)
  )
})

/** Configuration file of every command. It is read before the flags: see `ConfigFile`. */
const ConfigPath = GlobalFlag.Setting("config")({
  flag: Flag.String("config").pipe(
    Flag.withMetavar("FILE"),
    Flag.withDescription(
      "Read options from a YAML file, such as rot13: { port: 2067 }; flags and the environment take precedence; also in EFFECT_INET_CONFIG; see docs/guide/operations.md"
    ),
    Flag.mapEffect((path) => Effect.as(ConfigFile.check, path)),
    Flag.optional,
    Flag.map(Option.getOrUndefined)
  )
})

/** Flags of every command. */
export const globalFlags = [Faults, FaultSeed, Capture, ConfigPath] as const

/** Creates the flag of a port; 0 selects a free port. */
export const port = (
  section: string,
  defaultPort: number,
  name = "port",
  description = `Port of ${section}, 0 for any free port (default ${defaultPort})`
) =>
  withDefault(
    {
      name,
      metavar: "PORT",
      description,
      expected: "a port from 0 to 65535 (0: any free port)",
      parse: parse.integer(0, 65_535),
      section,
      settingName: "port"
    },
    defaultPort
  )

/** Creates the flag of a client for the port of a server. */
const serverPort = (section: string, defaultPort: number) =>
  withDefault(
    {
      name: "port",
      metavar: "PORT",
      description: `Port of the server (default ${defaultPort})`,
      expected: "a port from 1 to 65535",
      parse: parse.integer(1, 65_535),
      section
    },
    defaultPort
  )

const textShape = (section: string | undefined, name: string, metavar: string, description: string) => ({
  name,
  metavar,
  description,
  expected: "a text",
  parse: (text: string) => text,
  section
})

/** Creates the flag of the address to listen on. */
export const host = (section: string) =>
  withDefault(
    textShape(section, "host", "ADDRESS", "Address to listen on; :: listens on all interfaces (default 127.0.0.1)"),
    "127.0.0.1"
  )

/** Creates a required flag of a text. */
export const text = (section: string, name: string, metavar: string, description: string) =>
  required(textShape(section, name, metavar, `${description} (required)`))

/** Creates an optional flag of a text. */
export const optionalText = (section: string | undefined, name: string, metavar: string, description: string) =>
  optional(textShape(section, name, metavar, description))

/** Creates an optional flag of a duration. */
export const duration = (section: string | undefined, name: string, description: string) =>
  optional({
    name,
    metavar: "TIME",
    description,
    expected: "a time such as 500ms, 5s, 1m or 2h",
    parse: ServerConfig.parseDuration,
    section
  })

/** Creates an optional flag of a duration above 0. */
export const positiveDuration = (section: string | undefined, name: string, description: string) =>
  optional({
    name,
    metavar: "TIME",
    description,
    expected: "a time above 0, such as 500ms, 5s, 1m or 2h",
    parse: (text) => {
      const duration = ServerConfig.parseDuration(text)
      return duration !== undefined && Duration.toMillis(duration) > 0 ? duration : undefined
    },
    section
  })

/** Creates an optional flag of a whole number from `minimum` to `maximum`. */
export const integer = (
  section: string | undefined,
  name: string,
  minimum: number,
  maximum: number,
  description: string
) =>
  optional({
    name,
    metavar: "N",
    description,
    expected: `a number, ${maximum === Number.MAX_SAFE_INTEGER ? `${minimum} or more` : `${minimum} to ${maximum}`}`,
    parse: parse.integer(minimum, maximum),
    section
  })

/** Creates an optional flag of a whole number from 1. */
export const positiveInteger = (section: string | undefined, name: string, description: string) =>
  integer(section, name, 1, Number.MAX_SAFE_INTEGER, description)

/** Creates an optional flag of a size in bytes, with units of 1,024. */
export const bytes = (section: string, name: string, description: string) =>
  optional({
    name,
    metavar: "BYTES",
    description,
    expected: "a number of bytes, such as 500000, 64K, 10M or 1G",
    parse: parse.bytes,
    section
  })

/** Creates the optional flag of a range of ports. */
export const portRange = (section: string, description: string) =>
  optional({
    name: "port-range",
    metavar: "A-B",
    description,
    expected: "two ports such as 50000-50100",
    parse: ServerConfig.parsePortRange,
    section
  })

/** Creates an optional flag of networks. */
export const networks = (section: string | undefined, name: string, description: string) =>
  optional({
    name,
    metavar: "CIDR,...",
    description,
    expected: "networks such as 10.0.0.0/8, 192.0.2.7 or 2001:db8::/32, separated by commas",
    parse: parse.networks,
    section
  })

/** Creates an optional flag of the permissions of a file. */
export const fileMode = (section: string, name: string, description: string) =>
  optional({
    name,
    metavar: "MODE",
    description,
    expected: "octal permissions such as 660",
    parse: parse.fileMode,
    section
  })

/** Creates an optional flag with a list of choices. */
export const choice = <const A extends ReadonlyArray<string>>(
  section: string,
  name: string,
  choices: A,
  description: string
): Flag.Flag<A[number] | undefined> => {
  const words = choices.map((one) => JSON.stringify(one))
  const expected = words.length === 1 ? words[0]! : `${words.slice(0, -1).join(", ")} or ${words.at(-1)}`
  const setting = { section, name, expected, parse: parse.choice<A[number]>(choices) }
  const flag = Flag.Literals(name, choices).pipe(Flag.withDescription(description))
  return orUndefined(settings.fromSources(flag, setting), setting)
}

/** Creates a flag that is off by default. */
export const toggle = (section: string, name: string, description: string) => {
  const setting = { section, name, expected: "true or false", parse: parse.toggle }
  const flag = settings.fromSources(Flag.Boolean(name).pipe(Flag.withDescription(description)), setting)
  return settings.declare(Flag.withDefault(flag, false), setting)
}

/** Flag for JSON output. */
export const json = Flag.Boolean("json").pipe(
  Flag.withDescription("Print JSON, one value per line"),
  Flag.withDefault(false)
)

/** Creates an argument of a text. */
export const argument = (name: string, description: string) =>
  Argument.String(name).pipe(Argument.withDescription(description))

/** Creates an optional argument of a text. */
export const optionalArgument = (name: string, description: string) =>
  argument(name, description).pipe(Argument.optional, Argument.map(Option.getOrUndefined))

/** Flags of a client before its own: the server. */
export const client = <const Own extends Record<string, Param.Any> = {}>(
  section: string,
  defaultPort: number,
  own?: Own
) => ({
  host: optionalArgument("host", "Name or address of the server (default localhost)"),
  port: serverPort(section, defaultPort),
  ...(own as Own)
})
