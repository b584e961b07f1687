/** Claims of inherited sockets: the choice of one for a server, and the listener of a connection on descriptor 0. */
import * as Fs from "node:fs"
import * as Net from "node:net"
import * as Tty from "node:tty"
import * as Context from "effect/Context"
import * as Deferred from "effect/Deferred"
import * as Effect from "effect/Effect"
import { constUndefined, constVoid } from "effect/Function"
import * as NetAddress from "effect/net/NetAddress"
import type * as Scope from "effect/Scope"
import { type Connection, type Listener, type ListenOptions, NetworkError, type UdpOptions } from "../Network.ts"
import * as Quantity from "../Quantity.ts"
import * as SystemErrorText from "../SystemErrorText.ts"
import { type KnownData, NodeConnection } from "./NodeConnection.ts"
import * as NodeDescriptorKind from "./NodeDescriptorKind.ts"
import {
  type ConnectedStream,
  type Holder,
  type InheritedSocket,
  InheritedSocketsError,
  type ListeningSocket,
  type UdpSocket
} from "./NodeInheritedSockets.ts"

const claim = <A extends InheritedSocket>(holder: Holder, candidates: ReadonlyArray<ReadonlyArray<A>>) => {
  const chosen = candidates.flat()[0]
  if (chosen !== undefined) holder.unclaimed.delete(chosen)
  return chosen
}

/**
 * Claims the socket for a listener: that of the port or path, else the first one of its kind, else the first one that
 * listens. A connected stream is claimed by any listener. The threads of a server, which share a port, claim none.
 */
export const claimListener = (
  holder: Holder,
  options: ListenOptions
): ListeningSocket | ConnectedStream | undefined => {
  if (holder.unclaimed.size === 0 || ("reusePort" in options && options.reusePort)) return undefined
  const all = [...holder.unclaimed]
  const listening = all.filter((socket) => socket._tag === "Listening")
  const isSameKind = ({ address }: ListeningSocket) => NetAddress.isUnixPathAddress(address) === "path" in options
  const isExact = ({ address }: ListeningSocket) =>
    "path" in options
      ? NetAddress.isUnixPathAddress(address) && address.path === options.path
      : NetAddress.isInetAddress(address) && address.port === options.port
  const exact = listening.filter(isExact)
  if (holder.exactAddresses) return claim(holder, [exact])
  const connected = all.filter((socket) => socket._tag === "Connected")
  return claim<ListeningSocket | ConnectedStream>(holder, [connected, exact, listening.filter(isSameKind), listening])
}

/** Claims the UDP socket for a server: that of the port, else the first one. Sockets of clients claim none. */
export const claimUdp = (holder: Holder, { port = 0, remote, reusePort }: UdpOptions): UdpSocket | undefined => {
  if (holder.unclaimed.size === 0 || port === 0 || remote !== undefined || reusePort) return undefined
  const all = [...holder.unclaimed].filter((socket) => socket._tag === "Udp")
  const exact = all.filter((socket) => socket.port === port)
  return claim(holder, holder.exactAddresses ? [exact] : [exact, all])
}

/** Opens one direction or both of a descriptor. Reading begins with the first pull. */
const openStream = (fd: number, direction: { readonly readable: boolean; readonly writable: boolean }): Net.Socket => {
  const socket = Tty.isatty(fd)
    ? direction.readable
      ? new Tty.ReadStream(fd)
      : new Tty.WriteStream(fd)
    : new Net.Socket({ fd, allowHalfOpen: true, ...direction })
  socket.on("error", constVoid)
  socket.pause()
  return socket
}

/** Writing direction of a connection: standard output. */
interface Output extends Pick<Connection, "write" | "end" | "abort" | "traffic"> {
  readonly close: Effect.Effect<void>
  /** Returns why bytes were not written, once it is closed; undefined if all were. */
  readonly failure: () => string | undefined
}

const cannotWrite = (why: string) => `cannot write standard output: ${why}`

/** Failure of a write, whose message names the stream: the peer of a server has no standard output. */
const outputError = (why: string) => new NetworkError({ reason: "Unknown", cause: new Error(cannotWrite(why)) })

/** Writes to descriptor 1 that is a file. */
const fileOutput = (): Output => {
  let sent = 0
  let failure: string | undefined
  return {
    write: (bytes) =>
      Effect.try({
        try: () => {
          Fs.writeFileSync(1, bytes)
          sent += Buffer.byteLength(bytes)
        },
        catch: (cause) => {
          failure = SystemErrorText.format(cause)
          return outputError(failure)
        }
      }),
    end: Effect.void,
    abort: Effect.void,
    close: Effect.void,
    failure: () => failure,
    traffic: () => ({ received: 0, sent, unsent: 0 })
  }
}

/** Writes to descriptor 1 that is a pipe or a terminal. */
const streamOutput = (ends: KnownData): Output => {
  const connection = new NodeConnection(openStream(1, { readable: false, writable: true }), ends)
  let leftBytes = 0
  // Node forgets them when the stream is destroyed.
  const countLeft = Effect.sync(() => {
    leftBytes = Math.max(leftBytes, connection.traffic().unsent)
  })
  return {
    write: (bytes) =>
      Effect.mapError(connection.write(bytes), (error) =>
        connection.cause === undefined ? error : outputError(SystemErrorText.format(connection.cause))
      ),
    end: connection.end,
    abort: Effect.andThen(countLeft, connection.abort),
    close: Effect.andThen(countLeft, connection.close),
    failure: () => {
      if (connection.cause !== undefined) return SystemErrorText.format(connection.cause)
      const isLost = leftBytes > 0 && !connection.socket.writableFinished
      return isLost ? `its reader took nothing more (${Quantity.format(leftBytes, "byte")} left)` : undefined
    },
    traffic: () => connection.traffic()
  }
}

/** The stream on descriptor 0, or on 0 and 1. */
interface OpenedStream extends Pick<Output, "close" | "failure"> {
  readonly connection: Connection
}

/** Opens the stream on descriptor 0: both directions of a socket, else descriptors 0 and 1. */
const openConnection = ({ isBidirectional }: ConnectedStream): OpenedStream => {
  if (isBidirectional) {
    const socket = openStream(0, { readable: true, writable: true })
    socket.setNoDelay(true)
    const connection = new NodeConnection(socket, {})
    // A peer that closes its end is not a failure of the server.
    return { connection, close: connection.close, failure: constUndefined }
  }
  const unnamed = NetAddress.unixPathAddress("")
  const ends = { local: unnamed, remote: unnamed }
  const input = new NodeConnection(openStream(0, { readable: true, writable: false }), ends)
  const output = NodeDescriptorKind.kindOf(1)._tag === "Other" ? fileOutput() : streamOutput(ends)
  const connection: Connection = {
    ...ends,
    pull: input.pull,
    write: (bytes) => output.write(bytes),
    end: output.end,
    endRead: input.endRead,
    abort: Effect.andThen(input.abort, output.abort),
    traffic: () => ({ ...output.traffic(), received: input.traffic().received }),
    // No socket is the whole connection.
    context: Context.empty()
  }
  return { connection, close: Effect.andThen(output.close, input.abort), failure: output.failure }
}

/**
 * Returns a listener with exactly one connection, the stream on descriptor 0. When it closes, `closed` of the holder is
 * done: with a failure if standard output, where it is not the same socket, could not be written.
 */
export const singleListener = (holder: Holder, stream: ConnectedStream): Effect.Effect<Listener, NetworkError> =>
  Effect.map(
    Effect.try({
      try: () => openConnection(stream),
      catch: (cause) => new NetworkError({ reason: "Unknown", cause })
    }),
    ({ close, connection, failure }) => {
      let isAccepted = false
      const reportEnd = Effect.suspend(() => {
        const why = failure()
        return why === undefined
          ? Deferred.succeed(holder.closed, undefined)
          : Deferred.fail(holder.closed, new InheritedSocketsError({ message: cannotWrite(why) }))
      })
      const accept: Effect.Effect<Connection, never, Scope.Scope> = Effect.suspend(() => {
        if (isAccepted) return Effect.never
        isAccepted = true
        return Effect.acquireRelease(Effect.succeed(connection), () => Effect.andThen(close, reportEnd))
      })
      return { address: connection.local, accept }
    }
  )
