/**
 * Service names and port numbers: getservbyname and getservbyport over the services file of the host, and over the
 * services of this package, so that `rot13` is known without editing the file.
 */
import * as Context from "effect/Context"
import * as Data from "effect/Data"
import * as Effect from "effect/Effect"
import * as FileSystem from "effect/FileSystem"
import * as Layer from "effect/Layer"
import * as Option from "effect/Option"
import * as Result from "effect/Result"
import { builtIn, packageServices, type Service } from "./WellKnownServices.ts"

export type { Service } from "./WellKnownServices.ts"

/** A name that no services file has. @category errors @since 0.1.0 */
export class UnknownService extends Data.TaggedClass("UnknownService")<{
  readonly service: string
  readonly protocol: string | undefined
}> {
  get message(): string {
    const what = `${JSON.stringify(this.service)}${this.protocol === undefined ? "" : ` over ${this.protocol}`}`
    return `no service ${what}: give a name of the services file or a port from 0 to 65535`
  }
}

/** A number that is no port. @category errors @since 0.1.0 */
export class InvalidPort extends Data.TaggedClass("InvalidPort")<{ readonly port: string }> {
  get message(): string {
    return `${this.port} is not a port: ports are whole numbers from 0 to 65535`
  }
}

/** A service that is neither a known name nor a port. @category errors @since 0.1.0 */
export class ServiceNamesError extends Data.TaggedError("ServiceNamesError")<{
  readonly reason: UnknownService | InvalidPort
}> {
  override get message(): string {
    return this.reason.message
  }
}

/** A line of a services file that was skipped. @category models @since 0.1.0 */
export interface SkippedLine {
  /** The first line is 1. */
  readonly line: number
  readonly text: string
  readonly reason: string
}

const syntaxErrorOf = (endpoint: string | undefined): string | undefined => {
  if (endpoint === undefined) return "no port: a line is NAME PORT/PROTOCOL and any aliases"
  const [port, protocol, ...rest] = endpoint.split("/")
  if (!/^\d+$/.test(port!) || Number(port) > 0xffff)
    return `port ${JSON.stringify(port)} is not a number from 0 to 65535`
  return protocol && rest.length === 0 ? undefined : "no protocol: write the port as PORT/PROTOCOL, such as 80/tcp"
}

/**
 * Reads the text of a services file; a malformed line is skipped and named. Never throws.
 *
 * @category decoding
 * @since 0.1.0
 */
export const parse = (
  text: string
): { readonly services: ReadonlyArray<Service>; readonly skippedLines: ReadonlyArray<SkippedLine> } => {
  const services: Array<Service> = []
  const skippedLines: Array<SkippedLine> = []
  for (const [index, line] of text.split(/\r?\n/).entries()) {
    const entry = line.replace(/#.*/, "").trim()
    if (entry === "") continue
    const [name, endpoint, ...aliases] = entry.split(/\s+/)
    const reason = syntaxErrorOf(endpoint)
    if (reason !== undefined) {
      skippedLines.push({ line: index + 1, text: line, reason })
      continue
    }
    const [port, protocol] = endpoint!.split("/")
    services.push({ name: name!, aliases, port: Number(port), protocol: protocol! })
  }
  return { services, skippedLines }
}

/**
 * How names and numbers are looked up. Without a protocol the first entry is taken, of whatever protocol.
 *
 * @category models
 * @since 0.1.0
 */
export interface Table {
  /** Every service, in the order in which they are searched. */
  readonly services: ReadonlyArray<Service>
  /** Finds a service by its name or one of its aliases; case matters. */
  readonly getservbyname: (name: string, protocol?: string) => Option.Option<Service>
  /** Finds a service by its port, in host order. */
  readonly getservbyport: (port: number, protocol?: string) => Option.Option<Service>
  /** The port of a service given by name or by number. Fails with `UnknownService` or `InvalidPort`. */
  readonly resolve: (service: string | number, protocol?: string) => Result.Result<number, ServiceNamesError>
}

const indexOf = (services: ReadonlyArray<Service>, keysOf: (service: Service) => ReadonlyArray<string | number>) => {
  const index = new Map<string, Service>()
  // A space parts name and protocol: no name of a services file has one.
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

/**
 * Indexes services; of several that answer to a name or number the first is taken.
 *
 * @category constructors
 * @since 0.1.0
 */
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
 * Adds the services of this package, except those whose name the given ones have.
 *
 * @category constructors
 * @since 0.1.0
 */
export const withPackageServices = (services: ReadonlyArray<Service>): ReadonlyArray<Service> => {
  const knownNames = new Set(services.flatMap(({ aliases, name }) => [name, ...aliases]))
  return [...services, ...packageServices.filter(({ name }) => !knownNames.has(name))]
}

/** The names of services. @category services @since 0.1.0 */
export class ServiceNames extends Context.Service<
  ServiceNames,
  Table & {
    /** The lines of the services file that were skipped. */
    readonly skippedLines: ReadonlyArray<SkippedLine>
  }
>()("effect-inet/network/ServiceNames") {}

/** @category models @since 0.1.0 */
export interface Options {
  /** The services file. Default `/etc/services`. */
  readonly path?: string | undefined
}

/**
 * Reads the services file once and adds the services of this package. Where there is no such file, a built-in table of
 * common services stands in for it; a file that cannot be read and each malformed line are logged as warnings.
 *
 * @category constructors
 * @since 0.1.0
 */
export const make = Effect.fnUntraced(function* ({ path = "/etc/services" }: Options = {}) {
  const fs = yield* FileSystem.FileSystem
  const { services, skippedLines } = yield* fs.readFileString(path).pipe(
    Effect.map(parse),
    Effect.catchTag("PlatformError", (error) =>
      Effect.as(
        error.reason._tag === "NotFound"
          ? Effect.void
          : Effect.logWarning(`${path} cannot be read, so the built-in services are used: ${error.message}`),
        { services: builtIn, skippedLines: [] }
      )
    )
  )
  for (const { line, reason, text } of skippedLines) {
    yield* Effect.logWarning(`${path}:${line}: ${reason}; skipped ${JSON.stringify(text)}`)
  }
  return ServiceNames.of({ ...table(withPackageServices(services)), skippedLines })
})

/** The host's services, from its services file. @category layers @since 0.1.0 */
export const layer = (options?: Options): Layer.Layer<ServiceNames, never, FileSystem.FileSystem> =>
  Layer.effect(ServiceNames, make(options))

/** Exactly the given services. @category layers @since 0.1.0 */
export const layerStatic = (services: ReadonlyArray<Service>): Layer.Layer<ServiceNames> =>
  Layer.succeed(ServiceNames, { ...table(services), skippedLines: [] })

/** The built-in services and those of this package, without any file. @category layers @since 0.1.0 */
export const layerBuiltIn: Layer.Layer<ServiceNames> = layerStatic(withPackageServices(builtIn))
