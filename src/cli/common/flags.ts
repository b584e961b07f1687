/** Flags shared by several commands, with one name, one description and one check each. */

import * as ByteSize from "effect/ByteSize"
import * as Config from "effect/Config"
import * as Argument from "effect/cli/Argument"
import * as CliError from "effect/cli/CliError"
import * as Flag from "effect/cli/Flag"
import * as GlobalFlag from "effect/cli/GlobalFlag"
import type * as Param from "effect/cli/Param"
import * as Effect from "effect/Effect"
import * as Option from "effect/Option"
import * as ServerConfig from "../../network/ServerConfig.ts"

const parseInteger = (minimum: number, maximum: number) => (text: string) => {
  const number = /^-?\d{1,16}$/.test(text) ? Number(text) : Number.NaN
  return number >= minimum && number <= maximum ? number : undefined
}

/** Creates a flag that `parse` checks; an environment variable, such as ROT13_PORT, can set it, too. */
const parsedFlag = <A>(
  name: string,
  expected: string,
  parse: (text: string) => A | undefined,
  environmentVariable?: string
) =>
  (environmentVariable === undefined
    ? Flag.String(name)
    : Flag.withFallbackConfig(Flag.String(name), Config.String(environmentVariable))
  ).pipe(
    Flag.filterMap(
      (text) => Option.fromUndefinedOr(parse(text)),
      () => expected
    )
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

/** A host name or address, and a port. */
export interface Endpoint {
  readonly host: string
  readonly port: number
}

const parseEndpoint = (text: string): Endpoint | undefined => {
  const [, literal, name, digits = ""] = /^(?:\[([^\]]+)\]|([^:[\]]+)):(\d{1,5})$/.exec(text) ?? []
  const port = parseInteger(0, 65_535)(digits)
  return port === undefined ? undefined : { host: (literal ?? name)!, port }
}

/** Creates a required flag of a host and a port. */
export const endpoint = (name: string, description: string) =>
  parsedFlag(name, "a host and a port, such as 127.0.0.1:7000 or [::1]:7000", parseEndpoint).pipe(
    Flag.withMetavar("HOST:PORT"),
    Flag.withDescription(`${description} (required)`)
  )

/** Creates a flag of the seed of random decisions. */
export const seed = (name: string, subject: string) =>
  parsedFlag(name, "a number, 0 or more", parseInteger(0, Number.MAX_SAFE_INTEGER)).pipe(
    Flag.withMetavar("N"),
    Flag.withDescription(`Seed for the random decisions of ${subject}; the same seed repeats a run (default 0)`),
    Flag.withDefault(0)
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

/** Flags of every command. */
export const globalFlags = [Faults, FaultSeed, Capture] as const

/** Creates the flag of a port; 0 selects a free port. */
export const port = (service: string, defaultPort: number, name = "port") =>
  parsedFlag(
    name,
    "a port from 0 to 65535 (0: any free port)",
    parseInteger(0, 65_535),
    ServerConfig.variable(service, "port")
  ).pipe(
    Flag.withMetavar("PORT"),
    Flag.withDescription(`Port of ${service}, 0 for any free port (default ${defaultPort})`),
    Flag.withDefault(defaultPort)
  )

/** Creates the flag of a client for the port of a server. */
const serverPort = (service: string, defaultPort: number) =>
  parsedFlag("port", "a port from 1 to 65535", parseInteger(1, 65_535), ServerConfig.variable(service, "port")).pipe(
    Flag.withMetavar("PORT"),
    Flag.withDescription(`Port of the server (default ${defaultPort})`),
    Flag.withDefault(defaultPort)
  )

/** Creates the flag of a port that other hosts must use, too: 0 disables the service. */
export const optionalPort = (service: string, defaultPort: number, name: string) =>
  parsedFlag(
    name,
    "a port from 1 to 65535, or 0 to disable the service",
    parseInteger(0, 65_535),
    ServerConfig.variable(service, "port")
  ).pipe(
    Flag.withMetavar("PORT"),
    Flag.withDescription(`Port of ${service}, 0 disables it (default ${defaultPort})`),
    Flag.withDefault(defaultPort)
  )

/** Creates the flag of the address to listen on. */
export const host = (service: string) =>
  Flag.String("host").pipe(
    Flag.withFallbackConfig(Config.String(ServerConfig.variable(service, "host"))),
    Flag.withMetavar("ADDRESS"),
    Flag.withDescription("Address to listen on; :: listens on all interfaces (default 127.0.0.1)"),
    Flag.withDefault("127.0.0.1")
  )

/** Makes a flag optional: undefined if it is not given. */
const optional =
  (metavar: string, description: string) =>
  <A>(flag: Flag.Flag<A>) =>
    flag.pipe(
      Flag.withMetavar(metavar),
      Flag.withDescription(description),
      Flag.optional,
      Flag.map(Option.getOrUndefined)
    )

/** Returns the environment variable of a server's flag; other commands have none. */
const optionalVariable = (service: string | undefined, name: string) =>
  service === undefined ? undefined : ServerConfig.variable(service, name)

/** Creates an optional flag of a duration. */
export const duration = (service: string | undefined, name: string, description: string) =>
  parsedFlag(
    name,
    "a time such as 500ms, 5s, 1m or 2h",
    ServerConfig.parseDuration,
    optionalVariable(service, name)
  ).pipe(optional("TIME", description))

/** Creates an optional flag of a whole number from `minimum` to `maximum`. */
export const integer = (
  service: string | undefined,
  name: string,
  minimum: number,
  maximum: number,
  description: string
) => {
  const expected = `a number, ${maximum === Number.MAX_SAFE_INTEGER ? `${minimum} or more` : `${minimum} to ${maximum}`}`
  return parsedFlag(name, expected, parseInteger(minimum, maximum), optionalVariable(service, name)).pipe(
    optional("N", description)
  )
}

/** Creates an optional flag of a whole number from 1. */
export const positiveInteger = (service: string | undefined, name: string, description: string) =>
  integer(service, name, 1, Number.MAX_SAFE_INTEGER, description)

const parseBytes = (text: string) =>
  /^\d{1,15}[KMGT]?$/i.test(text)
    ? ByteSize.fromString(`${text.toUpperCase()}${/\d$/.test(text) ? "" : "i"}B`).pipe(
        Option.flatMap(ByteSize.toNumber),
        Option.getOrUndefined
      )
    : undefined

/** Creates an optional flag of a size in bytes, with units of 1,024. */
export const bytes = (service: string, name: string, description: string) =>
  parsedFlag(
    name,
    "a number of bytes, such as 500000, 64K, 10M or 1G",
    parseBytes,
    ServerConfig.variable(service, name)
  ).pipe(optional("BYTES", description))

/** Creates the optional flag of a range of ports. */
export const portRange = (service: string, description: string) =>
  parsedFlag(
    "port-range",
    "two ports such as 50000-50100",
    ServerConfig.parsePortRange,
    ServerConfig.variable(service, "port-range")
  ).pipe(optional("A-B", description))

const textFlag = (service: string, name: string) =>
  Flag.withFallbackConfig(Flag.String(name), Config.String(ServerConfig.variable(service, name)))

/** Creates a required flag of a text. */
export const text = (service: string, name: string, metavar: string, description: string) =>
  textFlag(service, name).pipe(Flag.withMetavar(metavar), Flag.withDescription(`${description} (required)`))

/** Creates an optional flag of a text. */
export const optionalText = (service: string, name: string, metavar: string, description: string) =>
  textFlag(service, name).pipe(optional(metavar, description))

/** Creates an optional flag with a list of choices. */
export const choice = <const A extends ReadonlyArray<string>>(
  service: string,
  name: string,
  choices: A,
  description: string
) =>
  Flag.Literals(name, choices).pipe(
    Flag.withFallbackConfig(Config.Literals(choices, ServerConfig.variable(service, name))),
    Flag.withDescription(description),
    Flag.optional,
    Flag.map(Option.getOrUndefined)
  )

/** Creates a flag that is off by default. */
export const toggle = (service: string, name: string, description: string) =>
  Flag.Boolean(name).pipe(
    Flag.withFallbackConfig(Config.Boolean(ServerConfig.variable(service, name))),
    Flag.withDescription(description),
    Flag.withDefault(false)
  )

/** Limits of a TCP server, named as in `TcpServer`. Services with human clients have a longer idle timeout. */
export const limits = (service: string, defaultIdleTimeout = "60s") => ({
  maxConnections: positiveInteger(
    service,
    "max-connections",
    "Maximum number of clients at a time (default 1024, fewer if the descriptor limit is lower)"
  ),
  maxConnectionsPerPeer: positiveInteger(
    service,
    "max-per-peer",
    "Maximum number of clients at a time from one address (default: no limit)"
  ),
  idleTimeout: duration(
    service,
    "idle-timeout",
    `Disconnect a client that sends nothing for this time (default ${defaultIdleTimeout})`
  ),
  writeTimeout: duration(
    service,
    "write-timeout",
    "Disconnect a client that reads nothing for this time (default 30s)"
  ),
  drain: duration(service, "drain", "Time for requests in progress when the server stops (default 5s)")
})

/** Flag for JSON output. */
export const json = Flag.Boolean("json").pipe(
  Flag.withDescription("Print JSON, one value per line"),
  Flag.withDefault(false)
)

/** Creates an optional argument of a text. */
export const optionalArgument = (name: string, description: string) =>
  Argument.String(name).pipe(
    Argument.withDescription(description),
    Argument.optional,
    Argument.map(Option.getOrUndefined)
  )

/** Flags of a TCP server around its own: address, limits and JSON output. */
export const server = <const Own extends Record<string, Param.Any>>(
  service: string,
  defaultPort: number,
  own: Own,
  defaultIdleTimeout?: string
) => ({
  host: host(service),
  port: port(service, defaultPort),
  ...own,
  ...limits(service, defaultIdleTimeout),
  json
})

/** Flags of a client before its own: the server. */
export const client = <const Own extends Record<string, Param.Any> = {}>(
  service: string,
  defaultPort: number,
  own?: Own
) => ({
  host: optionalArgument("host", "Name or address of the server (default localhost)"),
  port: serverPort(service, defaultPort),
  ...(own as Own)
})
