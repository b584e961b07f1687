/** A connected `node:net` socket as a `Connection`. */

import type * as Net from "node:net"
import * as Cause from "effect/Cause"
import * as Effect from "effect/Effect"
import * as NetAddress from "effect/net/NetAddress"
import { type Connection, NetworkError, type Traffic } from "../Network.ts"
import { inetAddress, networkError } from "./NodeErrors.ts"

/** How long a closing connection may take to hand its last bytes to a peer that does not read, in milliseconds. */
const lingerMillis = 1_000

const unnamedPath = NetAddress.unixPathAddress("")

const addressOf = (host: string | undefined, port: number | undefined): NetAddress.SocketAddress =>
  host === undefined ? unnamedPath : inetAddress(host, port ?? 0)

/**
 * What Node knows of a socket and does not document: bytes handed to libuv, and those of them the kernel has not taken.
 */
interface NodeInternals {
  readonly _bytesDispatched?: number
  readonly _handle?: { readonly writeQueueSize?: number } | null
}

const connectionOf = Symbol("connection")

/** A socket knows its connection, so that its listeners are the same functions for all. */
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
    this[connectionOf].cause = cause
  },
  close(this: SocketWithConnection) {
    const connection = this[connectionOf]
    connection.closed = true
    connection.wake()
  }
}

/** The ends of a connection, where they are known already. */
export interface KnownAddresses {
  readonly local?: NetAddress.SocketAddress | undefined
  readonly remote?: NetAddress.SocketAddress | undefined
}

/** A server holds thousands of these: hence a class, and nothing made that is not asked for. */
export class NodeConnection implements Connection {
  readonly pull: Connection["pull"]
  readonly socket: Net.Socket
  private readonly known: KnownAddresses
  private readonly host: string | undefined
  private readonly port: number | undefined
  private drainWaiters: Set<() => void> | undefined
  private paused = true
  private reader: ((result: Connection["pull"]) => void) | undefined
  private buffered: Uint8Array | undefined
  private ended = false
  closed = false
  cause: unknown

  constructor(socket: Net.Socket, ends: KnownAddresses) {
    this.socket = socket
    this.known = ends
    // Asked for now: a socket that has closed has forgotten.
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
    // The one event that is worth a function of its own: it comes with every message.
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
    // Only TCP has RST.
    const isTcp = NetAddress.isInetAddress(this.remote)
    return Effect.sync(() => (isTcp ? this.socket.resetAndDestroy() : this.socket.destroy()))
  }

  /** FIN after the last byte, and gone; a peer that does not take its bytes in time is cut. */
  get close(): Effect.Effect<void> {
    return Effect.callback((resume) => this.closeGracefully(() => resume(Effect.void)))
  }

  get local(): NetAddress.SocketAddress {
    return this.known.local ?? addressOf(this.host, this.port)
  }

  get remote(): NetAddress.SocketAddress {
    return this.known.remote ?? addressOf(this.socket.remoteAddress, this.socket.remotePort)
  }

  write(bytes: Uint8Array | string): Effect.Effect<void, NetworkError> {
    return Effect.suspend(() => {
      const socket = this.socket
      if (!socket.writable) return this.fail()
      // Beyond its mark Node asks to wait also for what the kernel has already taken.
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

  /** Made on demand: every connection closes, few are asked afterwards, and an error costs as much as a round trip. */
  private fail(): Effect.Effect<never, NetworkError> {
    return Effect.fail(
      this.cause === undefined
        ? new NetworkError({ reason: "Closed", address: this.remote })
        : networkError(this.cause, this.remote)
    )
  }

  /** Straight to the fiber that waits in `pull`; a chunk nobody waits for is kept and stops the flow. */
  private onData(bytes: Uint8Array) {
    if (this.ended) return
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

  /** The reader looks for itself: one that was interrupted meanwhile takes nothing, and nothing is lost. */
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
    if (this.ended) return
    this.ended = true
    this.paused = true
    this.socket.pause()
    const buffered = this.socket.read() as Uint8Array | null
    if (buffered !== null) this.buffered = this.buffered === undefined ? buffered : Buffer.concat([this.buffered, buffered])
    this.wake()
  }

  /**
   * A kernel that closes a socket with unread input sends RST, which can take back from the peer what it has not read
   * yet. So input that is there is read and dropped until the peer's FIN or the end of the linger time.
   */
  private closeGracefully(done: () => void) {
    const socket = this.socket
    if (socket.closed) return done()
    const unread = this.buffered !== undefined || socket.readableLength > 0
    const lingerTimer = unread || socket.writableLength > 0 ? setTimeout(() => socket.destroy(), lingerMillis) : undefined
    socket.once("close", () => {
      clearTimeout(lingerTimer)
      done()
    })
    if (!unread) return socket.destroySoon()
    this.ended = true
    socket.once("end", () => socket.destroySoon())
    socket.end()
    socket.resume()
  }
}
