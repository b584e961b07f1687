/** One datagram to all who have joined a group, on every interface of the host. */

import * as Effect from "effect/Effect"
import * as Exit from "effect/Exit"
import * as NetAddress from "effect/net/NetAddress"
import * as Result from "effect/Result"
import * as Scope from "effect/Scope"
import * as Endpoint from "../../network/Endpoint.ts"
import * as Network from "../../network/Network.ts"
import * as DestinationLog from "./DestinationLog.ts"
import * as Transport from "./Transport.ts"

/** A group of the block for private use (RFC 2365). @category constants @since 0.1.0 */
export const defaultGroup = "239.255.20.66"

/** @category models @since 0.1.0 */
export interface Options extends Transport.Options {
  /** An IPv4 or IPv6 literal; it also chooses the family. Default 239.255.20.66. */
  readonly group?: string | undefined
  /** Hops, 0 to 255. Default 1: the own link. */
  readonly ttl?: number | undefined
  /** Names or addresses. Default: all with an address of the family, and loopback only if there are no others. */
  readonly interfaces?: ReadonlyArray<string> | undefined
}

/** An interface the group is joined on and sent through. */
interface Way {
  /** For people. */
  readonly name: string
  readonly scope: Scope.Closeable
  readonly socket: Result.Result<Network.UdpSocket, Network.NetworkError>
}

/** The interfaces as `join` names them, by names for people; undefined for one that the host does not have now. */
const wantedOf = (
  interfaces: ReadonlyArray<Network.Interface>,
  family: NetAddress.IpFamily,
  asked: ReadonlyArray<string> | undefined
): ReadonlyMap<string, string | undefined> => {
  const usable = interfaces
    .filter(({ address }) => NetAddress.familyOf(address.address) === family)
    .map(({ address: { address }, loopback, name }) => ({
      name,
      loopback,
      literal: NetAddress.formatIp(address),
      through: family === "IPv4" ? NetAddress.formatIp(address) : `%${name}`
    }))
  if (asked !== undefined) {
    const found = (text: string) => usable.find(({ literal, name }) => text === name || text === literal)?.through
    return new Map(asked.map((text) => [text, found(text)]))
  }
  const outer = usable.filter(({ loopback }) => !loopback)
  // The first address of each: a datagram goes out once.
  return new Map((outer.length > 0 ? outer : usable).map(({ name, through }) => [name, through] as const).reverse())
}

const absent = new Network.NetworkError({ reason: "AddressNotAvailable" })

/**
 * Sends each packet to a group, on each interface by itself: the kernel would choose one. Several peers of a host share
 * the port. An interface that fails is opened anew at the next look.
 *
 * @category constructors
 * @since 0.1.0
 */
export const make = (options: Options = {}): Transport.Open =>
  Effect.fnUntraced(function* (receive) {
    const { group = defaultGroup, port = Transport.defaultPort, ttl = 1 } = options
    const network = yield* Network.Network
    const scope = yield* Effect.scope
    const parsed = NetAddress.ipFromString(Endpoint.withoutZone(group))
    if (Result.isFailure(parsed) || !NetAddress.isMulticast(parsed.success)) {
      return yield* new Network.NetworkError({
        reason: "InvalidAddress",
        cause: new Error(`${group} is no multicast group, such as ${defaultGroup} or ff02::2066`)
      })
    }
    const family = NetAddress.familyOf(parsed.success)
    const host = family === "IPv4" ? "0.0.0.0" : "::"
    const receiveBuffer = options.receiveBuffer ?? DestinationLog.defaultBuffer
    const ear = yield* network.udp({ host, port, receiveBuffer, reuseAddress: true }, receive)
    const record = DestinationLog.make()
    const ways = new Map<string, Way>()
    const nameOf = (name: string) => `multicast to ${group} on ${name}`

    /** The kernel may still count as a member whom an interface that went away has taken along. */
    const join = (through: string) =>
      Effect.catchIf(
        ear.join(group, through),
        ({ reason }) => reason === "AddressInUse",
        () => Effect.void
      )
    const open = Effect.fnUntraced(function* (name: string, through: string | undefined) {
      const own = yield* Scope.fork(scope)
      const opened =
        through === undefined
          ? Effect.fail(absent)
          : Effect.andThen(join(through), network.udp({ host, multicast: { ttl, interface: through } }, ignored))
      const socket = yield* Effect.result(Scope.provide(opened, own))
      ways.set(`${name} ${through}`, { name: nameOf(name), scope: own, socket })
      if (Result.isFailure(socket)) yield* record.tell(nameOf(name), socket.failure.message)
    })
    const look = Effect.gen(function* () {
      const wanted = wantedOf(yield* network.interfaces, family, options.interfaces)
      const names = new Map([...wanted].map(([name, through]) => [`${name} ${through}`, { name, through }]))
      for (const [key, way] of ways) {
        if (names.has(key) && !record.isFailing(way.name)) continue
        ways.delete(key)
        yield* Scope.close(way.scope, Exit.void)
      }
      record.keep([...wanted.keys()].map(nameOf))
      for (const [key, { name, through }] of names) if (!ways.has(key)) yield* open(name, through)
    })
    yield* DestinationLog.follow(options.refresh, look)

    return {
      label: `multicast to ${group} port ${port}`,
      local: ear.local,
      send: (bytes) =>
        Effect.forEach(
          [...ways.values()],
          ({ name, socket }) =>
            record.post(
              name,
              Effect.flatMap(Effect.fromResult(socket), ({ send }) => send(bytes, { address: group, port }))
            ),
          { discard: true }
        ),
      pace: (interval) => interval,
      stats: Effect.suspend(() => record.stats([ear]))
    }
  })

const ignored = () => {}
