/** Resolution of the hosts in `--address`; loaded only if there are any. */
import * as Arr from "effect/Array"
import * as Effect from "effect/Effect"
import * as NetAddress from "effect/net/NetAddress"
import * as Result from "effect/Result"
import * as TcpWorkers from "../../../farm/tcp/TcpWorkers.ts"
import * as AddressInfo from "../../../network/names/AddressInfo.ts"
import { UsageError } from "../../common/CliErrors.ts"

/** An unresolved host and service. */
interface HostSpec {
  readonly host: string
  readonly service: string | number
}

const usage = (message: string) => new UsageError({ message: `--address: ${message}` })

/** Parses `HOST[:PORT],...`. */
export const parse = (list: string, port: number) =>
  Effect.mapError(
    Effect.fromResult(Result.all(list.split(",").map((text) => TcpWorkers.parseHost(text.trim(), port)))),
    usage
  )

const isLiteral = ({ host }: HostSpec) => Result.isSuccess(NetAddress.ipFromString(host.replace(/%.*/, "")))

/** Resolves a host name in the address family of the socket. */
const resolve = (place: HostSpec, family: 4 | 6) =>
  Effect.map(
    AddressInfo.getaddrinfo(place.host, place.service, {
      socktype: "dgram",
      family: isLiteral(place) ? undefined : family
    }),
    (found) => {
      const { address } = Arr.headNonEmpty(found)
      return { address: NetAddress.formatHost(address), port: address.port }
    }
  )

const isIpv6 = ({ host }: HostSpec) => host.includes(":")

/** Resolves one host, which must exist now. */
export const resolveOne = (place: HostSpec) =>
  Effect.mapError(resolve(place, isIpv6(place) ? 6 : 4), ({ message }) => usage(message))

/**
 * Returns true for an error that may go away, such as a name that does not exist yet; other errors are typing errors.
 */
const isRetryable = ({ reason }: AddressInfo.AddressInfoError) =>
  reason._tag === "NameNotFound" || reason._tag === "Temporary" || reason._tag === "Failed"

/**
 * Returns an effect that resolves all hosts again at each run. A host that cannot be resolved is logged once and keeps
 * its last address. Fails now for a host that can never be resolved.
 */
export const resolveAll = Effect.fnUntraced(function* (places: ReadonlyArray<HostSpec>) {
  const context = yield* Effect.context<Effect.Services<ReturnType<typeof resolve>>>()
  const family = places.every(isIpv6) ? 6 : 4
  const lastFound = new Map<HostSpec, { readonly address: string; readonly port: number }>()
  const missing = new Set<HostSpec>()
  for (const place of places) {
    const found = yield* Effect.result(resolve(place, family))
    if (Result.isFailure(found) && !isRetryable(found.failure)) return yield* usage(found.failure.message)
  }
  const lookUp = Effect.fnUntraced(function* (place: HostSpec) {
    const found = yield* Effect.result(resolve(place, family))
    if (Result.isSuccess(found)) {
      lastFound.set(place, found.success)
      if (missing.delete(place)) yield* Effect.logInfo(`${place.host} is resolved: ${found.success.address}`)
    } else if (!missing.has(place)) {
      missing.add(place)
      yield* Effect.logWarning(`${place.host} cannot be resolved yet, retrying: ${found.failure.message}`)
    }
    return lastFound.get(place)
  })
  return Effect.forEach(places, lookUp, { concurrency: 8 }).pipe(
    Effect.map((found) => found.filter((one) => one !== undefined)),
    Effect.provideContext(context)
  )
})
