/**
 * The resolver of the system, or less where it would never return. The libc and the resolver of Node read the files of
 * their configuration whatever they are: they wait for the writer of a FIFO, and read a device without an end. Nothing
 * could cancel that, and not even the process could exit.
 */
import * as Effect from "effect/Effect"
import type * as FileSystem from "effect/FileSystem"
import * as Layer from "effect/Layer"
import * as Dns from "effect/net/Dns"
import type * as Host from "effect/net/Host"
import * as NetAddress from "effect/net/NetAddress"
import * as Ref from "effect/Ref"
import * as Result from "effect/Result"
import * as Scope from "effect/Scope"
import * as RegularFile from "../files/RegularFile.ts"
import * as HostEntry from "./HostEntry.ts"

/** Options of the layer. */
export interface Options {
  /** Makes the resolver of the system, which may read `queryFiles`. It runs once, after these were checked. */
  readonly system: Effect.Effect<Dns.Dns["Service"], never, Scope.Scope>
  /** Hosts file, for look-ups without the system. Default `/etc/hosts`. */
  readonly hostsFile?: string | undefined
  /** Files that look-ups read, and queries do not: without them names are queried. */
  readonly lookupFiles?: ReadonlyArray<string> | undefined
  /** Files that look-ups and queries read: without them there is the hosts file alone. */
  readonly queryFiles?: ReadonlyArray<string> | undefined
}

const defaultLookupFiles = ["/etc/hosts", "/etc/gai.conf"]

/** Files of the libc, and of c-ares: Node's resolver. */
const defaultQueryFiles = [
  "/etc/resolv.conf",
  "/etc/nsswitch.conf",
  "/etc/host.conf",
  "/etc/netsvc.conf",
  "/etc/svc.conf"
]

/** Returns the first file that a reader would wait for, or read without an end, with the reason. */
export const findProblem = Effect.fnUntraced(function* (files: ReadonlyArray<string> = defaultQueryFiles) {
  for (const path of files) {
    const checked = yield* Effect.result(RegularFile.check(path, RegularFile.systemFileBytes))
    if (Result.isSuccess(checked)) continue
    const { message, reason } = checked.failure
    if (reason === "NotRegular" || reason === "TooLarge") return `${path}: ${message}`
  }
  return undefined
})

/** Queries the addresses of the families that exist. Fails if no family has one. */
const query = Effect.fnUntraced(function* (
  dns: Dns.Dns["Service"],
  host: Host.DomainName,
  family: NetAddress.IpFamily | undefined
) {
  const v4 = Effect.map(dns.resolve(host, "A"), (records) => records.map(({ address }) => address))
  const v6 = Effect.map(dns.resolve(host, "AAAA"), (records) => records.map(({ address }) => address))
  if (family !== undefined) return yield* family === "IPv4" ? v4 : v6
  const [found6, found4] = yield* Effect.all([Effect.result(v6), Effect.result(v4)], { concurrency: 2 })
  const found: ReadonlyArray<NetAddress.IpAddress> = [
    ...Result.getOrElse(found6, () => []),
    ...Result.getOrElse(found4, () => [])
  ]
  return found.length > 0 ? found : yield* Effect.fromResult(found4)
})

/** Finds the addresses of a name in a hosts file. */
const fromHosts = (path: string, host: Host.DomainName, family: NetAddress.IpFamily | undefined) =>
  Effect.map(HostEntry.readHosts(path), (lines) =>
    ([6, 4] as const)
      .filter((one) => family === undefined || family === `IPv${one}`)
      .flatMap((one) => HostEntry.fromHosts(lines, host, one)?.addresses ?? [])
  )

/** Makes the resolver around that of the system. */
export const make = Effect.fnUntraced(function* (options: Options) {
  const { hostsFile = "/etc/hosts", lookupFiles = defaultLookupFiles, queryFiles = defaultQueryFiles } = options
  const context = yield* Effect.context<FileSystem.FileSystem>()
  const find = (files: ReadonlyArray<string>) => Effect.provideContext(findProblem(files), context)
  const system = yield* Effect.cached(Scope.provide(options.system, yield* Effect.scope))
  const reported = yield* Ref.make("")
  const report = Effect.fnUntraced(function* (line: string) {
    if ((yield* Ref.getAndSet(reported, line)) !== line) yield* Effect.logWarning(line)
  })

  /** Returns the resolver of the system. Fails with the problem if it cannot be used. */
  const usable = Effect.gen(function* () {
    const problem = yield* find(queryFiles)
    if (problem === undefined) return yield* system
    yield* report(`${problem}; no name server is asked`)
    return yield* Effect.fail(problem)
  })

  const failure = (method: Dns.DnsError["method"], hostname: string) => (problem: string) =>
    new Dns.DnsError({ reason: "Unknown", method, hostname, cause: new Error(problem) })

  const lookUpHosts = Effect.fnUntraced(function* (
    problem: string,
    host: Host.DomainName,
    family: NetAddress.IpFamily | undefined
  ) {
    const found = yield* Effect.provideContext(fromHosts(hostsFile, host, family), context)
    return found.length > 0 ? found : yield* failure("lookup", host)(problem)
  })

  return Dns.make({
    lookup: Effect.fnUntraced(function* (host, family) {
      const dns = yield* Effect.result(usable)
      if (Result.isFailure(dns)) return yield* lookUpHosts(dns.failure, host, family)
      const problem = yield* find(lookupFiles)
      if (problem === undefined) return yield* dns.success.lookup(host, { family })
      yield* report(`${problem}; resolving names by DNS alone`)
      return yield* query(dns.success, host, family)
    }),
    resolve: (name, type) =>
      Effect.flatMap(Effect.mapError(usable, failure("resolve", name)), (dns) => dns.resolve(name, type)),
    reverse: (address) =>
      Effect.flatMap(Effect.mapError(usable, failure("reverse", NetAddress.formatIp(address))), (dns) =>
        dns.reverse(address)
      )
  })
})

/** Resolves the names of a host. */
export const layer = (options: Options): Layer.Layer<Dns.Dns, never, FileSystem.FileSystem> =>
  Layer.effect(Dns.Dns, make(options))
