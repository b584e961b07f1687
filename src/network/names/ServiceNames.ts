/**
 * Service names and port numbers: getservbyname and getservbyport.
 *
 * The table is the services file of the host and the services of this package, so that `rot13` resolves without an
 * entry in the file.
 *
 * **Example** (Looking up a service)
 *
 * ```ts
 * import * as Option from "effect/Option"
 * import { ServiceNames } from "effect-inet/network"
 *
 * const { services } = ServiceNames.parse("domain 53/udp nameserver # DNS")
 * const table = ServiceNames.table(ServiceNames.withPackageServices(services))
 * Option.map(table.getservbyname("nameserver", "udp"), ({ port }) => port) // => Option.some(53)
 * Option.map(table.getservbyport(1067), ({ name }) => name) // => Option.some("rot13")
 * ```
 */
import * as Context from "effect/Context"
import * as Data from "effect/Data"
import * as Effect from "effect/Effect"
import type * as FileSystem from "effect/FileSystem"
import * as Layer from "effect/Layer"
import * as Option from "effect/Option"
import * as Result from "effect/Result"
import * as RegularFile from "../files/RegularFile.ts"
import * as TerminalText from "../TerminalText.ts"
import { alternativePorts, builtIn, packageServices, type Service } from "./WellKnownServices.ts"

export type { Service } from "./WellKnownServices.ts"

const quote = (text: string) => TerminalText.escape(JSON.stringify(text))

/** Reason: the name is not in the table. @category errors @since 0.1.0 */
export class UnknownService extends Data.TaggedClass("UnknownService")<{
  readonly service: string
  readonly protocol: string | undefined
}> {
  get message(): string {
    const what = `${quote(this.service)}${this.protocol === undefined ? "" : ` over ${this.protocol}`}`
    return `unknown service ${what}: give a name of the services file or a port from 0 to 65535`
  }
}

/** Reason: the number is not a port. @category errors @since 0.1.0 */
export class InvalidPort extends Data.TaggedClass("InvalidPort")<{ readonly port: string }> {
  get message(): string {
    return `invalid port ${TerminalText.escape(this.port)}: must be a whole number from 0 to 65535`
  }
}

/** Failure to resolve a service: neither a known name nor a port. @category errors @since 0.1.0 */
export class ServiceNamesError extends Data.TaggedError("ServiceNamesError")<{
  readonly reason: UnknownService | InvalidPort
}> {
  override get message(): string {
    return this.reason.message
  }
}

/** A malformed line of a services file. @category models @since 0.1.0 */
export interface SkippedLine {
  /** Line number, from 1. */
  readonly line: number
  readonly text: string
  readonly reason: string
}

/** A line whose port is another number than its digits in decimal. @category models @since 0.1.0 */
export interface OctalPort {
  /** Line number, from 1. */
  readonly line: number
  /** The digits of the line, such as `010`. */
  readonly digits: string
  /** The port that they mean, such as 8. */
  readonly port: number
}

/** Parses a port as `strtoul` with base 0 does: decimal, octal after `0`, hexadecimal after `0x`. */
const parsePort = (text: string): number | undefined => {
  const [, hexadecimal, octal, decimal] = /^\+?(?:0x([\da-f]+)|0([0-7]*)|([1-9]\d*))$/i.exec(text) ?? []
  const port =
    hexadecimal !== undefined
      ? Number.parseInt(hexadecimal, 16)
      : octal !== undefined
        ? Number.parseInt(`0${octal}`, 8)
        : Number(decimal)
  return port <= 0xffff ? port : undefined
}

/** A port with its digits, and a protocol. */
interface Endpoint extends Pick<Service, "port" | "protocol"> {
  readonly digits: string
}

/** Parses `80/tcp`. Fails with what is wrong. */
const parseEndpoint = (endpoint: string | undefined): Result.Result<Endpoint, string> => {
  if (endpoint === undefined) return Result.fail("no port: write NAME PORT/PROTOCOL and any aliases")
  const [, digits = "", protocol = ""] = /^([^/]*)\/*(.*)$/.exec(endpoint) ?? []
  const port = parsePort(digits)
  if (port === undefined) {
    const forms = /^0\d/.test(digits) ? " (a number that begins with 0 is octal)" : ""
    return Result.fail(`port ${quote(digits)} is not a number from 0 to 65535${forms}`)
  }
  return protocol === "" || protocol.includes("/")
    ? Result.fail("no protocol: write the port as PORT/PROTOCOL, such as 80/tcp")
    : Result.succeed({ port, protocol, digits })
}

/** Tests if digits are octal, and would be another number in decimal. */
const isOctal = ({ digits, port }: Endpoint) => /^\+?0\d/.test(digits) && Number(digits) !== port

/** Content of a services file. @category models @since 0.1.0 */
export interface ServicesFile {
  readonly services: ReadonlyArray<Service>
  readonly skippedLines: ReadonlyArray<SkippedLine>
  /** Lines that are read, and may mean another port than their writer thinks. */
  readonly octalPorts: ReadonlyArray<OctalPort>
}

/**
 * Parses a services file; malformed lines are skipped and returned. Never throws.
 *
 * A port is read as the GNU libc reads it: a number that begins with 0 is octal, with 0x hexadecimal.
 *
 * @category decoding
 * @since 0.1.0
 */
export const parse = (text: string): ServicesFile => {
  const services: Array<Service> = []
  const skippedLines: Array<SkippedLine> = []
  const octalPorts: Array<OctalPort> = []
  for (const [index, line] of text.split(/\r?\n/).entries()) {
    const entry = line.replace(/#.*/, "").trim()
    if (entry === "") continue
    const [name, endpoint, ...aliases] = entry.split(/\s+/)
    const parsed = parseEndpoint(endpoint)
    if (Result.isFailure(parsed)) {
      skippedLines.push({ line: index + 1, text: line, reason: parsed.failure })
      continue
    }
    const { digits, port, protocol } = parsed.success
    services.push({ name: name!, aliases, port, protocol })
    if (isOctal(parsed.success)) octalPorts.push({ line: index + 1, digits, port })
  }
  return { services, skippedLines, octalPorts }
}

/**
 * Look-up by name and by number. Without a protocol the first entry of any protocol is returned.
 *
 * @category models
 * @since 0.1.0
 */
export interface Table {
  /** All services, in search order. */
  readonly services: ReadonlyArray<Service>
  /** Finds a service by its name or one of its aliases; case matters. */
  readonly getservbyname: (name: string, protocol?: string) => Option.Option<Service>
  /** Finds a service by its port, a number in host order. */
  readonly getservbyport: (port: number, protocol?: string) => Option.Option<Service>
  /** Returns the port of a service given by name or number. Fails with `UnknownService` or `InvalidPort`. */
  readonly resolve: (service: string | number, protocol?: string) => Result.Result<number, ServiceNamesError>
}

const indexOf = (services: ReadonlyArray<Service>, keysOf: (service: Service) => ReadonlyArray<string | number>) => {
  const index = new Map<string, Service>()
  // A space separates name and protocol: names in a services file cannot contain one.
  const add = (key: string, service: Service) => {
    if (!index.has(key)) index.set(key, service)
  }
  for (const service of services) {
    for (const key of keysOf(service)) {
      add(`${key}`, service)
      add(`${key} ${service.protocol}`, service)
    }
  }
  return (key: string | number, protocol: string | undefined) =>
    Option.fromUndefinedOr(index.get(protocol === undefined ? `${key}` : `${key} ${protocol}`))
}

/** Indexes services; the first entry of a name or number wins. @category constructors @since 0.1.0 */
export const table = (services: ReadonlyArray<Service>): Table => {
  const byName = indexOf(services, (service) => [service.name, ...service.aliases])
  const byPort = indexOf(services, (service) => [service.port])
  return {
    services,
    getservbyname: (name, protocol) => byName(name, protocol),
    getservbyport: (port, protocol) => byPort(port, protocol),
    resolve: (service, protocol) => {
      const text = `${service}`
      if (typeof service === "number" || /^[-+]?\d+$/.test(text)) {
        const port = Number(text)
        return Number.isInteger(port) && port >= 0 && port <= 0xffff
          ? Result.succeed(port)
          : Result.fail(new ServiceNamesError({ reason: new InvalidPort({ port: text }) }))
      }
      return Option.match(byName(text, protocol), {
        onNone: () => Result.fail(new ServiceNamesError({ reason: new UnknownService({ service: text, protocol }) })),
        onSome: ({ port }) => Result.succeed(port)
      })
    }
  }
}

/**
 * Adds the services of this package, except those whose name is taken, and names for their other ports.
 *
 * @category constructors
 * @since 0.1.0
 */
export const withPackageServices = (services: ReadonlyArray<Service>): ReadonlyArray<Service> => {
  const knownNames = new Set(services.flatMap(({ aliases, name }) => [name, ...aliases]))
  const own = packageServices.filter(({ name }) => !knownNames.has(name))
  // These come last, and only after an entry with their name, which therefore keeps its port.
  return [...services, ...own, ...alternativePorts.filter(({ name }) => knownNames.has(name))]
}

/** Table of services of the host. @category services @since 0.1.0 */
export class ServiceNames extends Context.Service<
  ServiceNames,
  Table & {
    /** Malformed lines of the services file. */
    readonly skippedLines: ReadonlyArray<SkippedLine>
  }
>()("effect-inet/network/ServiceNames") {}

/** Options of the layer. @category models @since 0.1.0 */
export interface Options {
  /** Services file, a regular file of at most 64 MiB. Default `/etc/services`. */
  readonly path?: string | undefined
}

/** Stands for a services file that cannot be read. */
const builtInFile: ServicesFile = { services: builtIn, skippedLines: [], octalPorts: [] }

/**
 * Reads the services file once and adds the services of this package.
 *
 * Without such a file a built-in table of common services is used. A file that cannot be read, each malformed line and
 * each octal port are logged as warnings.
 *
 * @category constructors
 * @since 0.1.0
 */
export const make = Effect.fnUntraced(function* (options: Options = {}) {
  const { path = "/etc/services" } = options
  const { octalPorts, services, skippedLines } = yield* RegularFile.readText(path, RegularFile.systemFileBytes).pipe(
    Effect.map(parse),
    Effect.catch(({ message, reason }) =>
      Effect.as(
        reason === "NotFound" ? Effect.void : Effect.logWarning(`${path}: ${message}; using the built-in services`),
        builtInFile
      )
    )
  )
  for (const { line, reason, text } of skippedLines) {
    yield* Effect.logWarning(`${path}:${line}: ${reason}; skipped ${quote(text)}`)
  }
  for (const { digits, line, port } of octalPorts) {
    yield* Effect.logWarning(`${path}:${line}: port ${digits} begins with 0 and is octal: ${port}; write ${port}`)
  }
  return ServiceNames.of({ ...table(withPackageServices(services)), skippedLines })
})

/** Services of the host, from its services file. @category layers @since 0.1.0 */
export const layer = (options?: Options): Layer.Layer<ServiceNames, never, FileSystem.FileSystem> =>
  Layer.effect(ServiceNames, make(options))

/** The given services only. @category layers @since 0.1.0 */
export const layerStatic = (services: ReadonlyArray<Service>): Layer.Layer<ServiceNames> =>
  Layer.succeed(ServiceNames, { ...table(services), skippedLines: [] })

/** The built-in services and those of this package; reads no file. @category layers @since 0.1.0 */
export const layerBuiltIn: Layer.Layer<ServiceNames> = layerStatic(withPackageServices(builtIn))
