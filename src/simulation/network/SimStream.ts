/** One end of a simulated TCP connection: carries what a `HalfStream` sends over a simulated LAN. */

import * as Cause from "effect/Cause"
import * as Context from "effect/Context"
import * as Effect from "effect/Effect"
import * as NetAddress from "effect/net/NetAddress"
import type * as Endpoint from "../../network/Endpoint.ts"
import { type Connection, NetworkError } from "../../network/Network.ts"
import type * as Packet from "../../network/Packet.ts"
import * as HalfStream from "../stream/HalfStream.ts"
import * as Waiters from "../stream/Waiters.ts"
import type { Node, SimLan } from "./SimLan.ts"

/** Receive window: bytes buffered for the program before the peer must stop sending. */
const receiveWindowBytes = 65_536

/** Bytes that the send queue holds before a write waits. */
const sendBufferBytes = 65_536

/** Maximum bytes of a segment; the size of each is random. */
const maxSegmentBytes = 16_384

/** Time that a closing connection has to deliver its last bytes, before it is reset. */
const closeTimeoutNanos = 1_000_000_000

const noBytes = new Uint8Array(0)
const encoder = new TextEncoder()
const receiveFin: HalfStream.Event = { _tag: "Receive", bytes: noBytes, end: "fin" }
const reset: HalfStream.Event = { _tag: "Reset" }

/** The hosts and addresses of a connection, as one of its ends sees them. */
interface Path {
  readonly node: Node
  readonly other: Node
  readonly from: Endpoint.Endpoint
  readonly to: Endpoint.Endpoint
}

/** One end of a connection, with what the TCP of its host needs. */
export interface SimStream extends Connection {
  /** Ends the handshake with this peer; nothing is sent so that it arrives before `after`. */
  readonly establish: (peer: SimStream, after: number) => void
  readonly isClosed: () => boolean
  /** Handles an event of the program, the network or the host. */
  readonly dispatch: (event: HalfStream.Event) => void
  /** Closes the connection as its scope does: FIN after the last byte, or RST if the peer does not take it in time. */
  readonly close: Effect.Effect<void>
}

/** The state of an end: that of its machine, and what the driver needs to perform the machine's actions. */
interface State {
  readonly lan: SimLan
  readonly path: Path
  readonly remote: NetAddress.InetAddress
  readonly onClosed: () => void
  readonly readers: Waiters.Waiters
  readonly writers: Waiters.Waiters
  readonly closers: Waiters.Waiters
  stream: HalfStream.HalfStream
  peer: SimStream | undefined
  /** Time of arrival of the last segment sent; later segments arrive no earlier. */
  lastArrival: number
  /** True after a fault has ended this direction: segments on their way are lost. */
  isEndedByFault: boolean
}

const isClosed = ({ stream }: State) => stream.state === "CLOSED"

const dispatch = (self: State, event: HalfStream.Event) => {
  const wasClosed = isClosed(self)
  advance(self, event)
  transmit(self)
  if (isClosed(self) && !wasClosed) self.onClosed()
  // The order in which fibers resume decides which of them draws the next random number.
  self.path.node.run(() => {
    for (const waiters of [self.readers, self.writers, self.closers]) waiters.notify()
  })
}

const advance = (self: State, event: HalfStream.Event) => {
  const [next, actions] = HalfStream.step(self.stream, event)
  self.stream = next
  for (const action of actions) perform(self, action)
  return actions
}

/** Sends queued data while the send window is open, in segments of random size. */
const transmit = (self: State) => {
  const { random } = self.lan
  for (let piece = HalfStream.sendable(self.stream); piece !== undefined; piece = HalfStream.sendable(self.stream)) {
    const most = Math.min(piece.bytes.length, self.stream.sendWindow, maxSegmentBytes)
    const maxBytes = most > 1 && random() < 0.5 ? 1 + Math.floor(random() * most) : most
    advance(self, { _tag: "Transmit", maxBytes, now: 0 })
  }
}

const perform = (self: State, action: HalfStream.Action) => {
  switch (action._tag) {
    case "Data":
      return send(self, "data", action.bytes.slice(), (bytes) => ({ _tag: "Receive", bytes }))
    case "Fin":
      return send(self, "fin", noBytes, () => receiveFin)
    case "Rst":
      return self.peer && send(self, "rst", noBytes, () => reset)
    case "Ack": {
      const { from, node, other, to } = self.path
      const packet = { transport: "tcp", kind: "ack", from, to, bytes: noBytes } as const
      const update: HalfStream.Event = { _tag: "WindowUpdate", bytes: action.bytes }
      self.lan.segment(packet, node, other, 0, () => self.peer?.dispatch(update))
    }
  }
}

/** Sends a segment; `arrive` returns the event for the peer. */
const send = (self: State, kind: Packet.Kind, bytes: Uint8Array, arrive: (bytes: Uint8Array) => HalfStream.Event) => {
  const { from, node, other, to } = self.path
  const packet = { transport: "tcp", kind, from, to, bytes } as const
  self.lastArrival = self.lan.segment(packet, node, other, self.lastArrival, (piece, ending) => {
    if (self.isEndedByFault) return
    const { peer } = self
    if (peer === undefined || peer.isClosed()) {
      // Answered with RST, unless the host of the closed connection is down.
      if (kind === "data" && other.up && !isClosed(self)) answerReset(self)
      return
    }
    peer.dispatch(arrive(piece))
    if (ending === undefined) return
    self.isEndedByFault = true
    if (ending === "fin") return peer.dispatch(receiveFin)
    peer.dispatch(reset)
    dispatch(self, reset)
  })
}

const answerReset = (self: State) => {
  const { from, node, other, to } = self.path
  const packet = { transport: "tcp", kind: "rst", from: to, to: from, bytes: noBytes } as const
  self.lan.segment(packet, other, node, 0, () => dispatch(self, reset))
}

const fail = ({ remote, stream }: State) =>
  Effect.fail(new NetworkError({ reason: stream.closeReason ?? "Closed", address: remote }))

const read = (self: State): Uint8Array => {
  const actions = advance(self, { _tag: "Read", now: 0 })
  return actions.find((action) => action._tag === "Deliver")!.bytes
}

const makePull = (self: State): Connection["pull"] => {
  const isReadable = () =>
    isClosed(self) || self.stream.receive.end !== undefined || self.stream.receive.queuedBytes > 0
  const pull: Connection["pull"] = Effect.suspend(() => {
    if (self.stream.receive.queuedBytes > 0) return Effect.succeed(read(self))
    if (HalfStream.isInputOver(self.stream)) return Cause.done()
    return isClosed(self) ? fail(self) : self.readers.until(isReadable, () => pull)
  })
  return pull
}

const write = (self: State, data: Uint8Array | string) =>
  Effect.suspend(() => {
    if (!HalfStream.canWrite(self.stream)) return fail(self)
    const bytes = typeof data === "string" ? encoder.encode(data) : data
    if (bytes.length === 0) return Effect.void
    dispatch(self, { _tag: "Write", bytes })
    const isWritable = () => isClosed(self) || self.stream.send.queuedBytes < sendBufferBytes
    if (isWritable()) return Effect.void
    return self.writers.until(isWritable, () => (isClosed(self) ? fail(self) : Effect.void))
  })

const close = (self: State): Effect.Effect<void> => {
  if (isClosed(self)) return Effect.void
  dispatch(self, { _tag: "End" })
  dispatch(self, { _tag: "DiscardInput" })
  const leave = Effect.sync(() => dispatch(self, { _tag: HalfStream.isFinSent(self.stream) ? "Close" : "Abort" }))
  return HalfStream.isFinished(self.stream) ? leave : Effect.andThen(awaitFinish(self), leave)
}

const awaitFinish = (self: State) => {
  const { clock } = self.lan
  let isLate = false
  const timer = clock.schedule(clock.now() + closeTimeoutNanos, () => {
    isLate = true
    self.closers.notify()
  })
  const isOver = () => isLate || HalfStream.isFinished(self.stream)
  const cancelTimer = Effect.sync(() => clock.cancel(timer))
  return Effect.ensuring(
    self.closers.until(isOver, () => Effect.void),
    cancelTimer
  )
}

const establish = (self: State, peer: SimStream, after: number) => {
  self.peer = peer
  self.lastArrival = Math.max(self.lastArrival, after)
}

/** Creates one end, before the handshake; `onClosed` is called when it enters CLOSED. */
export const make = (lan: SimLan, path: Path, onClosed: () => void): SimStream => {
  const remote = NetAddress.inetAddressFromNativeUnsafe(path.to.address, path.to.port)
  const state: State = {
    ...{ lan, path, remote, onClosed, readers: Waiters.make(), writers: Waiters.make(), closers: Waiters.make() },
    ...{ stream: HalfStream.make(receiveWindowBytes), peer: undefined, lastArrival: 0, isEndedByFault: false }
  }
  const event = (event: HalfStream.Event) => Effect.sync(() => dispatch(state, event))
  return {
    ...{ local: NetAddress.inetAddressFromNativeUnsafe(path.from.address, path.from.port), remote },
    context: Context.empty(),
    pull: makePull(state),
    write: (data) => write(state, data),
    end: event({ _tag: "End" }),
    endRead: event({ _tag: "EndRead", now: 0 }),
    abort: event({ _tag: "Abort" }),
    close: Effect.suspend(() => close(state)),
    traffic: () => {
      const { received, send, sent } = state.stream
      return { received, sent, unsent: send.queuedBytes }
    },
    isClosed: () => isClosed(state),
    dispatch: (event) => dispatch(state, event),
    establish: (peer, after) => establish(state, peer, after)
  }
}
