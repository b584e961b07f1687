/**
 * The resolver of the system, or DNS queries alone where it would never return. The libc reads the files of its
 * configuration whatever they are: it waits for the writer of a FIFO, and reads a device without an end. Nothing could
 * cancel that, and not even the process could exit.
 */
import * as Effect from "effect/Effect"
import type * as FileSystem from "effect/FileSystem"
import * as Layer from "effect/Layer"
import * as Dns from "effect/net/Dns"
import type * as Host from "effect/net/Host"
import type * as NetAddress from "effect/net/NetAddress"
import * as Ref from "effect/Ref"
import * as Result from "effect/Result"
import * as RegularFile from "../files/RegularFile.ts"

/** Options of the layer. */
export interface Options {
  /** Files that the system's resolver reads for each look-up. */
  readonly files?: ReadonlyArray<string> | undefined
}

const defaultFiles = ["/etc/hosts", "/etc/gai.conf"]

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

/** Makes the resolver around that of the system. */
export const make = Effect.fnUntraced(function* ({ files = defaultFiles }: Options = {}) {
  const dns = yield* Dns.Dns
  const context = yield* Effect.context<FileSystem.FileSystem>()
  const reported = yield* Ref.make("")
  const findProblem = Effect.gen(function* () {
    for (const path of files) {
      const checked = yield* Effect.result(RegularFile.check(path, RegularFile.systemFileBytes))
      if (Result.isSuccess(checked)) continue
      const { message, reason } = checked.failure
      if (reason === "NotRegular" || reason === "TooLarge") return `${path}: ${message}`
    }
    return undefined
  }).pipe(Effect.provideContext(context))
  return Dns.make({
    lookup: Effect.fnUntraced(function* (host, family) {
      const problem = yield* findProblem
      if (problem === undefined) return yield* dns.lookup(host, { family })
      if ((yield* Ref.getAndSet(reported, problem)) !== problem) {
        yield* Effect.logWarning(`${problem}; resolving names by DNS alone`)
      }
      return yield* query(dns, host, family)
    }),
    resolve: (name, type) => dns.resolve(name, type),
    reverse: (address) => dns.reverse(address)
  })
})

/** Resolves the names of a host. */
export const layer = (options?: Options): Layer.Layer<Dns.Dns, never, Dns.Dns | FileSystem.FileSystem> =>
  Layer.effect(Dns.Dns, make(options))
