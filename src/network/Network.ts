/**
 * The `Network` service: all sockets are opened through it.
 *
 * A program that requires `Network` runs unchanged on the host's network, on a simulated one, or on either wrapped by
 * fault injection or packet capture: only the layer differs. The operations are the classic ones: listen, accept,
 * connect, send, receive.
 *
 * **Example** (Listening and connecting on the host's network)
 *
 * ```ts
 * import * as Effect from "effect/Effect"
 * import { Network, NodeNetwork } from "effect-inet/network"
 *
 * const program = Effect.gen(function* () {
 *   const network = yield* Network.Network
 *   const listener = yield* network.listen({ port: 0 })
 *   const client = yield* network.connect(listener.address)
 *   const server = yield* listener.accept
 *   yield* client.write("hello")
 *   const bytes = yield* server.pull
 *   new TextDecoder().decode(bytes) // => "hello"
 * })
 *
 * await Effect.runPromise(program.pipe(Effect.scoped, Effect.provide(NodeNetwork.layer)))
 * ```
 */

import * as Context from "effect/Context"
import * as Data from "effect/Data"
import type * as Duration from "effect/Duration"
import type * as Effect from "effect/Effect"
import type * as IpInterface from "effect/net/IpInterface"
import * as NetAddress from "effect/net/NetAddress"
import type * as Pull from "effect/Pull"
import type * as Scope from "effect/Scope"
import type * as Endpoint from "./Endpoint.ts"
import * as SystemErrorText from "./SystemErrorText.ts"

const explanations = {
  AddressInUse: "address already in use",
  AddressNotAvailable: "not an address of this host",
  InvalidAddress: "invalid address",
  PermissionDenied: "permission denied",
  Refused: "connection refused: nothing is listening on that port",
  Reset: "connection reset by the peer",
  Unreachable: "no route to the host",
  TimedOut: "timed out: no answer",
  MessageTooLarge: "datagram too large",
  IsConnected: "the socket is connected: leave the destination out",
  NotConnected: "the socket is not connected: give a destination",
  NoDescriptors: "too many open files",
  Closed: "the socket is closed",
  Unknown: "the operation failed"
}

/** Reason for the failure of a socket operation, named after the POSIX errors. @category errors @since 0.1.0 */
export type Reason = keyof typeof explanations

/** Reasons that the message of the cause describes. */
const ownTexts: ReadonlySet<Reason> = new Set<Reason>(["Unknown", "InvalidAddress", "NoDescriptors"])

/** Failure of a socket operation; `cause` is the platform's own error. @category errors @since 0.1.0 */
export class NetworkError extends Data.TaggedError("NetworkError")<{
  readonly reason: Reason
  /** The local address of a listen or bind, else the remote address. */
  readonly address?: NetAddress.SocketAddress | undefined
  readonly cause?: unknown
  /** The whole message, with a fix, where the platform knows more than the reason. */
  readonly text?: string | undefined
}> {
  /** The reason as text, without the address. */
  get detail(): string {
    return ownTexts.has(this.reason) && this.cause instanceof Error
      ? SystemErrorText.format(this.cause)
      : explanations[this.reason]
  }
  override get message(): string {
    if (this.text !== undefined) return this.text
    return this.address === undefined ? this.detail : `${NetAddress.formatSocketAddress(this.address)}: ${this.detail}`
  }
}

/** Byte counters of a connection. @category models @since 0.1.0 */
export interface Traffic {
  readonly received: number
  /** Bytes handed to the kernel. */
  readonly sent: number
  /** Bytes written but not yet taken by the kernel, because the peer does not read. */
  readonly unsent: number
}

/**
 * One end of a stream connection, closed when the scope that opened it closes.
 *
 * A wrapper must name every member: some may live on a prototype, which spreading and destructuring leave behind.
 *
 * @category models
 * @since 0.1.0
 */
export interface Connection {
  readonly local: NetAddress.SocketAddress
  readonly remote: NetAddress.SocketAddress
  /**
   * Waits for bytes and returns all that have arrived; `Done` at the peer's FIN. The caller owns the chunk and may
   * change it. Only one fiber may pull at a time.
   */
  readonly pull: Pull.Pull<Uint8Array, NetworkError>
  /**
   * Sends bytes, and waits while the peer does not read. The connection owns the bytes from then on. Fails with
   * `Closed` or `Reset` once nothing can be sent.
   */
  readonly write: (bytes: Uint8Array | string) => Effect.Effect<void, NetworkError>
  /** Sends FIN after the bytes already written, as `shutdown(SHUT_WR)`; the peer may still send. */
  readonly end: Effect.Effect<void>
  /**
   * Ends the input, as `shutdown(SHUT_RD)`: pulls return what has arrived, then `Done`, as if the peer had sent FIN. A
   * peer that sends more than the buffers hold waits until this end closes.
   */
  readonly endRead: Effect.Effect<void>
  /** Sends RST and discards unsent bytes; waiting pulls and writes fail with `Closed`. */
  readonly abort: Effect.Effect<void>
  /**
   * Returns the counters without an effect, so that one sweeper can watch a thousand connections at no cost to the data
   * path.
   */
  readonly traffic: () => Traffic
  /** Services that the network knows of the connection, such as its socket or its number elsewhere. Usually empty. */
  readonly context: Context.Context<never>
}

/**
 * Number of a connection in its context, from a network that numbers the connections of several servers. Default: none;
 * a server then counts its connections.
 *
 * @category services
 * @since 0.1.0
 */
export const ConnectionNumber: Context.Reference<number | undefined> = Context.Reference<number | undefined>(
  "effect-inet/network/ConnectionNumber",
  { defaultValue: () => undefined }
)

/** Returns the connection with services added to its context. @category combinators @since 0.1.0 */
export const withContext = (connection: Connection, context: Context.Context<never>): Connection => ({
  local: connection.local,
  remote: connection.remote,
  pull: connection.pull,
  write: (bytes) => connection.write(bytes),
  end: connection.end,
  endRead: connection.endRead,
  abort: connection.abort,
  traffic: () => connection.traffic(),
  context: Context.merge(connection.context, context)
})

/** A listening stream socket. @category models @since 0.1.0 */
export interface Listener {
  readonly address: NetAddress.SocketAddress
  /**
   * Accepts the next connection, which closes with the scope. Fails with `NoDescriptors`, and the address of the
   * client, for each connection that was closed because the process cannot open more files.
   */
  readonly accept: Effect.Effect<Connection, NetworkError, Scope.Scope>
}

/** Address to listen on: a TCP port or a path of the file system. @category models @since 0.1.0 */
export type ListenOptions = TcpListenOptions | UnixListenOptions

/** Options for listening on a TCP port. @category models @since 0.1.0 */
export interface TcpListenOptions {
  /**
   * An address of this host, as an IP literal. Default 127.0.0.1: other hosts can connect only if asked for. `::` also
   * accepts IPv4.
   */
  readonly host?: string | undefined
  /** 0 to 65535; 0 selects an ephemeral port. */
  readonly port: number
  /**
   * Number of connections the kernel queues before they are accepted. Default 511, for a `TcpServer` at least its
   * `maxConnections`; the kernel has its own upper limit, and a log line says if that is less.
   */
  readonly backlog?: number | undefined
  /** Time without traffic after which TCP probes if the peer still exists, at least 1 second. Default: never. */
  readonly keepAlive?: Duration.Input | undefined
  /**
   * Shares the port with other sockets that set this option; the kernel distributes the clients over them. Default
   * false.
   */
  readonly reusePort?: boolean | undefined
}

/** Options for listening on a path of the file system. @category models @since 0.1.0 */
export interface UnixListenOptions {
  /**
   * Path of at most 107 bytes. A socket file left there by a dead server is replaced; a socket in use or another kind
   * of file is not.
   */
  readonly path: string
  /** As for a TCP port. */
  readonly backlog?: number | undefined
  /** Permissions of the socket file, such as 0o660: who may connect. Default: those that the umask leaves. */
  readonly mode?: number | undefined
  /** Owner of the socket file. Default: the user and the group of this process. */
  readonly owner?: { readonly uid: number; readonly gid: number } | undefined
}

/** A bound UDP socket. @category models @since 0.1.0 */
export interface UdpSocket {
  readonly local: NetAddress.InetAddress
  /**
   * Hands one datagram to the network, where it may be lost, duplicated or reordered. The result is that of the local
   * send only. `to` must be left out on a connected socket and is required on any other.
   */
  readonly send: (bytes: Uint8Array, to?: Endpoint.Endpoint) => Effect.Effect<void, NetworkError>
  /** Sends without an effect, for hot paths: a failed send counts as a lost datagram. */
  readonly sendUnsafe: (bytes: Uint8Array, to?: Endpoint.Endpoint) => void
  /**
   * Joins a multicast group until the scope closes.
   *
   * The interface is given as one of its addresses (IPv4), or as `%name` or its index (IPv6). Default: the system's
   * choice.
   */
  readonly join: (group: string, networkInterface?: string) => Effect.Effect<void, NetworkError, Scope.Scope>
  /** Size in bytes of the receive buffer that the kernel granted. */
  readonly receiveBuffer: number
  /**
   * Number of datagrams the kernel dropped because that buffer was full; undefined where the platform does not report
   * it.
   */
  readonly dropped: Effect.Effect<number | undefined>
}

/** Options for binding a UDP socket. @category models @since 0.1.0 */
export interface UdpOptions {
  /** IP literal to bind, which also selects the family. Default 127.0.0.1. */
  readonly host?: string | undefined
  /** Port to bind. Default 0: an ephemeral port that no other socket has, even if this one lets others share it. */
  readonly port?: number | undefined
  /**
   * Connects the socket: it sends to and receives from this peer only, and reports refusals (ICMP port unreachable).
   */
  readonly remote?: Endpoint.Endpoint | undefined
  /** Allows sending to broadcast addresses. Default false. */
  readonly broadcast?: boolean | undefined
  /** Lets several sockets bind the same port; each receives every broadcast and multicast datagram. Default false. */
  readonly reuseAddress?: boolean | undefined
  /** Lets several sockets bind the same port and share its unicast datagrams, by sender. Default false. */
  readonly reusePort?: boolean | undefined
  /** Kernel buffer sizes in bytes, of which the kernel may grant less. Default: the system's. */
  readonly receiveBuffer?: number | undefined
  readonly sendBuffer?: number | undefined
  /** Options for sending multicast. */
  readonly multicast?: MulticastOptions | undefined
}

/** Options for sending multicast on a UDP socket. @category models @since 0.1.0 */
export interface MulticastOptions {
  /** Number of hops, 0 to 255. Default 1: the local link. */
  readonly ttl?: number | undefined
  /** The outgoing interface, named as in `join`. Default: the system's choice. */
  readonly interface?: string | undefined
  /** Delivers sent datagrams to this host's own members of the group, too. Default true. */
  readonly loopback?: boolean | undefined
}

/** An address of a network interface. @category models @since 0.1.0 */
export interface Interface {
  readonly name: string
  readonly address: IpInterface.IpInterface
  /** Directed broadcast address; IPv4 only. */
  readonly broadcast?: NetAddress.Ipv4Address | undefined
  /** Zone index of a link-local IPv6 address, else 0. */
  readonly scopeId: number
  /** Index of the interface, which is a zone, too. Undefined where the platform does not report it. */
  readonly index?: number | undefined
  readonly loopback: boolean
  readonly mac: string
}

/** The network that a program runs on. @category services @since 0.1.0 */
export class Network extends Context.Service<
  Network,
  {
    readonly listen: (options: ListenOptions) => Effect.Effect<Listener, NetworkError, Scope.Scope>
    readonly connect: (remote: NetAddress.SocketAddress) => Effect.Effect<Connection, NetworkError, Scope.Scope>
    /**
     * Binds a UDP socket. `onDatagram` runs for each datagram as it arrives and owns its bytes; `onError` runs for each
     * asynchronous error, such as a refusal.
     */
    readonly udp: (
      options: UdpOptions,
      onDatagram: (bytes: Uint8Array, from: Endpoint.Endpoint) => void,
      onError?: (error: NetworkError) => void
    ) => Effect.Effect<UdpSocket, NetworkError, Scope.Scope>
    /** The addresses of this host, loopback included. */
    readonly interfaces: Effect.Effect<ReadonlyArray<Interface>>
    /**
     * Number of sockets that may still be opened, after a reserve for files, name look-ups and logs. Infinity if
     * unlimited.
     */
    readonly availableSockets: () => number
  }
>()("effect-inet/network/Network") {}
