/** How packets get from each peer to all others: one type, whatever the way. */

import type * as Duration from "effect/Duration"
import type * as Effect from "effect/Effect"
import type * as NetAddress from "effect/net/NetAddress"
import type * as Scope from "effect/Scope"
import type * as Endpoint from "../../network/Endpoint.ts"
import type * as Network from "../../network/Network.ts"

/** The port of the course's service; there is none assigned. @category constants @since 0.1.0 */
export const defaultPort = 2066

/** What has been sent. @category models @since 0.1.0 */
export interface Stats {
  /** Datagrams that the network took. */
  readonly sent: number
  /** Datagrams that it did not take. */
  readonly failed: number
  /** Datagrams that came and for which the kernel had no room; undefined where the platform does not tell. */
  readonly dropped: number | undefined
}

/** A way to all peers, open until its scope closes. @category models @since 0.1.0 */
export interface Transport {
  /** For people: `broadcast to 127.255.255.255 port 2066`. */
  readonly label: string
  readonly local: NetAddress.InetAddress
  /**
   * Hands a packet to the network, once for each destination. It never fails: what is not taken is counted,
   * and each destination that begins to fail, or works again, is logged once.
   */
  readonly send: (bytes: Uint8Array) => Effect.Effect<void>
  /** The shortest interval that can be kept, at least the one asked for: milliseconds. */
  readonly effectiveInterval: (interval: number) => number
  readonly stats: Effect.Effect<Stats>
}

/**
 * Opens a transport; `receive` is given each datagram and who sent it first, as it comes, and must not throw. The bytes
 * are its own.
 *
 * @category models
 * @since 0.1.0
 */
export type OpenTransport = (
  receive: (bytes: Uint8Array, from: Endpoint.Endpoint) => void
) => Effect.Effect<Transport, Network.NetworkError, Network.Network | Scope.Scope>

/** What all transports can be told. @category models @since 0.1.0 */
export interface Options {
  /** 1 to 65535. Default 2066. */
  readonly port?: number | undefined
  /** Bytes the kernel is asked to hold for datagrams not yet taken. Default 1 MiB; it may grant less. */
  readonly receiveBuffer?: number | undefined
  /** How often the interfaces of the host are looked at. Default 1 second: one that comes back is soon used again. */
  readonly refresh?: Duration.Input | undefined
}
