/**
 * A `Connection` over a `MessagePort`, for bytes between threads: a pair of ports is a pair of connected sockets.
 *
 * The sender has a window of bytes that the receiver has not taken yet, as the socket buffers of a kernel; beyond it a
 * write waits, so that neither end buffers without bound.
 */
import type { MessagePort } from "node:worker_threads"
import * as Cause from "effect/Cause"
import * as Context from "effect/Context"
import * as Effect from "effect/Effect"
import type * as NetAddress from "effect/net/NetAddress"
import { type Connection, NetworkError, type Reason, type Traffic } from "../../../network/Network.ts"

/** Message of an end: data, the number of bytes that it has taken, the end of its data, or a reset. */
type Message = Uint8Array | number | "End" | "Reset"

/** Bytes that the receiver has not taken and that count as sent. */
const windowBytes = 65_536

/** Size from which a buffer is moved to the other thread; copying a smaller one is faster. */
const minTransferBytes = 32_768

const encoder = new TextEncoder()

/** Addresses of a connection, and services that its network knows of it. */
export interface Ends {
  readonly local: NetAddress.SocketAddress
  readonly remote: NetAddress.SocketAddress
  readonly context?: Context.Context<never> | undefined
}

/**
 * A connection over a port, which it closes. A class with lazily made members, since a server holds thousands of them:
 * each takes 1 kB without its port, and 1.8 kB with members made at once (Node 24).
 */
export class NodePortConnection implements Connection {
  readonly local: NetAddress.SocketAddress
  readonly remote: NetAddress.SocketAddress
  readonly context: Context.Context<never>
  readonly pull: Connection["pull"]
  /** Waits until the port has closed: this end or the other one was closed, or its thread has ended. */
  readonly closed: Effect.Effect<void>
  private readonly port: MessagePort
  private readonly chunks: Array<Uint8Array> = []
  private reader: ((result: Connection["pull"]) => void) | undefined
  private readonly writers = new Set<() => void>()
  private readonly closeWaiters = new Set<() => void>()
  private received = 0
  private written = 0
  private taken = 0
  private readEnded = false
  private writeEnded = false
  private isClosed = false
  /** Reason for which a closed connection fails. */
  private failure: Reason = "Closed"

  constructor(port: MessagePort, { context = Context.empty(), local, remote }: Ends) {
    this.port = port
    this.local = local
    this.remote = remote
    this.context = context
    const waitForData: Connection["pull"] = Effect.callback((resume) => {
      this.reader = resume
    })
    this.pull = Effect.suspend(() => this.take() ?? waitForData)
    this.closed = Effect.callback((resume) => {
      const done = () => resume(Effect.void)
      if (this.isClosed) return done()
      this.closeWaiters.add(done)
      return Effect.sync(() => void this.closeWaiters.delete(done))
    })
    port.on("message", (message: Message) => this.onMessage(message))
    port.once("close", () => this.onClose())
  }

  get end(): Effect.Effect<void> {
    return Effect.sync(() => {
      if (!this.writeEnded) this.post("End")
      this.writeEnded = true
    })
  }

  get endRead(): Effect.Effect<void> {
    return Effect.sync(() => {
      if (this.isClosed) return
      this.readEnded = true
      this.wake()
    })
  }

  get abort(): Effect.Effect<void> {
    return Effect.sync(() => {
      this.post("Reset")
      this.shut("Closed")
    })
  }

  /** Closes both directions. What was written is still delivered. */
  get close(): Effect.Effect<void> {
    return Effect.sync(() => this.shut("Closed"))
  }

  write(data: Uint8Array | string): Effect.Effect<void, NetworkError> {
    return Effect.suspend(() => {
      if (this.writeEnded || this.isClosed) return this.fail()
      const bytes = typeof data === "string" ? encoder.encode(data) : data
      this.written += bytes.length
      this.postBytes(bytes)
      return this.unsent() === 0 ? Effect.void : this.drained
    })
  }

  traffic(): Traffic {
    const unsent = this.unsent()
    return { received: this.received, sent: this.written - unsent, unsent }
  }

  private unsent() {
    return Math.max(0, this.written - this.taken - windowBytes)
  }

  private get drained(): Effect.Effect<void, NetworkError> {
    return Effect.callback((resume) => {
      const look = () => {
        if (!this.isClosed && this.unsent() > 0) return
        this.writers.delete(look)
        resume(this.unsent() > 0 ? this.fail() : Effect.void)
      }
      this.writers.add(look)
      look()
      return Effect.sync(() => void this.writers.delete(look))
    })
  }

  private take(): Connection["pull"] | undefined {
    const chunk = this.chunks.shift()
    if (chunk !== undefined) {
      this.post(chunk.length)
      return Effect.succeed(chunk)
    }
    if (this.readEnded) return Cause.done()
    return this.isClosed ? this.fail() : undefined
  }

  private fail(): Effect.Effect<never, NetworkError> {
    return Effect.fail(new NetworkError({ reason: this.failure, address: this.remote }))
  }

  private post(message: Message) {
    if (!this.isClosed) this.port.postMessage(message)
  }

  private postBytes(bytes: Uint8Array) {
    if (bytes.length === 0) return
    const isWhole = bytes.length === bytes.buffer.byteLength && bytes.buffer instanceof ArrayBuffer
    // A view is copied with all of its buffer.
    if (!isWhole) return this.port.postMessage(new Uint8Array(bytes))
    this.port.postMessage(bytes, bytes.length >= minTransferBytes ? [bytes.buffer] : [])
  }

  private onMessage(message: Message) {
    if (this.isClosed) return
    if (typeof message === "number") {
      this.taken += message
      for (const look of this.writers) look()
    } else if (message === "End") {
      this.readEnded = true
      this.wake()
    } else if (message === "Reset") {
      this.chunks.length = 0
      this.shut("Reset")
    } else {
      // The other end keeps a window of what is not read any more.
      if (this.readEnded) return
      this.received += message.length
      this.chunks.push(message)
      this.wake()
    }
  }

  /** The other end has closed: its data have ended, and it takes none. */
  private onClose() {
    if (this.isClosed) return
    this.readEnded = true
    this.shut("Reset")
  }

  private shut(failure: Reason) {
    if (this.isClosed) return
    this.isClosed = true
    this.failure = failure
    this.port.close()
    this.wake()
    for (const look of this.writers) look()
    for (const done of this.closeWaiters) done()
  }

  /** Resumes the reader, which takes the chunk itself: one that was interrupted meanwhile takes nothing. */
  private wake() {
    const { reader } = this
    this.reader = undefined
    reader?.(this.pull)
  }
}
