/** One datagram to all peers of a network at once: the way of the course. */

import * as Effect from "effect/Effect"
import * as NetAddress from "effect/net/NetAddress"
import * as Endpoint from "../../network/Endpoint.ts"
import * as Network from "../../network/Network.ts"
import * as DestinationLog from "./DestinationLog.ts"
import * as Transport from "./Transport.ts"

/** @category models @since 0.1.0 */
export interface Options extends Transport.Options {
  /**
   * Where to send, as IPv4 literals: exactly there. If all are loopback addresses, nothing of the network is heard.
   * Default: 255.255.255.255, which leaves by one interface that the kernel chooses, so also the directed broadcast of
   * each interface if there are several; and 127.255.255.255 on a host that has no network.
   */
  readonly addresses?: ReadonlyArray<string> | undefined
}

const limited = "255.255.255.255"

/** All of this machine who broadcast, and nobody else. @category constants @since 0.1.0 */
export const loopback = "127.255.255.255"

interface Destinations {
  readonly addresses: ReadonlyArray<string>
  /** Where to send instead if one of them fails. */
  readonly instead: ReadonlyArray<string>
}

/** Without a default route no system sends to the limited broadcast, though it does to the directed one. */
const destinationsOf = (interfaces: ReadonlyArray<Network.Interface>): Destinations => {
  const directed = new Set(
    interfaces.flatMap(({ broadcast, loopback }) =>
      loopback || broadcast === undefined ? [] : NetAddress.formatIp(broadcast)
    )
  )
  if (directed.size === 0) return { addresses: [loopback], instead: [] }
  return directed.size === 1
    ? { addresses: [limited], instead: [...directed] }
    : { addresses: [limited, ...directed], instead: [] }
}

const literal = (text: string) =>
  Effect.mapBoth(Effect.fromResult(NetAddress.ipv4FromString(text)), {
    onSuccess: NetAddress.formatIp,
    onFailure: () =>
      new Network.NetworkError({
        reason: "InvalidAddress",
        cause: new Error(`${text} is no IPv4 address to broadcast to, such as ${limited} or ${loopback}`)
      })
  })

/**
 * Sends each packet to all hosts of the networks this host is on, itself included: one datagram for each address. The
 * socket is bound to 0.0.0.0, or to the loopback address it sends to, and shares its port with other peers of the host.
 *
 * @category constructors
 * @since 0.1.0
 */
export const make = (options: Options = {}): Transport.Open =>
  Effect.fnUntraced(function* (receive) {
    const { port = Transport.defaultPort, receiveBuffer = DestinationLog.defaultBuffer } = options
    const network = yield* Network.Network
    const given = [...new Set(yield* Effect.forEach(options.addresses ?? [], literal))]
    // A socket bound to a broadcast address hears only what is sent to it; the kernel chooses the source.
    const hosts = given.length > 0 && given.every(Endpoint.isLoopback) ? given : ["0.0.0.0"]
    const sockets = yield* Effect.forEach(hosts, (host) =>
      network.udp({ host, port, receiveBuffer, broadcast: true, reuseAddress: true }, receive)
    )
    const own = new Map(sockets.map((socket, at) => [hosts[at]!, socket]))
    const record = DestinationLog.make()
    let destinations: Destinations = { addresses: given, instead: [] }
    const look = Effect.map(network.interfaces, (interfaces) => {
      destinations = destinationsOf(interfaces)
      record.keep([...destinations.addresses, ...destinations.instead].map(nameOf))
    })
    if (given.length === 0) yield* DestinationLog.follow(options.refresh, look)
    const sendTo = (bytes: Uint8Array, addresses: ReadonlyArray<string>) =>
      Effect.forEach(addresses, (address) =>
        record.post(nameOf(address), (own.get(address) ?? sockets[0]!).send(bytes, { address, port }))
      )
    return {
      label: `broadcast to ${destinations.addresses.join(", ")} port ${port}`,
      local: sockets[0]!.local,
      send: Effect.fnUntraced(function* (bytes) {
        const { addresses, instead } = destinations
        const taken = yield* sendTo(bytes, addresses)
        if (taken.includes(false)) yield* sendTo(bytes, instead)
      }),
      pace: (interval) => interval,
      stats: record.stats(sockets)
    }
  })

const nameOf = (address: string) => `broadcast to ${address}`
