/**
 * Transport by IPv4 broadcast, as in the course: one datagram reaches all peers of a network.
 *
 * **Example** (Broadcast on a simulated network)
 *
 * ```ts
 * import * as Effect from "effect/Effect"
 * import * as Exit from "effect/Exit"
 * import { Simulation } from "effect-inet/simulation"
 * import { Broadcast } from "effect-inet/status"
 *
 * const program = Simulation.run(Effect.fnUntraced(function* ({ host }) {
 *   const received: Array<string> = []
 *   const receive = (at: string) => (bytes: Uint8Array) => received.push(`${at}: ${new TextDecoder().decode(bytes)}`)
 *   const open = (name: string) => Broadcast.make()(receive(name))
 *   const sender = yield* Effect.provide(open("a"), (yield* host("a")).layer)
 *   yield* Effect.provide(open("b"), (yield* host("b")).layer)
 *   yield* sender.send(new TextEncoder().encode("hello"))
 *   yield* Effect.sleep("100 millis")
 *   return received.sort()
 * }))
 *
 * const { exit } = await Effect.runPromise(program)
 * exit // => Exit.succeed(["a: hello", "b: hello"])
 * ```
 */

import * as Effect from "effect/Effect"
import * as NetAddress from "effect/net/NetAddress"
import * as Endpoint from "../../network/Endpoint.ts"
import * as Network from "../../network/Network.ts"
import * as DestinationLog from "./DestinationLog.ts"
import * as Transport from "./Transport.ts"

/** Options of a broadcast transport. @category models @since 0.1.0 */
export interface Options extends Transport.Options {
  /**
   * Destinations, as IPv4 literals. With loopback addresses only, nothing from the network is received. Default:
   * 255.255.255.255, which leaves through one interface that the kernel chooses; on a host with several networks, also
   * the directed broadcast address of each interface. On a host without a network: 127.255.255.255.
   */
  readonly addresses?: ReadonlyArray<string> | undefined
}

const limitedBroadcast = "255.255.255.255"

/** Broadcast address of this machine: reaches its own peers only. @category constants @since 0.1.0 */
export const loopback = "127.255.255.255"

interface Destinations {
  readonly addresses: ReadonlyArray<string>
  /** Destinations to use if one of `addresses` fails. */
  readonly fallback: ReadonlyArray<string>
}

/** Without a default route, no system sends to the limited broadcast address, but all send to a directed one. */
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
        cause: new Error(`${text} is not an IPv4 broadcast address, such as ${limitedBroadcast} or ${loopback}`)
      })
  })

/**
 * Makes a transport that sends each packet to all hosts of the own networks, this host included: one datagram per
 * address. The socket is bound to 0.0.0.0, or to the loopback address it sends to, and shares its port with other peers
 * of the host. Fails with `InvalidAddress` for an address that is not an IPv4 literal.
 *
 * @category constructors
 * @since 0.1.0
 */
export const make = (options: Options = {}): Transport.OpenTransport =>
  Effect.fnUntraced(function* (receive) {
    const { port = Transport.defaultPort, receiveBuffer = DestinationLog.defaultReceiveBufferBytes } = options
    const network = yield* Network.Network
    const explicit = [...new Set(yield* Effect.forEach(options.addresses ?? [], parseAddress))]
    // A socket bound to a broadcast address receives only datagrams sent to that address; the kernel chooses the
    // source.
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
