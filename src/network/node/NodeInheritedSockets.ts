/**
 * Sockets that the process has inherited: those of systemd's socket activation (`LISTEN_FDS`), or descriptor 0 of an
 * inetd service.
 *
 * `NodeNetwork` claims them for `listen` and `udp` instead of binding. The service that starts the program decides by
 * `InheritedSockets` if there are any.
 *
 * **Example** (Serving the sockets of systemd)
 *
 * ```ts no-run
 * import * as Effect from "effect/Effect"
 * import { NodeInheritedSockets, NodeNetwork } from "effect-inet/network"
 * import { Rot13Server } from "effect-inet/rot13"
 *
 * const program = Effect.gen(function* () {
 *   yield* Rot13Server.make({ port: 1067 })
 *   yield* NodeInheritedSockets.closeUnclaimed
 *   return yield* Effect.never
 * })
 *
 * await Effect.runPromise(
 *   program.pipe(
 *     Effect.scoped,
 *     Effect.provide(NodeNetwork.layer),
 *     Effect.provideServiceEffect(NodeInheritedSockets.InheritedSockets, NodeInheritedSockets.fromEnvironment())
 *   )
 * )
 * ```
 */
import * as Fs from "node:fs"
import * as Context from "effect/Context"
import * as Data from "effect/Data"
import * as Deferred from "effect/Deferred"
import * as Effect from "effect/Effect"
import * as NetAddress from "effect/net/NetAddress"
import * as NodeDescriptorKind from "./NodeDescriptorKind.ts"

/** The inherited descriptors cannot be used, or standard output cannot be written. @category errors @since 0.1.0 */
export class InheritedSocketsError extends Data.TaggedError("InheritedSocketsError")<{ readonly message: string }> {}

/** An inherited socket that listens for streams. @category models @since 0.1.0 */
export interface ListeningSocket {
  readonly _tag: "Listening"
  readonly fd: number
  readonly name: string | undefined
  /** The address of a TCP socket has the port only. */
  readonly address: NetAddress.SocketAddress
}

/** An inherited UDP socket. @category models @since 0.1.0 */
export interface UdpSocket {
  readonly _tag: "Udp"
  readonly fd: number
  readonly name: string | undefined
  readonly family: "udp4" | "udp6"
  readonly port: number
}

/** Descriptor 0, and 1 where 0 has one direction only, as the connection of a server. @category models @since 0.1.0 */
export interface ConnectedStream {
  readonly _tag: "Connected"
  readonly fd: 0
  readonly name: undefined
  /** True for a socket. Of pipes and terminals descriptor 0 is read, and 1 written. */
  readonly isBidirectional: boolean
}

/** An inherited socket. @category models @since 0.1.0 */
export type InheritedSocket = ListeningSocket | UdpSocket | ConnectedStream

/** Inherited sockets that are still to be claimed. @category models @since 0.1.0 */
export interface Holder {
  readonly unclaimed: Set<InheritedSocket>
  /** True if a socket serves only the address that was requested, for programs with several servers. */
  readonly exactAddresses: boolean
  readonly closed: Deferred.Deferred<void, InheritedSocketsError>
}

/** Makes a holder of sockets. @category constructors @since 0.1.0 */
export const make = (sockets: Iterable<InheritedSocket>, { exactAddresses = false }: Options = {}): Holder => ({
  unclaimed: new Set(sockets),
  exactAddresses,
  closed: Deferred.makeUnsafe()
})

/** Options of the choice of a socket. @category models @since 0.1.0 */
export interface Options {
  /**
   * A socket serves only the port or path that was requested. Default false: without such a socket, the first one of
   * the same kind is taken, whatever its port.
   */
  readonly exactAddresses?: boolean | undefined
}

/** The inherited sockets of the process. Default: none. @category services @since 0.1.0 */
export const InheritedSockets: Context.Reference<Holder> = Context.Reference<Holder>(
  "effect-inet/network/InheritedSockets",
  { defaultValue: () => make([]) }
)

/** First descriptor of socket activation (`SD_LISTEN_FDS_START`). */
const firstDescriptorNumber = 3

/** Variables of socket activation. */
interface Environment {
  readonly LISTEN_FDS?: string | undefined
  readonly LISTEN_PID?: string | undefined
  readonly LISTEN_FDNAMES?: string | undefined
}

/**
 * Returns the descriptors that an environment passes to a process, as `sd_listen_fds_with_names` does: none without the
 * variables, or with those for another process. Undefined if the number is invalid.
 *
 * @category decoding
 * @since 0.1.0
 */
export const descriptorsOf = (
  { LISTEN_FDNAMES: names = "", LISTEN_FDS: count, LISTEN_PID: pid }: Environment,
  ownPid: number
): ReadonlyArray<{ readonly fd: number; readonly name: string | undefined }> | undefined => {
  if (count === undefined || pid !== String(ownPid)) return []
  if (!/^\d{1,4}$/.test(count)) return undefined
  const listed = names.split(":")
  return Array.from({ length: Number(count) }, (_, index) => ({
    fd: firstDescriptorNumber + index,
    name: listed[index] === "" ? undefined : listed[index]
  }))
}

/** Returns the socket of a descriptor; undefined if it is none that a server can use. */
const inheritedSocketOf = (fd: number, name: string | undefined): ListeningSocket | UdpSocket | undefined => {
  const kind = NodeDescriptorKind.kindOf(fd)
  switch (kind._tag) {
    case "TcpListener": {
      const unspecified = kind.family === "IPv4" ? NetAddress.ipv4Unspecified : NetAddress.ipv6Unspecified
      return { _tag: "Listening", fd, name, address: NetAddress.inetAddressUnsafe(unspecified, kind.port) }
    }
    case "UnixListener":
      return { _tag: "Listening", fd, name, address: NetAddress.unixPathAddress(kind.path) }
    case "Udp":
      return { _tag: "Udp", fd, name, family: kind.family === "IPv4" ? "udp4" : "udp6", port: kind.port }
    default:
      return undefined
  }
}

/**
 * Reads the sockets that systemd passes (`LISTEN_FDS`, `LISTEN_PID`, `LISTEN_FDNAMES`), and removes the variables, so
 * that child processes do not use them. Fails if the variables are invalid. Descriptors of other kinds than listening
 * stream sockets and UDP sockets are logged and left alone.
 *
 * @category constructors
 * @since 0.1.0
 */
export const fromEnvironment = Effect.fnUntraced(function* (options: Options = {}) {
  const { env } = process
  const descriptors = descriptorsOf(env, process.pid)
  if (descriptors === undefined) {
    const message = `invalid LISTEN_FDS=${JSON.stringify(env.LISTEN_FDS)}: expected the number of sockets from systemd`
    return yield* new InheritedSocketsError({ message })
  }
  for (const name of ["LISTEN_FDS", "LISTEN_PID", "LISTEN_FDNAMES"]) delete env[name]
  const sockets: Array<InheritedSocket> = []
  for (const { fd, name } of descriptors) {
    const socket = inheritedSocketOf(fd, name)
    if (socket !== undefined) sockets.push(socket)
    else yield* Effect.logWarning(`inherited descriptor ${fd} not used: not a listening stream socket or UDP socket`)
  }
  return make(sockets, options)
})

/** Tests if descriptor 0 has both directions. Node makes the pipes of its children of two sockets. */
const isBidirectional = (kind: NodeDescriptorKind.DescriptorKind) =>
  kind._tag === "Stream" || (kind._tag === "SocketPair" && NodeDescriptorKind.areSame(0, 1))

/**
 * Uses descriptor 0 as the socket of the only server, as inetd passes it: a connection, a listening socket or a UDP
 * socket. A pipe or terminal is read, and descriptor 1 written. Fails if descriptor 0 is a file.
 *
 * @category constructors
 * @since 0.1.0
 */
export const fromStdin: Effect.Effect<Holder, InheritedSocketsError> = Effect.suspend(() => {
  const kind = NodeDescriptorKind.kindOf(0)
  if (kind._tag === "Other") {
    const message = "cannot serve standard input: it is not a socket, pipe or terminal (a file or nothing)"
    return Effect.fail(new InheritedSocketsError({ message }))
  }
  const stream: ConnectedStream = {
    _tag: "Connected",
    fd: 0,
    name: undefined,
    isBidirectional: isBidirectional(kind)
  }
  return Effect.succeed(make([inheritedSocketOf(0, undefined) ?? stream]))
})

/** Logs and closes the sockets that no server has claimed; to be run after the start. @category running @since 0.1.0 */
export const closeUnclaimed: Effect.Effect<void> = Effect.flatMap(InheritedSockets, ({ unclaimed }) =>
  Effect.forEach(
    [...unclaimed],
    (socket) => {
      unclaimed.delete(socket)
      const name = socket.name === undefined ? "" : ` (${socket.name})`
      const where =
        socket._tag === "Udp"
          ? `UDP port ${socket.port}`
          : socket._tag === "Connected"
            ? "a connection"
            : NetAddress.isInetAddress(socket.address)
              ? `TCP port ${socket.address.port}`
              : `unix socket ${socket.address.path}`
      if (socket.fd !== 0) Fs.closeSync(socket.fd)
      return Effect.logWarning(`inherited descriptor ${socket.fd}${name} closed: no server uses ${where}`)
    },
    { discard: true }
  )
)

/**
 * Waits for the end of the connection on descriptor 0; never without one. Fails if descriptor 1, where it is not the
 * same socket, could not be written.
 *
 * @category running
 * @since 0.1.0
 */
export const closed: Effect.Effect<void, InheritedSocketsError> = Effect.flatMap(InheritedSockets, (holder) =>
  Deferred.await(holder.closed)
)

/**
 * Fails if the connection on descriptor 0 has ended and descriptor 1 could not be written, as `closed` does; waits for
 * nothing.
 *
 * @category running
 * @since 0.1.0
 */
export const checkOutput: Effect.Effect<void, InheritedSocketsError> = Effect.flatMap(InheritedSockets, (holder) =>
  Effect.suspend(() => (Deferred.isDoneUnsafe(holder.closed) ? Deferred.await(holder.closed) : Effect.void))
)
