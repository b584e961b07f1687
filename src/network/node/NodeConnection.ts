/** `Connection` over a connected `node:net` socket. */

import type * as Net from "node:net"
import * as Cause from "effect/Cause"
import * as Context from "effect/Context"
import * as Effect from "effect/Effect"
import * as NetAddress from "effect/net/NetAddress"
import { type Connection, NetworkError, type Traffic } from "../Network.ts"
import { inetAddress, networkError } from "./NodeErrors.ts"

/** Time for a closing connection to deliver its last bytes to a peer that does not read. */
const lingerMillis = 1_000

/** Time for the peer of a closing connection to close too, or to show that it is still sending. */
const graceMillis = 50

const unnamedPath = NetAddress.unixPathAddress("")

/** An IPv4 address in a socket that has both families. */
const mappedAddress = /^::ffff:(?=[\d.]+$)/

const addressOf = (host: string | undefined, port: number | undefined): NetAddress.SocketAddress =>
  host === undefined ? unnamedPath : inetAddress(host.replace(mappedAddress, ""), port ?? 0)

/** Undocumented fields of a Node socket: bytes handed to libuv, and those of them that the kernel has not taken. */
interface NodeInternals {
  readonly _bytesDispatched?: number
  readonly _handle?: { readonly writeQueueSize?: number } | null
}

const connectionOf = Symbol("connection")

/** A socket with its connection, so that all sockets share the same listener functions. */
interface SocketWithConnection extends Net.Socket {
  [connectionOf]: NodeConnection
}

const listeners = {
  end(this: SocketWithConnection) {
    this[connectionOf].onEnd()
  },
  drain(this: SocketWithConnection) {
    this[connectionOf].wake()
  },
  error(this: SocketWithConnection, cause: Error) {
    const connection = this[connectionOf]
    // After closing here, the end of the socket concerns nobody.
    if (!connection.closed) connection.cause = cause
  },
  close(this: SocketWithConnection) {
    const connection = this[connectionOf]
    connection.closed = true
    connection.wake()
  }
}

/** Data of a connection that are known in advance. */
export interface KnownData {
  readonly local?: NetAddress.SocketAddress | undefined
  readonly remote?: NetAddress.SocketAddress | undefined
  /** Services besides the socket. Default: none. */
  readonly context?: Context.Context<never> | undefined
}

/** The socket of a connection, which the connection's context has. */
export class NodeSocket extends Context.Service<NodeSocket, Net.Socket>()("effect-inet/network/NodeSocket") {}

/**
 * A connection over `node:net`. A class with lazily made members, since a server holds thousands of them: each takes
 * 0.8 kB without its socket, and 1.7 kB with members made at once (Node 24).
 */
export class NodeConnection implements Connection {
  readonly pull: Connection["pull"]
  readonly socket: Net.Socket
  private readonly known: KnownData
  private readonly host: string | undefined
  private readonly port: number | undefined
  private drainWaiters: Set<() => void> | undefined
  private paused = true
  private reader: ((result: Connection["pull"]) => void) | undefined
  private buffered: Uint8Array | undefined
  private ended = false
  closed = false
  cause: unknown

  constructor(socket: Net.Socket, ends: KnownData) {
    this.socket = socket
    this.known = ends
    // Read now, because Node forgets the addresses when the socket closes.
    if (ends.remote === undefined) void socket.remoteAddress
    if (ends.local === undefined) {
      this.host = socket.localAddress
      this.port = socket.localPort
    }
    const waitForData: Connection["pull"] = Effect.callback((resume) => {
      this.reader = resume
      if (!this.paused) return
      this.paused = false
      this.socket.resume()
    })
    this.pull = Effect.suspend(() => this.take() ?? waitForData)
    const wrapped = socket as SocketWithConnection
    wrapped[connectionOf] = this
    for (const [event, listener] of Object.entries(listeners)) wrapped.on(event, listener)
    // A closure of its own, because this event occurs with every message.
    socket.on("data", (bytes) => this.onData(bytes))
  }

  private get drained(): Effect.Effect<void, NetworkError> {
    return Effect.callback((resume) => {
      this.drainWaiters ??= new Set()
      const writers = this.drainWaiters
      const look = () => {
        if (!this.closed && this.socket.writableNeedDrain) return
        writers.delete(look)
        resume(this.closed ? this.fail() : Effect.void)
      }
      writers.add(look)
      look()
      return Effect.sync(() => void writers.delete(look))
    })
  }

  get end(): Effect.Effect<void> {
    return Effect.sync(() => void this.socket.end())
  }

  get endRead(): Effect.Effect<void> {
    return Effect.sync(() => this.shutdownRead())
  }

  get abort(): Effect.Effect<void> {
    // RST exists for TCP only.
    const isTcp = NetAddress.isInetAddress(this.remote)
    return Effect.sync(() => (isTcp ? this.socket.resetAndDestroy() : this.socket.destroy()))
  }

  /** Sends FIN after the last byte and closes; a peer that does not take its bytes in time is disconnected. */
  get close(): Effect.Effect<void> {
    return Effect.callback((resume) => this.closeGracefully(() => resume(Effect.void)))
  }

  get local(): NetAddress.SocketAddress {
    return this.known.local ?? addressOf(this.host, this.port)
  }

  get remote(): NetAddress.SocketAddress {
    return this.known.remote ?? addressOf(this.socket.remoteAddress, this.socket.remotePort)
  }

  get context(): Context.Context<never> {
    return Context.add(this.known.context ?? Context.empty(), NodeSocket, this.socket)
  }

  write(bytes: Uint8Array | string): Effect.Effect<void, NetworkError> {
    return Effect.suspend(() => {
      const socket = this.socket
      if (!socket.writable) return this.fail()
      // Above its high-water mark Node reports backpressure even for bytes that the kernel has already taken.
      return socket.write(bytes) || socket.writableLength === 0 ? Effect.void : this.drained
    })
  }

  traffic(): Traffic {
    const { bytesRead: received, bytesWritten, writableLength } = this.socket
    const { _bytesDispatched: dispatched, _handle: handle } = this.socket as NodeInternals
    const unsent =
      dispatched === undefined || handle?.writeQueueSize === undefined
        ? writableLength
        : bytesWritten - dispatched + handle.writeQueueSize
    return { received, sent: bytesWritten - unsent, unsent }
  }

  private take(): Connection["pull"] | undefined {
    if (this.buffered !== undefined) {
      const bytes = this.buffered
      this.buffered = undefined
      return Effect.succeed(bytes)
    }
    if (this.ended) return Cause.done()
    return this.closed ? this.fail() : undefined
  }

  /**
   * Creates the error on demand: every connection closes, few are used afterwards, and an error costs as much as a
   * round trip.
   */
  private fail(): Effect.Effect<never, NetworkError> {
    return Effect.fail(
      this.cause === undefined
        ? new NetworkError({ reason: "Closed", address: this.remote })
        : networkError(this.cause, this.remote)
    )
  }

  /** Resumes the fiber that waits in `pull`; otherwise keeps the chunk and pauses the socket. */
  private onData(bytes: Uint8Array) {
    if (this.ended || this.closed) return
    this.buffered = bytes
    this.resumeReader()
    if (this.buffered === undefined) return
    this.paused = true
    this.socket.pause()
  }

  onEnd() {
    this.ended = true
    this.wake()
  }

  /**
   * Resumes the reader, which takes the chunk itself: a reader that was interrupted meanwhile takes nothing, and no
   * byte is lost.
   */
  private resumeReader() {
    const reader = this.reader
    this.reader = undefined
    reader?.(this.pull)
  }

  wake() {
    if (this.reader !== undefined && (this.ended || this.closed)) this.resumeReader()
    if (this.drainWaiters !== undefined) for (const check of this.drainWaiters) check()
  }

  private shutdownRead() {
    if (this.ended || this.closed) return
    this.ended = true
    this.paused = true
    this.socket.pause()
    const buffered = this.socket.read() as Uint8Array | null
    if (buffered !== null)
      this.buffered = this.buffered === undefined ? buffered : Buffer.concat([this.buffered, buffered])
    this.wake()
  }

  /**
   * Closes the socket after its last bytes are delivered.
   *
   * A socket that is closed sends RST for unread input and for input that arrives later, which can discard bytes that
   * the peer has not read yet. Therefore input is read and dropped until the peer's FIN: for the grace time, or for the
   * linger time while the peer sends or its last bytes wait (as in RFC 9112, section 9.6).
   */
  private closeGracefully(done: () => void) {
    const socket = this.socket
    if (socket.closed) return done()
    const destroy = () => socket.destroy()
    let isPeerSending = this.buffered !== undefined || socket.readableLength > 0
    let grace: NodeJS.Timeout | undefined
    const linger = setTimeout(destroy, lingerMillis)
    socket.once("close", () => {
      clearTimeout(linger)
      clearTimeout(grace)
      done()
    })
    // For the readers and writers of this connection.
    this.closed = true
    this.wake()
    if (socket.readableEnded) return socket.destroySoon()
    socket.on("data", () => {
      isPeerSending = true
    })
    socket.once("end", () => socket.destroySoon())
    socket.end(() => {
      if (!socket.destroyed) grace = setTimeout(() => isPeerSending || destroy(), graceMillis)
    })
    socket.resume()
  }
}
