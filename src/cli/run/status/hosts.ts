/** Hosts of a status service by name; loaded only where there are some to find. */
import * as Arr from "effect/Array"
import * as Effect from "effect/Effect"
import * as NetAddress from "effect/net/NetAddress"
import * as Result from "effect/Result"
import * as TcpWorkers from "../../../farm/tcp/TcpWorkers.ts"
import * as AddressInfo from "../../../network/names/AddressInfo.ts"
import { UsageError } from "../../common/CliErrors.ts"

/** A host and a service, neither of them looked up yet. */
interface HostSpec {
  readonly host: string
  readonly service: string | number
}

const usage = (message: string) => new UsageError({ message: `--address: ${message}` })

/** `HOST[:PORT],...` as places. */
export const parse = (list: string, port: number) =>
  Effect.mapError(
    Effect.fromResult(Result.all(list.split(",").map((text) => TcpWorkers.parseHost(text.trim(), port)))),
    usage
  )

const isLiteral = ({ host }: HostSpec) => Result.isSuccess(NetAddress.ipFromString(host.replace(/%.*/, "")))

/** A name is looked up in the family that the socket has. */
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

/** One of them, which must be there. */
export const resolveOne = (place: HostSpec) =>
  Effect.mapError(resolve(place, isIpv6(place) ? 6 : 4), ({ message }) => usage(message))

/** What may be there later, or is for the network to say; all else is wrong as it is written. */
const isRetryable = ({ reason }: AddressInfo.AddressInfoError) =>
  reason._tag === "NameNotFound" || reason._tag === "Temporary" || reason._tag === "Failed"

/**
 * All of them, anew each time; one that is not found now is told once, and stays where it was. Fails for those that
 * never can be found.
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
      missing.delete(place)
      lastFound.set(place, found.success)
    } else if (!missing.has(place)) {
      missing.add(place)
      yield* Effect.logWarning(`${place.host}: asked again and again: ${found.failure.message}`)
    }
    return lastFound.get(place)
  })
  return Effect.forEach(places, lookUp, { concurrency: 8 }).pipe(
    Effect.map((found) => found.filter((one) => one !== undefined)),
    Effect.provideContext(context)
  )
})
