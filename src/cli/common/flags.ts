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
import * as captureFlags from "./capture/captureFlags.ts"
import * as parse from "./flagParsers.ts"
import * as ConfigFile from "./settings/ConfigFile.ts"
import {
  optional,
  orUndefined,
  required,
  type Shape,
  settingOf,
  textShape,
  withDefault,
  withSources
} from "./settings/settingFlag.ts"
import * as settings from "./settings/settings.ts"

export type { Endpoint } from "./flagParsers.ts"

/** Parses a fault plan. The parser is loaded only then. */
const parseFaultPlan = Effect.fnUntraced(function* (name: string, text: string) {
  const { parseFaultPlan } = yield* Effect.promise(() => import("../run/common/parseFaultPlan.ts"))
  const found = (yield* settings.Recorder)?.get(name)
  return yield* Effect.mapError(Effect.fromResult(parseFaultPlan(text)), (expected) =>
    found === undefined
      ? new CliError.InvalidValue({ option: name, value: text, expected: `Expected ${expected}`, kind: "flag" })
      : settings.invalid(found, expected)
  )
})

/** Creates a required flag of a fault plan. For the setting each text is valid: its parser is not loaded. */
const requiredFaultPlan = (shape: Shape<string>) =>
  settings.declare(
    Flag.mapEffect(required(shape), (text) => parseFaultPlan(shape.name, text)),
    settingOf(shape)
  )

/** Creates an optional flag of a fault plan. */
export const optionalFaultPlan = (section: string, name: string, description: string) => {
  const shape = textShape(section, name, "PLAN", description)
  return orUndefined(requiredFaultPlan(shape), settingOf(shape))
}

const endpointShape = (section: string, name: string, description: string) => ({
  name,
  metavar: "HOST:PORT",
  description,
  expected: "a host and a port, such as 127.0.0.1:7000 or [::1]:7000",
  parse: parse.endpoint,
  section
})

/** Creates a required flag of a host and a port. */
export const endpoint = (section: string, name: string, description: string) =>
  required(endpointShape(section, name, `${description} (required)`))

/** Creates an optional flag of a host and a port. */
export const optionalEndpoint = (section: string, name: string, description: string) =>
  optional(endpointShape(section, name, description))

/** Creates a flag of the seed of random decisions. */
export const seed = (section: string, name: string, subject: string) =>
  withDefault(
    {
      section,
      name,
      metavar: "N",
      description: `Seed for the random decisions of ${subject}; the same seed repeats a run (default 0)`,
      expected: "a number, 0 or more",
      parse: parse.integer(0, Number.MAX_SAFE_INTEGER)
    },
    0
  )

const faultsShape = textShape(
  settings.globalSection,
  "faults",
  "PLAN",
  "Inject faults into the network, such as drop=5% or dup=#3,delay=20ms..40ms; hosts are written as addresses; see docs/guide/simulation.md"
)

/** Fault plan of the network of every command. */
export const Faults = GlobalFlag.Setting("faults")({
  flag: orUndefined(requiredFaultPlan(faultsShape), settingOf(faultsShape))
})

/** Seed of the fault plan. */
export const FaultSeed = GlobalFlag.Setting("fault-seed")({
  flag: seed(settings.globalSection, "fault-seed", "--faults")
})

/** Capture file of every command. */
export const Capture = GlobalFlag.Setting("capture")({
  flag: optional(
    textShape(
      settings.globalSection,
      "capture",
      "FILE",
      "Write all packets to a pcapng file, a named pipe, or - for standard output; packets changed by --faults have a comment"
    )
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
export const globalFlags = [Faults, FaultSeed, Capture, ...captureFlags.globalFlags, ConfigPath] as const

/** Creates the flag of a port; 0 selects a free port. */
export const port = (
  section: string,
  defaultPort: number,
  description = `Port of ${section}, 0 for any free port (default ${defaultPort})`
) =>
  withDefault(
    {
      name: "port",
      metavar: "PORT",
      description,
      expected: "a port from 0 to 65535 (0: any free port)",
      parse: parse.integer(0, 65_535),
      section
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

const listenAddressShape = (
  section: string | undefined,
  description = "Address to listen on; :: listens on all interfaces (default 127.0.0.1)"
) => ({
  name: "host",
  metavar: "ADDRESS",
  description,
  expected: "an IP address, such as 127.0.0.1 or ::1; 0.0.0.0 or :: for all interfaces",
  parse: parse.ipAddress,
  section
})

/** Creates the flag of the address to listen on. */
export const host = (section: string) => withDefault(listenAddressShape(section), "127.0.0.1")

/** Creates the flag of the address to listen on, undefined if it is not given. */
export const optionalHost = (section: string | undefined, description?: string) =>
  optional(listenAddressShape(section, description))

/** Creates a required flag of a text. */
export const text = (section: string, name: string, metavar: string, description: string) =>
  required(textShape(section, name, metavar, `${description} (required)`))

/** Creates an optional flag of a text. */
export const optionalText = (
  section: string | undefined,
  name: string,
  metavar: string,
  description: string,
  alias?: string
) => optional({ ...textShape(section, name, metavar, description), alias })

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

/** Creates an optional flag of a fraction from 0 to 1. */
export const fraction = (section: string, name: string, description: string) =>
  optional({
    name,
    metavar: "SHARE",
    description,
    expected: "a percentage such as 5%, or a number from 0 to 1",
    parse: parse.fraction,
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
    expected: ServerConfig.expectedNetworks,
    parse: ServerConfig.parseNetworks,
    section
  })

const octal =
  (expected: string, read: (text: string) => number | undefined) =>
  (section: string, name: string, description: string) =>
    optional({ name, metavar: "MODE", description, expected, parse: read, section })

/** Creates an optional flag of the permissions of a file. */
export const fileMode = octal("octal permissions such as 660", parse.fileMode)

/** Creates an optional flag with the permissions that new files do not get. */
export const umask = octal("an octal umask such as 022", parse.umask)

/** Creates an optional flag with a list of choices. */
export const choice = <const A extends ReadonlyArray<string>>(
  section: string | undefined,
  name: string,
  choices: A,
  description: string
): Flag.Flag<A[number] | undefined> => {
  const words = choices.map((one) => JSON.stringify(one))
  const expected = words.length === 1 ? words[0]! : `${words.slice(0, -1).join(", ")} or ${words.at(-1)}`
  const setting =
    section === undefined ? undefined : { section, name, expected, parse: parse.choice<A[number]>(choices) }
  const flag = Flag.Literals(name, choices).pipe(Flag.withDescription(description))
  return orUndefined(withSources(flag, setting), setting)
}

/** Creates an optional flag of several words of a list. */
export const words = <const A extends ReadonlyArray<string>>(
  section: string,
  name: string,
  metavar: string,
  choices: A,
  description: string
) =>
  optional({
    name,
    metavar: `${metavar},...`,
    description,
    expected: `${choices.slice(0, -1).join(", ")} or ${choices.at(-1)}, or several separated by commas`,
    parse: parse.words<A[number]>(choices),
    section
  })

/** Creates the optional flag of an address family. */
export const family = (section: string) => {
  const families = [
    ["4", 4],
    ["6", 6]
  ] as const
  const setting = {
    section,
    name: "family",
    expected: '"4" or "6"',
    parse: (text: string) => families.find(([name]) => name === text)?.[1]
  }
  const flag = Flag.ChoiceWithValue("family", families).pipe(Flag.withDescription("Only IPv4, or only IPv6"))
  return orUndefined(settings.fromSources(flag, setting), setting)
}

const offByDefault = (section: string, name: string, flag: Flag.Flag<boolean>) => {
  const setting = { section, name, expected: "true or false", parse: parse.toggle }
  return settings.declare(Flag.withDefault(settings.fromSources(flag, setting), false), setting)
}

/** Creates a flag that is off by default. */
export const toggle = (section: string, name: string, description: string) =>
  offByDefault(section, name, Flag.Boolean(name).pipe(Flag.withDescription(description)))

/** Creates a flag that is off by default. It takes no value from the next argument, which may be the port 0 or 1. */
export const toggleBeforePort = (section: string, name: string, description: string) =>
  offByDefault(
    section,
    name,
    Flag.Boolean(name).pipe(Flag.withOptionalValue("true"), Flag.withDescription(description))
  )

/** Creates the flag for JSON output. */
export const json = (section: string) => toggle(section, "json", "Print JSON, one value per line")

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
