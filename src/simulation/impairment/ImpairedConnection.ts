/** One end of an impaired connection: a `HalfStream` between the program and the underlying connection. */

import * as Cause from "effect/Cause"
import * as Chunk from "effect/Chunk"
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

/** The state of an end: that of its machine, and what the driver needs to perform the machine's actions. */
interface State {
  readonly parts: Parts
  readonly remote: Connection["remote"]
  readonly outbound: ImpairedDirection.ImpairedDirection
  readonly inbound: ImpairedDirection.ImpairedDirection
  readonly waiters: Waiters.Waiters
  stream: HalfStream.HalfStream
  /** Bytes of both queues that the buffers of all streams count; undefined once the connection is closed. */
  countedBytes: number | undefined
  /** True once a fiber reads from the underlying connection, or writes to it. */
  isReading: boolean
  isWriting: boolean
  readShutdown: boolean
  /** Failure of the underlying connection; reported once the program has read what arrived before. */
  failure: NetworkError | undefined
}

/** An impaired connection, with what `ImpairedStream` needs. */
export interface ImpairedConnection extends Connection {
  readonly outbound: ImpairedDirection.ImpairedDirection
  readonly inbound: ImpairedDirection.ImpairedDirection
  /** Applies the plan to a packet. Returns true if it passes at once; queues it otherwise, or if `waits`. */
  readonly admit: (side: "send" | "receive", kind: Packet.Kind, bytes: Uint8Array, waits?: boolean) => boolean
  /** Waits until the packets that are queued in both directions at the start, the handshake, are due. */
  readonly established: Effect.Effect<void>
  /** Lets everything that is queued pass at once, in its order. */
  readonly hasten: () => void
  readonly startWriteLoop: Effect.Effect<unknown>
  /** Closes before the underlying connection: sends queued data first, and resets if they cannot be sent in time. */
  readonly close: Effect.Effect<void>
}

const now = (self: State) => self.parts.injector.delayQueue.now()
const isClosed = (self: State) => self.stream.state === "CLOSED"
const first = (self: State, side: "send" | "receive") => HalfStream.head(self.stream[side])

const advance = (self: State, event: HalfStream.Event) => {
  const [next, actions] = HalfStream.step(self.stream, event)
  self.stream = next
  countBytes(self)
  return actions
}
/** Tells the buffers of all streams what the queues of this one hold. */
const countBytes = (self: State) => {
  if (self.countedBytes === undefined) return
  const bytes = self.stream.send.queuedBytes + self.stream.receive.queuedBytes
  if (bytes === self.countedBytes) return
  self.parts.injector.streamBuffers.add(bytes - self.countedBytes)
  self.countedBytes = bytes
}
const dispatch = (self: State, event: HalfStream.Event) => {
  advance(self, event)
  self.waiters.notify()
}

const error = (self: State) =>
  self.failure ?? new NetworkError({ reason: self.stream.closeReason ?? "Closed", address: self.remote })
/** Maps a failure of the underlying connection: after a fault has reset it, the peer seems to have done so. */
const seenByProgram = <E>(self: State, failure: E) => (isClosed(self) ? error(self) : failure)

/** Resets the underlying connection. Waiting fibers may close it at once, so they resume after the RST. */
const reset = (self: State, event: HalfStream.Event) =>
  Effect.suspend(() => {
    advance(self, event)
    return Effect.andThen(
      self.parts.inner.abort,
      Effect.sync(() => self.waiters.notify())
    )
  })

/** Applies the plan to a packet. Returns true if it passes at once; queues it otherwise, or if `waits`. */
const admit = (self: State, side: "send" | "receive", kind: Packet.Kind, bytes: Uint8Array, waits = false): boolean => {
  const { end, lastDueNanos, pieces } = self.stream[side]
  if (end !== undefined) return false
  const input = (side === "send" ? self.outbound : self.inbound).inspect(kind, bytes)
  if (input === undefined && !waits && pieces.length === 0 && lastDueNanos <= now(self)) return true
  const isFin = kind === "fin"
  const tag = side === "receive" ? "Receive" : isFin ? "End" : "Write"
  dispatch(self, { _tag: tag, ...(input ?? { bytes, end: isFin ? "fin" : undefined }) })
  return false
}

/** Waits until a time, or until a condition holds. */
const sleepUntil = (self: State, dueNanos: number, isCancelled: () => boolean) =>
  Effect.raceFirst(
    self.parts.injector.delayQueue.sleepUntil(dueNanos),
    self.waiters.until(isCancelled, () => Effect.void)
  )
const awaitDue = (self: State, side: "send" | "receive", piece: HalfStream.Piece, isCancelled: () => boolean) =>
  sleepUntil(self, piece.dueNanos, () => first(self, side) !== piece || isCancelled())

const established = (self: State) =>
  Effect.suspend(() => {
    const dueNanos = () => Math.max(self.stream.send.lastDueNanos, self.stream.receive.lastDueNanos)
    return sleepUntil(self, dueNanos(), () => dueNanos() <= now(self))
  })

const hastened = (side: HalfStream.Side, now: number): HalfStream.Side =>
  side.lastDueNanos <= now
    ? side
    : {
        ...side,
        pieces: Chunk.map(side.pieces, (piece) => (piece.dueNanos <= now ? piece : { ...piece, dueNanos: now })),
        lastDueNanos: now
      }
const hasten = (self: State) => {
  const time = now(self)
  const { receive, send } = self.stream
  self.stream = { ...self.stream, send: hastened(send, time), receive: hastened(receive, time) }
  self.waiters.notify()
}

/** Returns true if a direction takes no more data for now. */
const isFull = (self: State, side: "send" | "receive") =>
  self.parts.injector.streamBuffers.isFull(self.stream[side], now(self))

/** Passes the first piece of the send queue on when it is due. */
const sendFirst = (self: State): Effect.Effect<void, NetworkError> =>
  Effect.suspend(() => {
    const piece = first(self, "send")
    if (piece === undefined) return Effect.void
    if (piece.dueNanos > now(self)) return awaitDue(self, "send", piece, () => isClosed(self))
    const transmit = { _tag: "Transmit", maxBytes: Number.POSITIVE_INFINITY, now: now(self) } as const
    const pass = Effect.suspend(() => {
      self.outbound.willSend(piece)
      if (piece.end === "rst") return reset(self, transmit)
      const { inner } = self.parts
      const passed = Effect.sync(() => dispatch(self, transmit))
      return Effect.andThen(piece.end === "fin" ? inner.end : inner.write(piece.bytes), passed)
    })
    return piece.separate || piece.end === "rst" ? Effect.andThen(Effect.yieldNow, pass) : pass
  })
const writeLoop = (self: State) =>
  Effect.suspend(() =>
    self.waiters.until(
      () => isClosed(self) || first(self, "send") !== undefined,
      () => sendFirst(self)
    )
  ).pipe(
    Effect.repeat({ until: () => isClosed(self) }),
    Effect.catch((failure) =>
      Effect.sync(() => {
        if (!isClosed(self)) self.failure ??= failure
        dispatch(self, { _tag: "Reset" })
      })
    )
  )
const startWriteLoop = (self: State) =>
  Effect.suspend(() => {
    if (self.isWriting || first(self, "send") === undefined) return Effect.void
    self.isWriting = true
    return Effect.forkIn(writeLoop(self), self.parts.fork)
  })

/** Reads ahead while the buffer has space, so that delayed data do not delay the data after them further. */
const readLoop = (self: State) =>
  Effect.suspend(() =>
    self.waiters.until(
      () => isClosed(self) || !isFull(self, "receive"),
      () => Effect.map(self.parts.inner.pull, (bytes) => void admit(self, "receive", "data", bytes, true))
    )
  ).pipe(
    Effect.repeat({ until: () => isClosed(self) }),
    Effect.catch((failure) =>
      Effect.sync(() => {
        if (!Cause.isDone(failure)) self.failure ??= isClosed(self) ? undefined : failure
        else if (self.readShutdown) advance(self, { _tag: "EndRead", now: now(self) })
        else admit(self, "receive", "fin", noBytes, true)
        self.waiters.notify()
      })
    )
  )
const startReadLoop = (self: State) =>
  Effect.suspend(() => {
    self.isReading = true
    return Effect.forkIn(readLoop(self), self.parts.fork)
  })

/** Reads what is due. */
const read = (self: State): Connection["pull"] =>
  Effect.suspend(() => {
    const actions = advance(self, { _tag: "Read", now: now(self) })
    const delivered = actions.find((action) => action._tag === "Deliver")
    const result = delivered === undefined ? pull(self) : Effect.succeed(delivered.bytes)
    if (actions.some((action) => action._tag === "Rst")) return Effect.andThen(reset(self, { _tag: "Reset" }), result)
    self.waiters.notify()
    return result
  })
const pullDirectly = (self: State): Connection["pull"] =>
  Effect.uninterruptibleMask((restore) =>
    Effect.matchEffect(restore(self.parts.inner.pull), {
      onSuccess: (bytes): Connection["pull"] => {
        if (self.parts.localEnd.isPeerLocal || admit(self, "receive", "data", bytes)) return Effect.succeed(bytes)
        return Effect.andThen(startReadLoop(self), restore(pull(self)))
      },
      onFailure: (failure): Connection["pull"] => {
        // The first reason stays that of all later failures.
        if (!Cause.isDone(failure)) self.failure ??= isClosed(self) ? undefined : failure
        if (!Cause.isDone(failure) || isClosed(self)) return Effect.fail(error(self))
        if (self.readShutdown) advance(self, { _tag: "EndRead", now: now(self) })
        // The other end has applied the plan to its FIN.
        else if (self.parts.localEnd.isPeerLocal) advance(self, { _tag: "Receive", bytes: noBytes, end: "fin" })
        else admit(self, "receive", "fin", noBytes, true)
        return restore(pull(self))
      }
    })
  )
const pull = (self: State): Connection["pull"] =>
  Effect.suspend(() => {
    const piece = first(self, "receive")
    if (piece !== undefined && piece.dueNanos <= now(self))
      return piece.separate ? Effect.andThen(Effect.yieldNow, read(self)) : read(self)
    if (piece !== undefined) {
      if (!self.readShutdown)
        return Effect.andThen(
          awaitDue(self, "receive", piece, () => isClosed(self) || self.readShutdown),
          pull(self)
        )
      // The piece has not arrived, and never will.
      dispatch(self, { _tag: "EndRead", now: now(self) })
    }
    if (HalfStream.isInputOver(self.stream)) return Cause.done()
    if (isClosed(self)) return Effect.fail(error(self))
    if (self.failure !== undefined) return Effect.fail(self.failure)
    return self.isReading
      ? self.waiters.until(
          () => isReadable(self),
          () => pull(self)
        )
      : pullDirectly(self)
  })
const isReadable = (self: State) =>
  isClosed(self) || first(self, "receive") !== undefined || self.stream.receive.end !== undefined || !!self.failure

const write = (self: State, data: Uint8Array | string) => {
  return Effect.suspend(() => {
    if (!HalfStream.canWrite(self.stream) || self.failure !== undefined) return Effect.fail(error(self))
    const bytes = typeof data === "string" ? encoder.encode(data) : data
    if (bytes.length === 0 || admit(self, "send", "data", bytes, self.isWriting))
      return Effect.mapError(self.parts.inner.write(bytes), (failure) => seenByProgram(self, failure))
    const awaitSpace = self.waiters.until(
      () => isClosed(self) || !isFull(self, "send"),
      () => (isClosed(self) ? Effect.fail(error(self)) : Effect.void)
    )
    return Effect.andThen(startWriteLoop(self), awaitSpace)
  })
}

const end = (self: State) =>
  Effect.suspend(() => {
    if (!HalfStream.canWrite(self.stream)) return self.parts.inner.end
    const passes = admit(self, "send", "fin", noBytes, self.isWriting)
    dispatch(self, { _tag: "End" })
    if (!passes) return startWriteLoop(self)
    dispatch(self, { _tag: "Transmit", maxBytes: 0, now: now(self) })
    return self.parts.inner.end
  })
const endRead = (self: State) =>
  Effect.suspend(() => {
    self.readShutdown = true
    self.waiters.notify()
    return self.parts.inner.endRead
  })
const abort = (self: State) => Effect.suspend(() => reset(self, { _tag: "Abort" }))

const traffic = (self: State) => {
  const { received, sent, unsent } = self.parts.inner.traffic()
  return { received, sent, unsent: unsent + self.stream.send.queuedBytes }
}

/** Closes before the underlying connection: sends queued data first, and resets if they cannot be sent in time. */
const close = (self: State) =>
  Effect.ensuring(
    flush(self),
    Effect.sync(() => forget(self))
  )
/** Removes the bytes of a closed connection from the buffers of all streams: those not read stay until it is freed. */
const forget = (self: State) => {
  if (self.countedBytes !== undefined) self.parts.injector.streamBuffers.add(-self.countedBytes)
  self.countedBytes = undefined
}
const flush = (self: State) =>
  Effect.suspend(() => {
    const isSent = () => first(self, "send") === undefined
    const leave = Effect.suspend(() => {
      if (!isSent()) return reset(self, { _tag: "Abort" })
      return Effect.sync(() => dispatch(self, { _tag: "Abort" }))
    })
    if (isSent()) return leave
    const time = now(self)
    const { lastDueNanos } = self.stream.send
    const last =
      lastDueNanos === Number.POSITIVE_INFINITY
        ? time
        : Math.min(Math.max(lastDueNanos, time), time + maxCloseDelayNanos)
    const sent = self.waiters.until(isSent, () => Effect.void)
    const late = self.parts.injector.delayQueue.sleepUntil(last + overdueGraceNanos)
    return Effect.andThen(Effect.raceFirst(sent, late), leave)
  })

/**
 * Wraps a connection. Each direction passes its packets on directly until a fault applies to one of them; from then on
 * a fiber passes on what its queue holds.
 */
export const make = (parts: Parts): ImpairedConnection => {
  const { far, injector, inner, near } = parts
  const isEnded = (side: "send" | "receive") => () => isClosed(state) || state.stream[side].end !== undefined
  const outbound = ImpairedDirection.make(injector, near, far, "outbound", isEnded("send"))
  const inbound = ImpairedDirection.make(injector, far, near, "inbound", isEnded("receive"))
  const state: State = {
    ...{ parts, remote: inner.remote, outbound, inbound, waiters: Waiters.make() },
    ...{ stream: HalfStream.make(Number.POSITIVE_INFINITY), countedBytes: 0, failure: undefined },
    ...{ isReading: false, isWriting: false, readShutdown: false }
  }
  return {
    ...{ local: inner.local, remote: inner.remote, context: inner.context, outbound, inbound },
    pull: pull(state),
    write: (data) => write(state, data),
    end: end(state),
    endRead: endRead(state),
    abort: abort(state),
    traffic: () => traffic(state),
    admit: (side, kind, bytes, waits) => admit(state, side, kind, bytes, waits),
    established: established(state),
    hasten: () => hasten(state),
    startWriteLoop: startWriteLoop(state),
    close: close(state)
  }
}
