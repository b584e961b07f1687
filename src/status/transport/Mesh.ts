/**
 * Transport by unicast to each peer. It needs no broadcast, so it works across networks, but all peers must be listed.
 *
 * **Example** (Reach a listed peer on a simulated network)
 *
 * ```ts
 * import * as Effect from "effect/Effect"
 * import * as Exit from "effect/Exit"
 * import { Simulation } from "effect-inet/simulation"
 * import { Mesh } from "effect-inet/status"
 *
 * const program = Simulation.run(Effect.fnUntraced(function* ({ host }) {
 *   const received: Array<string> = []
 *   const [a, b] = [yield* host("a"), yield* host("b")]
 *   const transport = (peer: { readonly address: string }) => Mesh.make({ peers: [peer] })
 *   const sender = yield* Effect.provide(transport(b)(() => {}), a.layer)
 *   const receive = (bytes: Uint8Array) => received.push(new TextDecoder().decode(bytes))
 *   yield* Effect.provide(transport(a)(receive), b.layer)
 *   yield* sender.send(new TextEncoder().encode("hello"))
 *   yield* Effect.sleep("100 millis")
 *   return received
 * }))
 *
 * const { exit } = await Effect.runPromise(program)
 * exit // => Exit.succeed(["hello"])
 * ```
 */

import * as Effect from "effect/Effect"
import * as Latch from "effect/Latch"
import type * as Endpoint from "../../network/Endpoint.ts"
import * as Monotonic from "../../network/Monotonic.ts"
import * as Network from "../../network/Network.ts"
import * as Quantity from "../../network/Quantity.ts"
import * as DestinationLog from "./DestinationLog.ts"
import * as Transport from "./Transport.ts"

/** A peer to send to. @category models @since 0.1.0 */
export interface Destination {
  /** Address, as an IP literal. */
  readonly address: string
  /** Port, 1 to 65535. Default: the port of this transport. */
  readonly port?: number | undefined
}

/** Options of a mesh transport. @category models @since 0.1.0 */
export interface Options extends Transport.Options {
  /** All peers; the list may include this one. An effect is run again once per `refresh`, by default 10 seconds. */
  readonly peers: ReadonlyArray<Destination> | Effect.Effect<ReadonlyArray<Destination>>
  /** Local address, as an IP literal of the peers' family. Default 0.0.0.0, or `::` if all peers are IPv6. */
  readonly host?: string | undefined
  /** Largest send rate. Default 1,000. */
  readonly maxPacketsPerSecond?: number | undefined
}

/** Finest spacing of packets; timers are not more precise. */
const pacingGrainMillis = 5

/**
 * Makes a transport that sends each packet to each peer, paced by `maxPacketsPerSecond`. An unreachable peer is tried
 * again with each packet. `send` does not wait for the pacing: a newer packet replaces one that is still being sent.
 * Closing the scope waits for the last packet, at most as many seconds as peers divided by `maxPacketsPerSecond`.
 *
 * @category constructors
 * @since 0.1.0
 */
export const make = (options: Options): Transport.OpenTransport =>
  Effect.fnUntraced(function* (receive) {
    const { port = Transport.defaultPort, maxPacketsPerSecond = 1_000 } = options
    const network = yield* Network.Network
    const log = DestinationLog.make()
    const listPeers = Effect.isEffect(options.peers) ? options.peers : Effect.succeed(options.peers)

    let peers: ReadonlyArray<Endpoint.Endpoint> = []
    /** Peers to which the current packet has not been sent. */
    let unsent = 0
    const refresh = Effect.map(listPeers, (found) => {
      const all = found.map((one) => ({ address: one.address, port: one.port ?? port }))
      peers = [...new Map(all.map((peer) => [nameOf(peer), peer])).values()]
      unsent = Math.min(unsent, peers.length)
      log.retain(peers.map(nameOf))
    })
    if (Effect.isEffect(options.peers)) yield* DestinationLog.refreshEvery(options.refresh ?? "10 seconds", refresh)
    else yield* refresh

    const isIpv6 = peers.length > 0 && peers.every(({ address }) => address.includes(":"))
    const host = options.host ?? (isIpv6 ? "::" : "0.0.0.0")
    const receiveBuffer = options.receiveBuffer ?? DestinationLog.defaultReceiveBufferBytes
    const socket = yield* network.udp({ host, port, receiveBuffer }, receive)

    const hasUnsent = Latch.makeUnsafe(false)
    const idle = Latch.makeUnsafe(true)
    let packet: Uint8Array = new Uint8Array()
    let nextIndex = 0
    /** Time at which the next packet may be sent. */
    let nextSendAt = 0
    const now = yield* Monotonic.millis
    const sendOne = Effect.gen(function* () {
      yield* hasUnsent.await
      if (unsent === 0) {
        hasUnsent.closeUnsafe()
        idle.openUnsafe()
        return
      }
      const wait = nextSendAt - now()
      if (wait >= pacingGrainMillis) return yield* Effect.sleep(wait)
      // A late timer is compensated by at most one grain.
      nextSendAt = Math.max(nextSendAt, now() - pacingGrainMillis) + 1_000 / maxPacketsPerSecond
      unsent--
      nextIndex = (nextIndex + 1) % peers.length
      const to = peers[nextIndex]!
      yield* log.trySend(nameOf(to), socket.send(packet, to))
    })
    yield* Effect.forkScoped(Effect.forever(sendOne))
    // The last packet is a goodbye, so it is sent before the socket closes.
    yield* Effect.addFinalizer(() => idle.await)

    return {
      label: `mesh of ${Quantity.format(peers.length, "peer")}, port ${port}`,
      local: socket.local,
      send: (bytes) =>
        Effect.sync(() => {
          if (peers.length === 0) return
          packet = bytes
          if (unsent === 0) nextSendAt = Math.max(nextSendAt, now())
          unsent = peers.length
          idle.closeUnsafe()
          hasUnsent.openUnsafe()
        }),
      effectiveInterval: (interval) => Math.max(interval, (peers.length / maxPacketsPerSecond) * 1_000),
      stats: log.stats([socket])
    }
  })

const nameOf = ({ address, port }: Endpoint.Endpoint) => `${address} port ${port}`
