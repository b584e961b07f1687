/** One end of an impaired connection: a `HalfStream` between the program and the underlying connection. */

import * as Cause from "effect/Cause"
import * as Effect from "effect/Effect"
import type * as Scope from "effect/Scope"
import type * as Endpoint from "../../network/Endpoint.ts"
import { type Connection, NetworkError } from "../../network/Network.ts"
import type * as Packet from "../../network/Packet.ts"
import * as HalfStream from "../stream/HalfStream.ts"
import * as Waiters from "../stream/Waiters.ts"
import type { FaultInjector } from "./DelayQueue.ts"
import * as ImpairedDirection from "./ImpairedDirection.ts"
import type * as LocalConnections from "./LocalConnections.ts"

/** Bytes queued per direction before its writer waits, or reading from the network pauses. */
const bufferBytes = 65_536

/** Time that a closing connection waits for overdue data, and its maximum wait for data that are not due yet. */
const overdueGraceNanos = 1e9
const maxCloseDelayNanos = 10e9

const encoder = new TextEncoder()
const noBytes = new Uint8Array(0)

/** Parts of an impaired connection. */
export interface Parts {
  readonly inner: Connection
  readonly near: Endpoint.Endpoint
  readonly far: Endpoint.Endpoint
  readonly localEnd: LocalConnections.LocalEnd
  readonly injector: FaultInjector
  /** Scope of the fibers that pass on what is queued. */
  readonly fork: Scope.Scope
}

/**
 * An impaired connection. Each direction passes its packets on directly until a fault applies to one of them; from then
 * on a fiber passes on what its queue holds. A class, so that its state is a list of fields.
 */
export class ImpairedConnection implements Connection {
  readonly local: Connection["local"]
  readonly remote: Connection["remote"]
  readonly context: Connection["context"]
  readonly outbound: ImpairedDirection.ImpairedDirection
  readonly inbound: ImpairedDirection.ImpairedDirection
  private readonly parts: Parts
  private stream = HalfStream.make(Number.POSITIVE_INFINITY)
  private readonly waiters = Waiters.make()
  /** True once a fiber reads from the underlying connection, or writes to it. */
  private isReading = false
  private isWriting = false
  private readShutdown = false
  /** Failure of the underlying connection; reported once the program has read what arrived before. */
  private failure: NetworkError | undefined

  constructor(parts: Parts) {
    const { far, injector, inner, near } = parts
    this.parts = parts
    this.local = inner.local
    this.remote = inner.remote
    this.context = inner.context
    const isEnded = (side: "send" | "receive") => () => this.isClosed() || this.stream[side].end !== undefined
    this.outbound = ImpairedDirection.make(injector, near, far, "outbound", isEnded("send"))
    this.inbound = ImpairedDirection.make(injector, far, near, "inbound", isEnded("receive"))
  }

  private readonly now = () => this.parts.injector.delayQueue.now()
  private readonly isClosed = () => this.stream.state === "CLOSED"
  private readonly first = (side: "send" | "receive") => HalfStream.head(this.stream[side])

  private advance(event: HalfStream.Event) {
    const [next, actions] = HalfStream.step(this.stream, event)
    this.stream = next
    return actions
  }
  private readonly dispatch = (event: HalfStream.Event) => {
    this.advance(event)
    this.waiters.notify()
  }

  private readonly error = () =>
    this.failure ?? new NetworkError({ reason: this.stream.closeReason ?? "Closed", address: this.remote })
  /** Maps a failure of the underlying connection: after a fault has reset it, the peer seems to have done so. */
  private readonly seenByProgram = <E>(failure: E) => (this.isClosed() ? this.error() : failure)

  /** Resets the underlying connection. Waiting fibers may close it at once, so they resume after the RST. */
  private readonly reset = (event: HalfStream.Event) =>
    Effect.suspend(() => {
      this.advance(event)
      return Effect.andThen(
        this.parts.inner.abort,
        Effect.sync(() => this.waiters.notify())
      )
    })

  /** Applies the plan to a packet. Returns true if it passes at once; queues it otherwise, or if `waits`. */
  admit(side: "send" | "receive", kind: Packet.Kind, bytes: Uint8Array, waits = false): boolean {
    const { end, lastDueNanos, pieces } = this.stream[side]
    if (end !== undefined) return false
    const input = (side === "send" ? this.outbound : this.inbound).inspect(kind, bytes)
    if (input === undefined && !waits && pieces.length === 0 && lastDueNanos <= this.now()) return true
    const isFin = kind === "fin"
    const tag = side === "receive" ? "Receive" : isFin ? "End" : "Write"
    this.dispatch({ _tag: tag, ...(input ?? { bytes, end: isFin ? "fin" : undefined }) })
    return false
  }

  /** Returns the time at which what is queued in both directions is due, in nanoseconds of the delay queue. */
  dueNanos() {
    return Math.max(this.stream.send.lastDueNanos, this.stream.receive.lastDueNanos)
  }

  private readonly awaitDue = ({ dueNanos }: HalfStream.Piece, isCancelled: () => boolean) =>
    Effect.raceFirst(
      this.parts.injector.delayQueue.sleepUntil(dueNanos),
      this.waiters.until(isCancelled, () => Effect.void)
    )

  /** Passes the first piece of the send queue on when it is due. */
  private readonly sendFirst: Effect.Effect<void, NetworkError> = Effect.suspend(() => {
    const piece = this.first("send")
    if (piece === undefined) return Effect.void
    if (piece.dueNanos > this.now()) return this.awaitDue(piece, this.isClosed)
    const transmit = { _tag: "Transmit", maxBytes: Number.POSITIVE_INFINITY, now: this.now() } as const
    const pass = Effect.suspend(() => {
      this.outbound.willSend(piece)
      if (piece.end === "rst") return this.reset(transmit)
      const { inner } = this.parts
      const passed = Effect.sync(() => this.dispatch(transmit))
      return Effect.andThen(piece.end === "fin" ? inner.end : inner.write(piece.bytes), passed)
    })
    return piece.separate || piece.end === "rst" ? Effect.andThen(Effect.yieldNow, pass) : pass
  })
  private readonly writeLoop = Effect.suspend(() =>
    this.waiters.until(
      () => this.isClosed() || this.first("send") !== undefined,
      () => this.sendFirst
    )
  ).pipe(
    Effect.repeat({ until: this.isClosed }),
    Effect.catch((failure) =>
      Effect.sync(() => {
        if (!this.isClosed()) this.failure ??= failure
        this.dispatch({ _tag: "Reset" })
      })
    )
  )
  readonly startWriteLoop = Effect.suspend(() => {
    if (this.isWriting || this.first("send") === undefined) return Effect.void
    this.isWriting = true
    return Effect.forkIn(this.writeLoop, this.parts.fork)
  })

  /** Reads ahead while the buffer has space, so that delayed data do not delay the data after them further. */
  private readonly readLoop = Effect.suspend(() =>
    this.waiters.until(
      () => this.isClosed() || this.stream.receive.queuedBytes < bufferBytes,
      () => Effect.map(this.parts.inner.pull, (bytes) => void this.admit("receive", "data", bytes, true))
    )
  ).pipe(
    Effect.repeat({ until: this.isClosed }),
    Effect.catch((failure) =>
      Effect.sync(() => {
        if (!Cause.isDone(failure)) this.failure ??= this.isClosed() ? undefined : failure
        else if (this.readShutdown) this.advance({ _tag: "EndRead", now: this.now() })
        else this.admit("receive", "fin", noBytes, true)
        this.waiters.notify()
      })
    )
  )
  private readonly startReadLoop = Effect.suspend(() => {
    this.isReading = true
    return Effect.forkIn(this.readLoop, this.parts.fork)
  })

  /** Reads what is due. */
  private readonly read: Connection["pull"] = Effect.suspend(() => {
    const actions = this.advance({ _tag: "Read", now: this.now() })
    const delivered = actions.find((action) => action._tag === "Deliver")
    const result = delivered === undefined ? this.pull : Effect.succeed(delivered.bytes)
    if (actions.some((action) => action._tag === "Rst")) return Effect.andThen(this.reset({ _tag: "Reset" }), result)
    this.waiters.notify()
    return result
  })
  private readonly pullDirectly: Connection["pull"] = Effect.uninterruptibleMask((restore) =>
    Effect.matchEffect(restore(this.parts.inner.pull), {
      onSuccess: (bytes): Connection["pull"] => {
        if (this.parts.localEnd.isPeerLocal || this.admit("receive", "data", bytes)) return Effect.succeed(bytes)
        return Effect.andThen(this.startReadLoop, restore(this.pull))
      },
      onFailure: (failure): Connection["pull"] => {
        // The first reason stays that of all later failures.
        if (!Cause.isDone(failure)) this.failure ??= this.isClosed() ? undefined : failure
        if (!Cause.isDone(failure) || this.isClosed()) return Effect.fail(this.error())
        if (this.readShutdown) this.advance({ _tag: "EndRead", now: this.now() })
        // The other end has applied the plan to its FIN.
        else if (this.parts.localEnd.isPeerLocal) this.advance({ _tag: "Receive", bytes: noBytes, end: "fin" })
        else this.admit("receive", "fin", noBytes, true)
        return restore(this.pull)
      }
    })
  )
  readonly pull: Connection["pull"] = Effect.suspend(() => {
    const piece = this.first("receive")
    if (piece !== undefined && piece.dueNanos <= this.now())
      return piece.separate ? Effect.andThen(Effect.yieldNow, this.read) : this.read
    if (piece !== undefined) {
      if (!this.readShutdown)
        return Effect.andThen(
          this.awaitDue(piece, () => this.isClosed() || this.readShutdown),
          this.pull
        )
      // The piece has not arrived, and never will.
      this.dispatch({ _tag: "EndRead", now: this.now() })
    }
    if (HalfStream.isInputOver(this.stream)) return Cause.done()
    if (this.isClosed()) return Effect.fail(this.error())
    if (this.failure !== undefined) return Effect.fail(this.failure)
    return this.isReading ? this.waiters.until(this.isReadable, () => this.pull) : this.pullDirectly
  })
  private readonly isReadable = () =>
    this.isClosed() || this.first("receive") !== undefined || this.stream.receive.end !== undefined || !!this.failure

  write(data: Uint8Array | string) {
    return Effect.suspend(() => {
      if (!HalfStream.canWrite(this.stream) || this.failure !== undefined) return Effect.fail(this.error())
      const bytes = typeof data === "string" ? encoder.encode(data) : data
      if (bytes.length === 0 || this.admit("send", "data", bytes, this.isWriting))
        return Effect.mapError(this.parts.inner.write(bytes), this.seenByProgram)
      const awaitSpace = this.waiters.until(
        () => this.isClosed() || this.stream.send.queuedBytes < bufferBytes,
        () => (this.isClosed() ? Effect.fail(this.error()) : Effect.void)
      )
      return Effect.andThen(this.startWriteLoop, awaitSpace)
    })
  }

  readonly end = Effect.suspend(() => {
    if (!HalfStream.canWrite(this.stream)) return this.parts.inner.end
    const passes = this.admit("send", "fin", noBytes, this.isWriting)
    this.dispatch({ _tag: "End" })
    if (!passes) return this.startWriteLoop
    this.dispatch({ _tag: "Transmit", maxBytes: 0, now: this.now() })
    return this.parts.inner.end
  })
  readonly endRead = Effect.suspend(() => {
    this.readShutdown = true
    this.waiters.notify()
    return this.parts.inner.endRead
  })
  readonly abort = Effect.suspend(() => this.reset({ _tag: "Abort" }))

  traffic() {
    const { received, sent, unsent } = this.parts.inner.traffic()
    return { received, sent, unsent: unsent + this.stream.send.queuedBytes }
  }

  /** Closes before the underlying connection: sends queued data first, and resets if they cannot be sent in time. */
  readonly close = Effect.suspend(() => {
    const isSent = () => this.first("send") === undefined
    const leave = Effect.suspend(() => {
      if (!isSent()) return this.reset({ _tag: "Abort" })
      return Effect.sync(() => this.dispatch({ _tag: "Abort" }))
    })
    if (isSent()) return leave
    const now = this.now()
    const { lastDueNanos } = this.stream.send
    const last =
      lastDueNanos === Number.POSITIVE_INFINITY ? now : Math.min(Math.max(lastDueNanos, now), now + maxCloseDelayNanos)
    const sent = this.waiters.until(isSent, () => Effect.void)
    const late = this.parts.injector.delayQueue.sleepUntil(last + overdueGraceNanos)
    return Effect.andThen(Effect.raceFirst(sent, late), leave)
  })
}
