/** Each peer sends to each: no broadcast is needed, so it works across networks, but all must be named. */

import * as Effect from "effect/Effect"
import * as Latch from "effect/Latch"
import type * as Endpoint from "../../network/Endpoint.ts"
import * as Monotonic from "../../network/Monotonic.ts"
import * as Network from "../../network/Network.ts"
import * as DestinationLog from "./DestinationLog.ts"
import * as Transport from "./Transport.ts"

/** Whom to send to. @category models @since 0.1.0 */
export interface Destination {
  /** An IP literal. */
  readonly address: string
  /** Default: the transport's own port. */
  readonly port?: number | undefined
}

/** @category models @since 0.1.0 */
export interface Options extends Transport.Options {
  /** All peers; oneself among them does no harm. An effect is asked anew at each `refresh`, by default 10 seconds. */
  readonly peers: ReadonlyArray<Destination> | Effect.Effect<ReadonlyArray<Destination>>
  /** Where to listen, as an IP literal of the peers' family. Default 0.0.0.0, or `::` if all peers are IPv6. */
  readonly host?: string | undefined
  /** Packets a second at most. Default 1,000. */
  readonly maxPacketsPerSecond?: number | undefined
}

/** Packets are not spread more finely than this: milliseconds. */
const pacingGrainMillis = 5

/**
 * Sends each packet to each peer, spread over as much time as `rate` asks for. Whoever cannot be reached is tried again
 * with each packet. `send` does not wait for that: a newer packet takes the place of one that is still under way, and
 * the scope closes when the last one is out, after peers/rate seconds at most.
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
    /** How many of them the packet has not been sent to. */
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
    /** When the next packet may go. */
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
      // A timer that was late may be made up for, but not more.
      nextSendAt = Math.max(nextSendAt, now() - pacingGrainMillis) + 1_000 / maxPacketsPerSecond
      unsent--
      nextIndex = (nextIndex + 1) % peers.length
      const to = peers[nextIndex]!
      yield* log.trySend(nameOf(to), socket.send(packet, to))
    })
    yield* Effect.forkScoped(Effect.forever(sendOne))
    // The last packet is a goodbye.
    yield* Effect.addFinalizer(() => idle.await)

    return {
      label: `mesh of ${peers.length} peers, port ${port}`,
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
