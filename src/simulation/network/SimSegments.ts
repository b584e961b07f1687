/**
 * Segments of one end of a simulated TCP connection, which carry what its `HalfStream` sends over a LAN. Segments for
 * closed ends are answered with RST; those that a crashed host or an endless partition stops are retransmitted.
 */
import type * as Endpoint from "../../network/Endpoint.ts"
import type * as Packet from "../../network/Packet.ts"
import type * as SimClock from "../runtime/SimClock.ts"
import * as HalfStream from "../stream/HalfStream.ts"
import * as ReceiveWindow from "../stream/ReceiveWindow.ts"
import * as Waiters from "../stream/Waiters.ts"
import type { Node, SimLan } from "./SimLan.ts"

/** Maximum bytes of a segment; the size of each is random. */
const maxSegmentBytes = 16_384

/** Retransmission timeout and its limit, and the time after which Linux gives up (`tcp_retries2`). */
const minRetransmissionNanos = 200_000_000
const maxRetransmissionNanos = 120_000_000_000
const giveUpNanos = 924_600_000_000

/** Bytes that Node reads ahead of the program; it does not meet an RST behind more. */
const readAheadBytes = 65_536

const noBytes = new Uint8Array(0)
const receiveFin: HalfStream.Event = { _tag: "Receive", bytes: noBytes, end: "fin" }
const reset: HalfStream.Event = { _tag: "Reset" }

/** The hosts and addresses of a connection, as one of its ends sees them. */
export interface Path {
  readonly node: Node
  readonly other: Node
  readonly from: Endpoint.Endpoint
  readonly to: Endpoint.Endpoint
}

/** The peer of an end. */
export interface Peer {
  readonly isClosed: () => boolean
  /** Returns true if its host knows nothing of the connection any more, and answers all segments with RST. */
  readonly isForgotten: () => boolean
  /** Handles a segment that has arrived, `delayNanos` after it was sent. */
  readonly receive: (event: HalfStream.Event, delayNanos?: number) => void
}

interface Segment {
  readonly kind: Packet.Kind
  readonly bytes: Uint8Array
  /** Returns the event for the peer. */
  readonly arrive: (bytes: Uint8Array) => HalfStream.Event
}

/** The state of an end: that of its machine, and what the driver needs to perform the machine's actions. */
export interface State {
  readonly lan: SimLan
  readonly path: Path
  /** Called when the end enters CLOSED, with true if its port stays in TIME_WAIT. */
  readonly onClosed: (isTimeWait: boolean) => void
  readonly readers: Waiters.Waiters
  readonly writers: Waiters.Waiters
  readonly closers: Waiters.Waiters
  stream: HalfStream.HalfStream
  window: ReceiveWindow.ReceiveWindow
  /** Shortest delay of data of the peer, and delay of the last announcement of the window: the round trip of data. */
  dataDelayNanos: number
  ackDelayNanos: number
  peer: Peer | undefined
  /** Time of arrival of the last segment sent; later segments arrive no earlier. */
  lastArrival: number
  /** Time of arrival of the last segment of the peer. */
  heardNanos: number
  /** Called when the next segment of the peer arrives. */
  onHeard: (() => void) | undefined
  /** Segments that did not pass, and wait for their retransmission. */
  readonly unacknowledged: Array<Segment>
  retransmission: SimClock.Event | undefined
  retransmissionNanos: number
  /** Time since which no segment has passed. */
  stuckSinceNanos: number | undefined
  keepAlive: SimClock.Event | undefined
  /** True after a fault has ended this direction: segments on their way are lost. */
  isEndedByFault: boolean
  /** True if Node reads from the socket: that of a client from the start, an accepted one from its first pull. */
  isReading: boolean
  /** True after an RST that Node has not met: it reports it with the operation after the next write. */
  isResetUnmet: boolean
  /** True if the program aborted before Node had read the peer's FIN. */
  isFinLost: boolean
  /** True after the program has ended its output. */
  isOutputEnded: boolean
  /** True from the time the program closes. */
  isClosing: boolean
  /** True if this end has sent FIN first. */
  isActiveClose: boolean
  /** True after a crash or a timeout. */
  isForgotten: boolean
}

/** Creates the state of an end before the handshake. */
export const make = (lan: SimLan, path: Path, isClient: boolean, onClosed: State["onClosed"]): State => ({
  ...{ lan, path, onClosed, readers: Waiters.make(), writers: Waiters.make(), closers: Waiters.make() },
  ...{ stream: HalfStream.make(ReceiveWindow.initialBytes), window: ReceiveWindow.make(lan.clock.now()) },
  ...{ dataDelayNanos: Number.POSITIVE_INFINITY, ackDelayNanos: 0 },
  ...{ peer: undefined, lastArrival: 0, heardNanos: lan.clock.now(), onHeard: undefined, unacknowledged: [] },
  ...{ retransmission: undefined, retransmissionNanos: minRetransmissionNanos, stuckSinceNanos: undefined },
  keepAlive: undefined,
  ...{ isEndedByFault: false, isReading: isClient, isResetUnmet: false, isFinLost: false },
  ...{ isOutputEnded: false, isClosing: false, isActiveClose: false, isForgotten: false }
})

export const isClosed = ({ stream }: State): boolean => stream.state === "CLOSED"

/** Handles an event of the program, the network or the host. */
export const dispatch = (self: State, event: HalfStream.Event): void => {
  const before = self.stream
  advance(self, event)
  transmit(self)
  if (isClosed(self) && before.state !== "CLOSED") enterClosed(self, before, event)
  // The order in which fibers resume decides which of them draws the next random number.
  self.path.node.run(() => {
    for (const waiters of [self.readers, self.writers, self.closers]) waiters.notify()
  })
}

/** Handles a segment that has arrived. */
export const hear = (self: State, event: HalfStream.Event, delayNanos?: number): void => {
  self.heardNanos = self.lan.clock.now()
  // Data that wait in the queue of a slow link do not prolong it: a larger window would only lengthen the queue.
  if (delayNanos !== undefined) self.dataDelayNanos = Math.min(self.dataDelayNanos, delayNanos)
  if (self.onHeard !== undefined) {
    const { onHeard } = self
    self.onHeard = undefined
    onHeard()
  }
  dispatch(self, event)
}

const enterClosed = (self: State, before: HalfStream.HalfStream, { _tag }: HalfStream.Event) => {
  if (_tag === "Reset" || _tag === "TimeOut") {
    // Node stops reading at FIN, and while much is unread. A write that waits meets the RST, too.
    const reads = self.isReading && !HalfStream.hasPeersFin(before) && before.receive.queuedBytes < readAheadBytes
    self.isResetUnmet = !reads && before.send.queuedBytes === 0
  }
  for (const timer of [self.retransmission, self.keepAlive]) if (timer !== undefined) self.lan.clock.cancel(timer)
  self.unacknowledged.length = 0
  self.onClosed(_tag === "Close" && self.isActiveClose && !self.isForgotten)
}

/** Lets the machine handle an event, and performs its actions; returns them. */
export const advance = (self: State, event: HalfStream.Event): ReadonlyArray<HalfStream.Action> => {
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

const receive = (bytes: Uint8Array): HalfStream.Event => ({ _tag: "Receive", bytes })

const perform = (self: State, action: HalfStream.Action) => {
  switch (action._tag) {
    case "Data":
      return send(self, { kind: "data", bytes: action.bytes.slice(), arrive: receive })
    case "Fin":
      return send(self, { kind: "fin", bytes: noBytes, arrive: () => receiveFin })
    case "Rst":
      return self.peer && send(self, { kind: "rst", bytes: noBytes, arrive: () => reset })
    case "Ack": {
      const update: HalfStream.Event = { _tag: "WindowUpdate", bytes: action.bytes }
      return send(self, { kind: "ack", bytes: noBytes, arrive: () => update })
    }
  }
}

/** Sends a segment, behind those that wait for their retransmission. */
const send = (self: State, segment: Segment) => {
  if (self.unacknowledged.length > 0 && segment.kind !== "rst") self.unacknowledged.push(segment)
  else transmitSegment(self, segment)
}

const transmitSegment = (self: State, segment: Segment) => {
  const { lan, path } = self
  const { bytes, kind } = segment
  const packet = { transport: "tcp", kind, from: path.from, to: path.to, bytes } as const
  // The window is announced apart from the data.
  const notBefore = kind === "ack" ? 0 : self.lastArrival
  const sentNanos = lan.clock.now()
  const arrival = lan.segment(packet, path.node, path.other, notBefore, (piece, ending) =>
    onArrival(self, segment, sentNanos, piece, ending)
  )
  if (arrival === Number.POSITIVE_INFINITY) retransmitLater(self, segment)
  else if (kind === "ack") self.ackDelayNanos = arrival - sentNanos
  else self.lastArrival = arrival
}

const onArrival = (
  self: State,
  segment: Segment,
  sentNanos: number,
  piece: Uint8Array,
  ending: "fin" | "rst" | undefined
) => {
  const { peer } = self
  const isAck = segment.kind === "ack"
  if (self.isEndedByFault && !isAck) return
  if (!self.path.other.up) return retransmitLater(self, { ...segment, bytes: piece })
  if (peer === undefined || peer.isClosed()) return answer(self, segment.kind)
  if (self.stuckSinceNanos !== undefined) {
    self.stuckSinceNanos = undefined
    self.retransmissionNanos = minRetransmissionNanos
  }
  peer.receive(segment.arrive(piece), segment.kind === "data" ? self.lan.clock.now() - sentNanos : undefined)
  if (ending === undefined || isAck) return
  self.isEndedByFault = true
  if (ending === "fin") return peer.receive(receiveFin)
  peer.receive(reset)
  dispatch(self, reset)
}

/** Answers a segment for a closed end by RST; an end in FIN_WAIT_2 or TIME_WAIT does so for data only. */
export const answer = (self: State, kind: Packet.Kind): void => {
  if (isClosed(self) || kind === "rst" || (kind !== "data" && !self.peer?.isForgotten())) return
  const { from, node, other, to } = self.path
  const packet = { transport: "tcp", kind: "rst", from: to, to: from, bytes: noBytes } as const
  self.lan.segment(packet, other, node, 0, () => dispatch(self, reset))
}

/** Queues a segment for retransmission, after 0.2, 0.6, 1.4 seconds and so on, for a quarter of an hour. */
const retransmitLater = (self: State, segment: Segment) => {
  if (segment.kind === "rst" || isClosed(self)) return
  const { clock } = self.lan
  self.unacknowledged.push(segment)
  self.stuckSinceNanos ??= clock.now()
  if (self.retransmission !== undefined) return
  const giveUpAt = self.stuckSinceNanos + giveUpNanos
  self.retransmission = clock.schedule(Math.min(clock.now() + self.retransmissionNanos, giveUpAt), () => {
    self.retransmission = undefined
    if (clock.now() >= giveUpAt) return giveUp(self)
    self.retransmissionNanos = Math.min(2 * self.retransmissionNanos, maxRetransmissionNanos)
    for (const unacknowledged of self.unacknowledged.splice(0)) send(self, unacknowledged)
  })
}

/** Ends a connection whose peer does not answer. An end that has only to announce its window does not notice. */
const giveUp = (self: State) => {
  if (self.unacknowledged.every(({ kind }) => kind === "ack")) self.unacknowledged.length = 0
  else timeOut(self)
}

export const timeOut = (self: State): void => {
  self.isForgotten = true
  self.isEndedByFault = true
  dispatch(self, { _tag: "TimeOut" })
}
