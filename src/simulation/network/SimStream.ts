/** One end of a simulated TCP connection, as its program sees it. */

import * as Cause from "effect/Cause"
import * as Context from "effect/Context"
import * as Effect from "effect/Effect"
import type * as NetAddress from "effect/net/NetAddress"
import { type Connection, NetworkError } from "../../network/Network.ts"
import * as HalfStream from "../stream/HalfStream.ts"
import * as ReceiveWindow from "../stream/ReceiveWindow.ts"
import * as SimKeepAlive from "./SimKeepAlive.ts"
import type { SimLan } from "./SimLan.ts"
import * as SimSegments from "./SimSegments.ts"

/** Bytes that the send queue holds before a write waits. */
const sendBufferBytes = 65_536

/** Time that a closing connection has to deliver its last bytes, and to its peer that sends, as `NodeNetwork` has. */
const lingerNanos = 1_000_000_000

/** Time for the peer of a closing connection to close too, or to show that it is still sending. */
const graceNanos = 50_000_000

const encoder = new TextEncoder()

/** Parts of an end. */
export interface Parts {
  readonly path: SimSegments.Path
  /** Addresses as the program sees them, which it may have written otherwise than packets do. */
  readonly local: NetAddress.InetAddress
  readonly remote: NetAddress.InetAddress
  readonly isClient: boolean
  /** Time without a segment of the peer after which it is probed; undefined: never. */
  readonly keepAliveNanos?: number | undefined
  /** Called when the end enters CLOSED, with true if its port stays in TIME_WAIT. */
  readonly onClosed: (isTimeWait: boolean) => void
}

/** One end of a connection, with what the TCP of its host needs. */
export interface SimStream extends Connection, SimSegments.Peer {
  /** Begins with this peer; nothing is sent so that it arrives before `after`. */
  readonly meet: (peer: SimStream, after: number) => void
  /** Ends the handshake, which measures the round trip. */
  readonly establish: () => void
  /** Calls back when the next segment of the peer arrives. */
  readonly onHeard: (callback: () => void) => void
  /** Handles an event of the host. */
  readonly dispatch: (event: HalfStream.Event) => void
  /** Closes the connection as its scope does: FIN after the last byte, and no RST for what arrives until the peer's. */
  readonly close: Effect.Effect<void>
  /** Closes at once, as a process that ends: FIN, or RST if data are unread. */
  readonly destroy: () => void
  /** Forgets the connection, as a crash does. */
  readonly forget: () => void
}

type State = SimSegments.State

const { dispatch, isClosed } = SimSegments

/** Returns the reason of failures, which is `Closed` after the program's own close. */
const reasonOf = ({ isClosing, isResetUnmet, stream }: State) =>
  isClosing || isResetUnmet ? "Closed" : (stream.closeReason ?? "Closed")

const read = (self: State): Uint8Array => {
  const actions = SimSegments.advance(self, { _tag: "Read", now: 0 })
  const { receive, received, withheld } = self.stream
  const rttNanos = self.dataDelayNanos + self.ackDelayNanos
  const readBytes = received - receive.queuedBytes - withheld
  self.window = ReceiveWindow.afterRead(self.window, readBytes, self.lan.clock.now(), rttNanos)
  if (self.window.bytes > self.stream.receiveWindow)
    SimSegments.advance(self, { _tag: "GrowWindow", bytes: self.window.bytes })
  return actions.find((action) => action._tag === "Deliver")!.bytes
}

const makePull = (self: State, fail: () => Effect.Effect<never, NetworkError>): Connection["pull"] => {
  const isReadable = () =>
    isClosed(self) || self.isClosing || self.stream.receive.end !== undefined || self.stream.receive.queuedBytes > 0
  const pull: Connection["pull"] = Effect.suspend(() => {
    self.isReading = true
    if (self.stream.receive.queuedBytes > 0) {
      // Node reads on, and meets an RST behind the data.
      if (self.stream.receive.end === undefined) self.isResetUnmet = false
      return Effect.succeed(read(self))
    }
    if (HalfStream.isInputOver(self.stream) && !self.isFinLost) return Cause.done()
    if (!isClosed(self) && !self.isClosing) return self.readers.until(isReadable, () => pull)
    self.isResetUnmet = false
    return fail()
  })
  return pull
}

/** Reports success for a write after an RST that Node has not met, as Node does; what it has not read is lost. */
const writeAfterUnmetReset = (self: State) => {
  self.isResetUnmet = false
  self.isFinLost ||= !self.isReading
  dispatch(self, { _tag: "DiscardInput" })
  return Effect.void
}

const write = (self: State, data: Uint8Array | string, fail: () => Effect.Effect<never, NetworkError>) =>
  Effect.suspend(() => {
    if (self.isResetUnmet && !self.isOutputEnded && !self.isClosing) return writeAfterUnmetReset(self)
    if (!HalfStream.canWrite(self.stream)) return fail()
    const bytes = typeof data === "string" ? encoder.encode(data) : data
    if (bytes.length === 0) return Effect.void
    dispatch(self, { _tag: "Write", bytes })
    const isOver = () => isClosed(self) || self.isClosing
    const isWritable = () => isOver() || self.stream.send.queuedBytes < sendBufferBytes
    if (isWritable()) return Effect.void
    return self.writers.until(isWritable, () => (isOver() ? fail() : Effect.void))
  })

const end = (self: State) => {
  self.isOutputEnded = true
  if (!HalfStream.canWrite(self.stream)) return
  self.isActiveClose = !HalfStream.hasPeersFin(self.stream)
  dispatch(self, { _tag: "End" })
}

/**
 * Closes as `NodeNetwork` does: input is read and discarded until the peer's FIN. It waits for the grace time, or for
 * the linger time while the peer sends or does not take the last bytes, which are lost then, without RST.
 */
const close = (self: State): Effect.Effect<void> => {
  if (self.isClosing) return Effect.void
  if (isClosed(self)) {
    // An RST that the program has not met concerns nobody any more.
    self.isClosing = self.isResetUnmet
    dispatch(self, { _tag: "DiscardInput" })
    return Effect.void
  }
  const { received, receive, withheld } = self.stream
  const unread = receive.queuedBytes + withheld
  self.isClosing = true
  end(self)
  dispatch(self, { _tag: "DiscardInput" })
  const leave = Effect.sync(() => {
    dispatch(self, { _tag: "DiscardOutput" })
    dispatch(self, { _tag: "Close" })
  })
  if (HalfStream.isFinished(self.stream)) return leave
  const isPeerSending = () => unread > 0 || self.stream.received > received
  return Effect.andThen(awaitFinish(self, isPeerSending), leave)
}

const awaitFinish = (self: State, isPeerSending: () => boolean) => {
  const { clock } = self.lan
  let isLate = false
  let isGraceOver = false
  const linger = clock.schedule(clock.now() + lingerNanos, () => {
    isLate = true
    self.closers.notify()
  })
  const isSent = () => isLate || HalfStream.isFinSent(self.stream)
  const isOver = () => isLate || HalfStream.isFinished(self.stream) || (isGraceOver && !isPeerSending())
  const awaitPeer = Effect.suspend(() => {
    if (isOver()) return Effect.void
    const grace = clock.schedule(clock.now() + graceNanos, () => {
      isGraceOver = true
      self.closers.notify()
    })
    const cancelGrace = Effect.sync(() => clock.cancel(grace))
    return Effect.ensuring(
      self.closers.until(isOver, () => Effect.void),
      cancelGrace
    )
  })
  return Effect.ensuring(
    self.closers.until(isSent, () => awaitPeer),
    Effect.sync(() => clock.cancel(linger))
  )
}

const endRead = (self: State) => {
  self.isReading = true
  dispatch(self, { _tag: "EndRead", now: 0 })
  const { receive } = self.stream
  if (!self.isResetUnmet || receive.end !== undefined) return
  // Node begins to read here and meets the RST, but the input has ended before.
  self.isResetUnmet = false
  self.stream = { ...self.stream, receive: { ...receive, end: "fin" } }
}

/** Resets; an RST of the peer that the program has not met concerns nobody any more. */
const abort = (self: State) => {
  self.isFinLost ||= !self.isReading && HalfStream.hasPeersFin(self.stream)
  if (self.isResetUnmet) dispatch(self, { _tag: "DiscardInput" })
  self.isClosing ||= self.isResetUnmet
  self.isResetUnmet = false
  dispatch(self, { _tag: "Abort" })
}

const destroy = (self: State) => {
  const { receive, withheld } = self.stream
  self.isClosing = true
  if (receive.queuedBytes + withheld > 0) return dispatch(self, { _tag: "Abort" })
  end(self)
  dispatch(self, { _tag: "Close" })
}

/** Creates one end, before the handshake. */
export const make = (lan: SimLan, parts: Parts): SimStream => {
  const { isClient, keepAliveNanos, local, onClosed, path, remote } = parts
  const state = SimSegments.make(lan, path, isClient, onClosed)
  const startNanos = lan.clock.now()
  const fail = () => Effect.fail(new NetworkError({ reason: reasonOf(state), address: remote }))
  return {
    local,
    remote,
    context: Context.empty(),
    pull: makePull(state, fail),
    write: (data) => write(state, data, fail),
    end: Effect.sync(() => end(state)),
    endRead: Effect.sync(() => endRead(state)),
    abort: Effect.sync(() => abort(state)),
    close: Effect.suspend(() => close(state)),
    traffic: () => {
      const { received, send, sent } = state.stream
      return { received, sent, unsent: send.queuedBytes }
    },
    isClosed: () => isClosed(state),
    isForgotten: () => state.isForgotten,
    dispatch: (event) => dispatch(state, event),
    receive: (event, delayNanos) => SimSegments.hear(state, event, delayNanos),
    meet: (peer, after) => {
      state.peer = peer
      if (after < Number.POSITIVE_INFINITY) state.lastArrival = Math.max(state.lastArrival, after)
    },
    establish: () => {
      const now = lan.clock.now()
      state.window = ReceiveWindow.make(now)
      // Until the window is announced, half the round trip of the handshake is its delay.
      state.ackDelayNanos = (now - startNanos) / 2
      if (keepAliveNanos !== undefined) SimKeepAlive.start(state, keepAliveNanos)
    },
    onHeard: (callback) => {
      state.onHeard = callback
    },
    destroy: () => destroy(state),
    forget: () => {
      state.isForgotten = true
      dispatch(state, { _tag: "Close" })
    }
  }
}
