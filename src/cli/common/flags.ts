/** Flags that several commands share: named, explained and checked the same everywhere. */

import * as Config from "effect/Config"
import * as Argument from "effect/cli/Argument"
import * as CliError from "effect/cli/CliError"
import * as Flag from "effect/cli/Flag"
import * as GlobalFlag from "effect/cli/GlobalFlag"
import * as Duration from "effect/Duration"
import * as Effect from "effect/Effect"
import * as Option from "effect/Option"

const durationUnitMillis = { ms: 1, s: 1_000, m: 60_000, h: 3_600_000 } as const

const parseDuration = (text: string): Duration.Duration | undefined => {
  const [, amount, unit] = /^(\d+(?:\.\d+)?)(ms|s|m|h)$/.exec(text) ?? []
  return amount === undefined ? undefined : Duration.millis(Number(amount) * durationUnitMillis[unit as keyof typeof durationUnitMillis])
}

const parseInteger = (minimum: number, maximum: number) => (text: string) => {
  const number = /^-?\d{1,16}$/.test(text) ? Number(text) : Number.NaN
  return number >= minimum && number <= maximum ? number : undefined
}

/** A flag whose text is checked by `parse`; a server's can come from the environment too, as ROT13_PORT. */
const parsedFlag = <A>(name: string, expected: string, parse: (text: string) => A | undefined, environmentVariable?: string) =>
  (environmentVariable === undefined ? Flag.String(name) : Flag.withFallbackConfig(Flag.String(name), Config.String(environmentVariable))).pipe(
    Flag.filterMap(
      (text) => Option.fromUndefinedOr(parse(text)),
      () => expected
    )
  )

/** A fault plan, with what its text was; the parser is loaded only when there is one to read. */
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

/** A host, by name or address, and a port. */
export interface Endpoint {
  readonly host: string
  readonly port: number
}

const parseEndpoint = (text: string): Endpoint | undefined => {
  const [, literal, name, digits = ""] = /^(?:\[([^\]]+)\]|([^:[\]]+)):(\d{1,5})$/.exec(text) ?? []
  const port = parseInteger(0, 65_535)(digits)
  return port === undefined ? undefined : { host: (literal ?? name)!, port }
}

export const endpoint = (name: string, description: string) =>
  parsedFlag(name, "a host and a port, such as 127.0.0.1:7000 or [::1]:7000", parseEndpoint).pipe(
    Flag.withMetavar("HOST:PORT"),
    Flag.withDescription(description)
  )

export const seed = (name: string, subject: string) =>
  parsedFlag(name, "a number, 0 or more", parseInteger(0, Number.MAX_SAFE_INTEGER)).pipe(
    Flag.withMetavar("N"),
    Flag.withDescription(`Chooses what chance does in ${subject}; the same seed does the same (default 0)`),
    Flag.withDefault(0)
  )

/** Flags of every command: what happens to all it does on the network. */
export const Faults = GlobalFlag.Setting("faults")({
  flag: faultPlan("faults").pipe(
    Flag.withDescription(
      "Spoil the network by a plan, such as drop=5% or dup=#3,delay=20ms..40ms; hosts are addresses"
    ),
    Flag.optional,
    Flag.map(Option.getOrUndefined)
  )
})

export const FaultSeed = GlobalFlag.Setting("fault-seed")({ flag: seed("fault-seed", "--faults") })

export const Capture = GlobalFlag.Setting("capture")({
  flag: Flag.String("capture").pipe(
    Flag.withMetavar("FILE"),
    Flag.withDescription("Write a pcapng file of what is on the wire; packets that --faults touched are marked"),
    Flag.optional,
    Flag.map(Option.getOrUndefined)
  )
})

export const globalFlags = [Faults, FaultSeed, Capture] as const

const environmentVariable = (service: string, name: string) => `${service}_${name}`.toUpperCase().replaceAll("-", "_")

/** `--port`, for a service or alone. */
export const port = (service: string, defaultPort: number, name = "port") =>
  parsedFlag(name, "a port, 0 to 65535 (0: any free one)", parseInteger(0, 65_535), environmentVariable(service, "port")).pipe(
    Flag.withMetavar("PORT"),
    Flag.withDescription(`Port of ${service}, 0 for any free one (default ${defaultPort})`),
    Flag.withDefault(defaultPort)
  )

/** The port of a service that others must know, so that any free one would not do: 0 leaves the service out. */
export const optionalPort = (service: string, defaultPort: number, name: string) =>
  parsedFlag(name, "a port, 1 to 65535, or 0 to leave it out", parseInteger(0, 65_535), environmentVariable(service, "port")).pipe(
    Flag.withMetavar("PORT"),
    Flag.withDescription(`Port of ${service}, 0 leaves it out (default ${defaultPort})`),
    Flag.withDefault(defaultPort)
  )

export const host = (service: string) =>
  Flag.String("host").pipe(
    Flag.withFallbackConfig(Config.String(environmentVariable(service, "host"))),
    Flag.withMetavar("ADDRESS"),
    Flag.withDescription("Address to listen on; :: lets the network in (default 127.0.0.1)"),
    Flag.withDefault("127.0.0.1")
  )

/** A flag that may be left out; a server's, of which the service is given, has a variable in the environment. */
const optional =
  (metavar: string, description: string) =>
  <A>(flag: Flag.Flag<A>) =>
    flag.pipe(Flag.withMetavar(metavar), Flag.withDescription(description), Flag.optional, Flag.map(Option.getOrUndefined))

const optionalVariable = (service: string | undefined, name: string) =>
  service === undefined ? undefined : environmentVariable(service, name)

export const duration = (service: string | undefined, name: string, description: string) =>
  parsedFlag(name, "a time such as 500ms, 5s, 1m or 2h", parseDuration, optionalVariable(service, name)).pipe(
    optional("TIME", description)
  )

/** A whole number from `least` to `most`. */
export const integer = (service: string | undefined, name: string, minimum: number, maximum: number, description: string) => {
  const expected = `a number, ${maximum === Number.MAX_SAFE_INTEGER ? `${minimum} or more` : `${minimum} to ${maximum}`}`
  return parsedFlag(name, expected, parseInteger(minimum, maximum), optionalVariable(service, name)).pipe(optional("N", description))
}

export const positiveInteger = (service: string | undefined, name: string, description: string) =>
  integer(service, name, 1, Number.MAX_SAFE_INTEGER, description)

const byteUnitExponents = { "": 0, K: 1, M: 2, G: 3, T: 4 } as const

const parseBytes = (text: string) => {
  const [, digits = "", unit = ""] = /^(\d{1,15})([KMGT]?)$/.exec(text.toUpperCase()) ?? []
  const bytes = Number(digits) * 1_024 ** byteUnitExponents[unit as keyof typeof byteUnitExponents]
  return digits !== "" && Number.isSafeInteger(bytes) ? bytes : undefined
}

export const bytes = (service: string, name: string, description: string) =>
  parsedFlag(name, "a number of bytes, such as 500000, 64K, 10M or 1G", parseBytes, environmentVariable(service, name)).pipe(
    optional("BYTES", description)
  )

const parseRange = (text: string): readonly [from: number, to: number] | undefined => {
  const [, first = "", last = ""] = /^(\d{1,5})-(\d{1,5})$/.exec(text) ?? []
  const from = parseInteger(1, 65_535)(first)
  const to = parseInteger(from ?? 1, 65_535)(last)
  return from === undefined || to === undefined ? undefined : [from, to]
}

export const portRange = (service: string, description: string) =>
  parsedFlag("port-range", "two ports such as 50000-50100", parseRange, environmentVariable(service, "port-range")).pipe(
    optional("A-B", description)
  )

/** A text that must be given. */
export const text = (service: string, name: string, metavar: string, description: string) =>
  Flag.String(name).pipe(
    Flag.withFallbackConfig(Config.String(environmentVariable(service, name))),
    Flag.withMetavar(metavar),
    Flag.withDescription(description)
  )

export const optionalText = (service: string, name: string, metavar: string, description: string) =>
  text(service, name, metavar, description).pipe(optional(metavar, description))

export const choice = <const A extends ReadonlyArray<string>>(
  service: string,
  name: string,
  choices: A,
  description: string
) =>
  Flag.Literals(name, choices).pipe(
    Flag.withFallbackConfig(Config.Literals(choices, environmentVariable(service, name))),
    Flag.withDescription(description),
    Flag.optional,
    Flag.map(Option.getOrUndefined)
  )

/** On or off; off unless said otherwise. */
export const toggle = (service: string, name: string, description: string) =>
  Flag.Boolean(name).pipe(
    Flag.withFallbackConfig(Config.Boolean(environmentVariable(service, name))),
    Flag.withDescription(description),
    Flag.withDefault(false)
  )

/** The limits of a TCP server, as TcpServer takes them; services whose clients think have a longer `idle` time. */
export const limits = (service: string, defaultIdleTimeout = "60s") => ({
  maxConnections: positiveInteger(service, "max-connections", "Clients at a time (default 1024, or what descriptors allow)"),
  maxConnectionsPerPeer: positiveInteger(service, "max-per-peer", "Clients at a time from one address (default no limit)"),
  idleTimeout: duration(service, "idle-timeout", `Ends a client that is silent for so long (default ${defaultIdleTimeout})`),
  writeTimeout: duration(service, "write-timeout", "Cuts a client that does not read for so long (default 30s)"),
  drain: duration(service, "drain", "What a stopping server gives to requests in progress (default 5s)")
})

export const json = Flag.Boolean("json").pipe(
  Flag.withDescription("Print JSON, one value a line"),
  Flag.withDefault(false)
)

export const optionalArgument = (name: string, description: string) =>
  Argument.String(name).pipe(Argument.withDescription(description), Argument.optional, Argument.map(Option.getOrUndefined))
