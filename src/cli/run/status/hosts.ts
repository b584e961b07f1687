/** Hosts of a status service by name; loaded only where there are some to find. */
import * as Arr from "effect/Array"
import * as Effect from "effect/Effect"
import * as NetAddress from "effect/net/NetAddress"
import * as Result from "effect/Result"
import * as TcpWorkers from "../../../farm/tcp/TcpWorkers.ts"
import * as AddressInfo from "../../../network/names/AddressInfo.ts"
import { UsageError } from "../../common/Shutdown.ts"

/** A host and a service, neither of them looked up yet. */
interface Place {
  readonly host: string
  readonly service: string | number
}

const usage = (message: string) => new UsageError({ message: `--address: ${message}` })

/** `HOST[:PORT],...` as places. */
export const parse = (list: string, port: number) =>
  Effect.mapError(
    Effect.fromResult(Result.all(list.split(",").map((text) => TcpWorkers.parse(text.trim(), port)))),
    usage
  )

const isLiteral = ({ host }: Place) => Result.isSuccess(NetAddress.ipFromString(host.replace(/%.*/, "")))

/** A name is looked up in the family that the socket has. */
const find = (place: Place, family: 4 | 6) =>
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

const isIpv6 = ({ host }: Place) => host.includes(":")

/** One of them, which must be there. */
export const one = (place: Place) =>
  Effect.mapError(find(place, isIpv6(place) ? 6 : 4), ({ message }) => usage(message))

/** What may be there later, or is for the network to say; all else is wrong as it is written. */
const isLater = ({ reason }: AddressInfo.AddressInfoError) =>
  reason._tag === "NameNotFound" || reason._tag === "Temporary" || reason._tag === "Failed"

/**
 * All of them, anew each time; one that is not found now is told once, and stays where it was. Fails for those that
 * never can be found.
 */
export const all = Effect.fnUntraced(function* (places: ReadonlyArray<Place>) {
  const context = yield* Effect.context<Effect.Services<ReturnType<typeof find>>>()
  const family = places.every(isIpv6) ? 6 : 4
  const known = new Map<Place, { readonly address: string; readonly port: number }>()
  const missing = new Set<Place>()
  for (const place of places) {
    const found = yield* Effect.result(find(place, family))
    if (Result.isFailure(found) && !isLater(found.failure)) return yield* usage(found.failure.message)
  }
  const look = Effect.fnUntraced(function* (place: Place) {
    const found = yield* Effect.result(find(place, family))
    if (Result.isSuccess(found)) {
      missing.delete(place)
      known.set(place, found.success)
    } else if (!missing.has(place)) {
      missing.add(place)
      yield* Effect.logWarning(`${place.host}: asked again and again: ${found.failure.message}`)
    }
    return known.get(place)
  })
  return Effect.forEach(places, look, { concurrency: 8 }).pipe(
    Effect.map((found) => found.filter((one) => one !== undefined)),
    Effect.provideContext(context)
  )
})
