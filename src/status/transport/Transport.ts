/**
 * Transport of packets from each peer to all others: the interface of `Broadcast`, `Multicast`, `Mesh` and
 * `RelayClient`.
 */

import type * as Duration from "effect/Duration"
import type * as Effect from "effect/Effect"
import type * as NetAddress from "effect/net/NetAddress"
import type * as Scope from "effect/Scope"
import type * as Endpoint from "../../network/Endpoint.ts"
import type * as Network from "../../network/Network.ts"

/** Default port, that of the course's service; it is not registered with IANA. @category constants @since 0.1.0 */
export const defaultPort = 2066

/** Counters of a transport. @category models @since 0.1.0 */
export interface Stats {
  /** Datagrams accepted by the network. */
  readonly sent: number
  /** Datagrams rejected by the network. */
  readonly failed: number
  /** Datagrams dropped by the kernel's full receive buffer; undefined if the platform does not report it. */
  readonly dropped: number | undefined
}

/** An open transport to all peers, until its scope closes. @category models @since 0.1.0 */
export interface Transport {
  /** Description for people, such as `broadcast to 127.255.255.255 port 2066`. */
  readonly label: string
  readonly local: NetAddress.InetAddress
  /**
   * Sends a packet, once per destination. Never fails: rejected datagrams are counted, and each destination is logged
   * once when it starts to fail and when it works again.
   */
  readonly send: (bytes: Uint8Array) => Effect.Effect<void>
  /** Shortest interval that the transport can keep, at least the requested one, in milliseconds. */
  readonly effectiveInterval: (interval: number) => number
  readonly stats: Effect.Effect<Stats>
}

/**
 * Opens a transport. It calls `receive` with each datagram and its source, in the order of arrival; `receive` owns the
 * bytes and must not throw.
 *
 * @category models
 * @since 0.1.0
 */
export type OpenTransport = (
  receive: (bytes: Uint8Array, from: Endpoint.Endpoint) => void
) => Effect.Effect<Transport, Network.NetworkError, Network.Network | Scope.Scope>

/** Options of all transports. @category models @since 0.1.0 */
export interface Options {
  /** Port, 1 to 65535. Default 2066. */
  readonly port?: number | undefined
  /** Requested size of the kernel's receive buffer in bytes; the kernel may grant less. Default 1 MiB. */
  readonly receiveBuffer?: number | undefined
  /** Time between two looks at the host's interfaces, so that a returning one is used again. Default 1 second. */
  readonly refresh?: Duration.Input | undefined
}
