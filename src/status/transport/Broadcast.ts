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

const limitedBroadcast = "255.255.255.255"

/** All of this machine who broadcast, and nobody else. @category constants @since 0.1.0 */
export const loopback = "127.255.255.255"

interface Destinations {
  readonly addresses: ReadonlyArray<string>
  /** Where to send instead if one of them fails. */
  readonly fallback: ReadonlyArray<string>
}

/** Without a default route no system sends to the limited broadcast, though it does to the directed one. */
const destinationsOf = (interfaces: ReadonlyArray<Network.Interface>): Destinations => {
  const directed = new Set(
    interfaces.flatMap(({ broadcast, loopback }) =>
      loopback || broadcast === undefined ? [] : NetAddress.formatIp(broadcast)
    )
  )
  if (directed.size === 0) return { addresses: [loopback], fallback: [] }
  return directed.size === 1
    ? { addresses: [limitedBroadcast], fallback: [...directed] }
    : { addresses: [limitedBroadcast, ...directed], fallback: [] }
}

const parseAddress = (text: string) =>
  Effect.mapBoth(Effect.fromResult(NetAddress.ipv4FromString(text)), {
    onSuccess: NetAddress.formatIp,
    onFailure: () =>
      new Network.NetworkError({
        reason: "InvalidAddress",
        cause: new Error(`${text} is no IPv4 address to broadcast to, such as ${limitedBroadcast} or ${loopback}`)
      })
  })

/**
 * Sends each packet to all hosts of the networks this host is on, itself included: one datagram for each address. The
 * socket is bound to 0.0.0.0, or to the loopback address it sends to, and shares its port with other peers of the host.
 *
 * @category constructors
 * @since 0.1.0
 */
export const make = (options: Options = {}): Transport.OpenTransport =>
  Effect.fnUntraced(function* (receive) {
    const { port = Transport.defaultPort, receiveBuffer = DestinationLog.defaultReceiveBufferBytes } = options
    const network = yield* Network.Network
    const explicit = [...new Set(yield* Effect.forEach(options.addresses ?? [], parseAddress))]
    // A socket bound to a broadcast address hears only what is sent to it; the kernel chooses the source.
    const hosts = explicit.length > 0 && explicit.every(Endpoint.isLoopback) ? explicit : ["0.0.0.0"]
    const sockets = yield* Effect.forEach(hosts, (host) =>
      network.udp({ host, port, receiveBuffer, broadcast: true, reuseAddress: true }, receive)
    )
    const socketOf = new Map(sockets.map((socket, at) => [hosts[at]!, socket]))
    const log = DestinationLog.make()
    let destinations: Destinations = { addresses: explicit, fallback: [] }
    const refresh = Effect.map(network.interfaces, (interfaces) => {
      destinations = destinationsOf(interfaces)
      log.retain([...destinations.addresses, ...destinations.fallback].map(nameOf))
    })
    if (explicit.length === 0) yield* DestinationLog.refreshEvery(options.refresh, refresh)
    const sendToAll = (bytes: Uint8Array, addresses: ReadonlyArray<string>) =>
      Effect.forEach(addresses, (address) =>
        log.trySend(nameOf(address), (socketOf.get(address) ?? sockets[0]!).send(bytes, { address, port }))
      )
    return {
      label: `broadcast to ${destinations.addresses.join(", ")} port ${port}`,
      local: sockets[0]!.local,
      send: Effect.fnUntraced(function* (bytes) {
        const { addresses, fallback } = destinations
        const accepted = yield* sendToAll(bytes, addresses)
        if (accepted.includes(false)) yield* sendToAll(bytes, fallback)
      }),
      effectiveInterval: (interval) => interval,
      stats: log.stats(sockets)
    }
  })

const nameOf = (address: string) => `broadcast to ${address}`
