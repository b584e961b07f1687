/**
 * The one door to the network.
 *
 * Every client and server of this package opens its sockets here, so that a program runs unchanged on the host's
 * network, on a simulated one, or on either wrapped by fault injection or packet capture: only the layer differs. The
 * shapes are the classic ones: listen, accept, connect, send, receive.
 */

import * as Context from "effect/Context"
import * as Data from "effect/Data"
import type * as Effect from "effect/Effect"
import type * as IpInterface from "effect/net/IpInterface"
import * as NetAddress from "effect/net/NetAddress"
import type * as Pull from "effect/Pull"
import type * as Scope from "effect/Scope"
import type * as Endpoint from "./Endpoint.ts"

const explanations = {
  AddressInUse: "address already in use",
  AddressNotAvailable: "not an address of this host",
  InvalidAddress: "not a usable address",
  PermissionDenied: "permission denied",
  Refused: "connection refused: nobody listens there",
  Reset: "connection reset by the peer",
  Unreachable: "no route to the host",
  TimedOut: "no answer in time",
  MessageTooLarge: "datagram too large to send in one piece",
  IsConnected: "a connected socket takes no other destination",
  NotConnected: "a socket that is not connected needs a destination",
  NoDescriptors: "too many open files",
  Closed: "the socket is closed",
  Unknown: "the operation failed"
}

/** Why an operation on a socket failed, after the POSIX errors. @category errors @since 0.1.0 */
export type Reason = keyof typeof explanations

/** An operation on a socket failed; `cause` is the platform's own error. @category errors @since 0.1.0 */
export class NetworkError extends Data.TaggedError("NetworkError")<{
  readonly reason: Reason
  /** The address the operation was about: where it listens, or the peer. */
  readonly address?: NetAddress.SocketAddress | undefined
  readonly cause?: unknown
}> {
  override get message(): string {
    const detail =
      (this.reason === "Unknown" || this.reason === "InvalidAddress") && this.cause instanceof Error
        ? this.cause.message
        : explanations[this.reason]
    return this.address === undefined ? detail : `${NetAddress.formatSocketAddress(this.address)}: ${detail}`
  }
}

/** What has passed over a connection, in bytes. @category models @since 0.1.0 */
export interface Traffic {
  readonly received: number
  /** Handed to the kernel. */
  readonly sent: number
  /** Written, but still held here, since the peer does not read. */
  readonly unsent: number
}

/**
 * One end of a stream connection. Closed when the scope that opened it closes.
 *
 * What wraps one names every member: some may live on a prototype, which spreading and destructuring leave behind.
 *
 * @category models
 * @since 0.1.0
 */
export interface Connection {
  readonly local: NetAddress.SocketAddress
  readonly remote: NetAddress.SocketAddress
  /**
   * Waits for bytes and takes all there are; `Done` at the peer's FIN. The chunks are the caller's to change. One fiber
   * pulls at a time.
   */
  readonly pull: Pull.Pull<Uint8Array, NetworkError>
  /**
   * Sends, waiting while the peer does not read. The bytes are the connection's from now on. Fails with `Closed` or
   * `Reset` once nothing can be sent.
   */
  readonly write: (bytes: Uint8Array | string) => Effect.Effect<void, NetworkError>
  /** shutdown(SHUT_WR): sends FIN after what was written; the peer may still send. */
  readonly end: Effect.Effect<void>
  /** shutdown(SHUT_RD): pulls take what has arrived, then `Done`, as if the peer had sent FIN. */
  readonly endRead: Effect.Effect<void>
  /** Sends RST and forgets what was not sent; waiting pulls and writes fail with `Closed`. */
  readonly abort: Effect.Effect<void>
  /** Read without an effect, so that one sweeper can watch a thousand connections and the data path pays nothing. */
  readonly traffic: () => Traffic
}

/** A listening stream socket. @category models @since 0.1.0 */
export interface Listener {
  readonly address: NetAddress.SocketAddress
  /** Takes the next connection; it closes with the scope. */
  readonly accept: Effect.Effect<Connection, NetworkError, Scope.Scope>
}

/** Where to listen: on a TCP port or on a path of the file system. @category models @since 0.1.0 */
export type ListenOptions = TcpListenOptions | UnixListenOptions

/** A TCP port to listen on. @category models @since 0.1.0 */
export interface TcpListenOptions {
  /**
   * An address of this host, as an IP literal. Default 127.0.0.1: the network is let in only when asked for. `::` also
   * takes IPv4.
   */
  readonly host?: string | undefined
  /** 0 to 65535; 0 asks for an ephemeral port. */
  readonly port: number
  /** Connections the kernel holds before they are accepted. Default 511; the kernel has a limit of its own. */
  readonly backlog?: number | undefined
  /** Share the port with other sockets that say so too; the kernel spreads the clients over them. Default false. */
  readonly reusePort?: boolean | undefined
}

/** A path of the file system to listen on. @category models @since 0.1.0 */
export interface UnixListenOptions {
  /**
   * A path; a socket file that a dead server left there is replaced, one in use or another kind of file is not. At most
   * 107 bytes.
   */
  readonly path: string
  readonly backlog?: number | undefined
}

/** A bound UDP socket. @category models @since 0.1.0 */
export interface UdpSocket {
  readonly local: NetAddress.InetAddress
  /**
   * Hands one datagram to the network. It may be lost, doubled or overtaken: the result is only that of the local send.
   * `to` is left out on a connected socket and required on any other.
   */
  readonly send: (bytes: Uint8Array, to?: Endpoint.Endpoint) => Effect.Effect<void, NetworkError>
  /** The same without an effect, for hot paths: a failed send counts as a lost datagram. */
  readonly sendUnsafe: (bytes: Uint8Array, to?: Endpoint.Endpoint) => void
  /**
   * Joins a multicast group, on one interface (IPv4: one of its addresses; IPv6: `%name` or its index) or the system's
   * choice; leaves with the scope.
   */
  readonly join: (group: string, networkInterface?: string) => Effect.Effect<void, NetworkError, Scope.Scope>
  /** Bytes the kernel granted for datagrams not yet taken. */
  readonly receiveBuffer: number
  /** Datagrams the kernel dropped because that buffer was full; undefined where the platform does not tell. */
  readonly dropped: Effect.Effect<number | undefined>
}

/** How a UDP socket is bound. @category models @since 0.1.0 */
export interface UdpOptions {
  /** An IP literal; it also chooses the family. Default 127.0.0.1. */
  readonly host?: string | undefined
  /** Default 0, an ephemeral port. */
  readonly port?: number | undefined
  /** The only peer to send to and to hear from; refusals (ICMP port unreachable) are then reported. */
  readonly remote?: Endpoint.Endpoint | undefined
  /** Allow sending to broadcast addresses. Default false. */
  readonly broadcast?: boolean | undefined
  /** Let several sockets bind the same port; each gets every broadcast and multicast datagram. Default false. */
  readonly reuseAddress?: boolean | undefined
  /** Let several sockets bind the same port and share its unicast datagrams, by sender. Default false. */
  readonly reusePort?: boolean | undefined
  /** Kernel buffers in bytes; the kernel may grant less. Default: the system's. */
  readonly receiveBuffer?: number | undefined
  readonly sendBuffer?: number | undefined
  /** How multicast is sent. */
  readonly multicast?: MulticastOptions | undefined
}

/** How a UDP socket sends multicast. @category models @since 0.1.0 */
export interface MulticastOptions {
  /** Hops, 0 to 255. Default 1: the own link. */
  readonly ttl?: number | undefined
  /** The outgoing interface, named as in `join`. Default: the system's choice. */
  readonly interface?: string | undefined
  /** Whether this host hears itself. Default true. */
  readonly loopback?: boolean | undefined
}

/** An address of a network interface. @category models @since 0.1.0 */
export interface Interface {
  readonly name: string
  readonly address: IpInterface.IpInterface
  /** Where a directed broadcast goes; IPv4 only. */
  readonly broadcast?: NetAddress.Ipv4Address | undefined
  /** The zone of a link-local IPv6 address; 0 otherwise. */
  readonly scopeId: number
  readonly loopback: boolean
  readonly mac: string
}

/** The network a program runs on. @category services @since 0.1.0 */
export class Network extends Context.Service<
  Network,
  {
    readonly listen: (options: ListenOptions) => Effect.Effect<Listener, NetworkError, Scope.Scope>
    readonly connect: (remote: NetAddress.SocketAddress) => Effect.Effect<Connection, NetworkError, Scope.Scope>
    /**
     * Binds a UDP socket. `onDatagram` runs for each datagram as it arrives and owns its bytes; `onError` for each
     * error the network reports later.
     */
    readonly udp: (
      options: UdpOptions,
      onDatagram: (bytes: Uint8Array, from: Endpoint.Endpoint) => void,
      onError?: (error: NetworkError) => void
    ) => Effect.Effect<UdpSocket, NetworkError, Scope.Scope>
    /** The addresses of this host, loopback included. */
    readonly interfaces: Effect.Effect<ReadonlyArray<Interface>>
    /**
     * How many more sockets may be opened; a reserve for files, name look-ups and logs is already taken off. Infinity
     * where there is no limit.
     */
    readonly availableSockets: () => number
  }
>()("effect-inet/network/Network") {}
