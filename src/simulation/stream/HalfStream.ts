/**
 * One end of a stream connection as a state machine, with the states of RFC 9293. A driver sends what an action names.
 * `ImpairedConnection` instead writes the first piece itself, reports it by `Transmit`, and ignores its action.
 *
 * The send side queues what the program writes until the network takes it; the receive side queues what arrives until
 * the program reads it. FIN or RST is queued behind the last byte and ends a side, which then takes nothing more.
 *
 * ```
 *                  End                              Receive (FIN)
 *   ESTABLISHED ---------> FIN_WAIT     ESTABLISHED ------------> CLOSE_WAIT
 *   CLOSE_WAIT  ---------> LAST_ACK     FIN_WAIT    ------------> LAST_ACK
 *   any state   --- Abort, Reset, Close, or a queued RST that is reached ---> CLOSED
 * ```
 *
 * FIN_WAIT stands for FIN_WAIT_1 and 2, LAST_ACK also for CLOSING and TIME_WAIT. The state changes when FIN is queued,
 * not when it is sent or read. Only the driver of an impaired connection queues an RST, for a fault: a read reaches it
 * in the receive queue, `Transmit` in the send queue. What arrived before an RST stays readable, as on Linux.
 *
 * Bytes that arrive after `EndRead` are discarded, but keep the window as unread bytes do, until `DiscardInput`: Linux
 * stores them after `shutdown(SHUT_RD)` too, and a peer that sends more waits until this end closes.
 */
import * as Bytes from "effect/Bytes"
import * as Chunk from "effect/Chunk"

type State = "ESTABLISHED" | "FIN_WAIT" | "CLOSE_WAIT" | "LAST_ACK" | "CLOSED"

type CloseReason = "Closed" | "Reset" | "TimedOut"

/** Data, or the end of a side, in its queue. */
export interface Piece {
  readonly bytes: Uint8Array
  readonly end: "fin" | "rst" | undefined
  /** Time from which the piece may leave the queue. */
  readonly dueNanos: number
  /** True if a reader must not receive the piece together with the data before it. */
  readonly separate: boolean
  /** The fault applied to the piece, as captures show it. */
  readonly note: string | undefined
}

/** Data for a side, perhaps split into pieces of `chunkBytes`, due at a time, or followed by an end. */
export interface Input extends Partial<Pick<Piece, "end" | "dueNanos" | "note">> {
  readonly bytes: Uint8Array
  readonly chunkBytes?: number | undefined
}

/** One direction of the data at this end. */
export interface Side {
  readonly pieces: Chunk.Chunk<Piece>
  readonly queuedBytes: number
  /** Time at which the last piece is due; later pieces are due no earlier. */
  readonly lastDueNanos: number
  /** The end that was queued, after which the side takes nothing more. */
  readonly end: Piece["end"]
}

export interface HalfStream {
  readonly state: State
  readonly send: Side
  readonly receive: Side
  /** Bytes that the peer can take; the rest of the send queue waits. */
  readonly sendWindow: number
  readonly receiveWindow: number
  /** Bytes discarded after `EndRead` that still keep the window. */
  readonly withheld: number
  /** Bytes that the program has read, and by which the window has grown, that no Ack has announced to the peer. */
  readonly unannounced: number
  readonly sent: number
  readonly received: number
  /** True if input is read and discarded, so that the peer receives the last bytes of a closing end and not RST. */
  readonly discarding: boolean
  /** Reason of failed writes in CLOSED, and of reads once nothing is left to read. */
  readonly closeReason: CloseReason | undefined
}

/** `now` is the time in nanoseconds; pieces that are due later do not leave their queue. */
export type Event =
  /** The program writes. Ignored after the end; the driver checks `canWrite`, and waits while the queue is full. */
  | ({ readonly _tag: "Write" } & Input)
  /** The program ends its output: FIN follows the last byte, or RST if a fault has replaced it. */
  | ({ readonly _tag: "End" } & Partial<Input>)
  /** The network takes the first piece of the send queue, at most `maxBytes` bytes of it. */
  | { readonly _tag: "Transmit"; readonly maxBytes: number; readonly now: number }
  /** The peer announces that its program has read `bytes` bytes. */
  | { readonly _tag: "WindowUpdate"; readonly bytes: number }
  /** Data, or the end of the peer's output, arrive. */
  | ({ readonly _tag: "Receive" } & Input)
  /** The program reads what has arrived, up to the next separate piece. */
  | { readonly _tag: "Read"; readonly now: number }
  /** The program ends its input: what is not due, or arrives later, is discarded and withheld. */
  | { readonly _tag: "EndRead"; readonly now: number }
  /** The receive window grows to `bytes`, as Linux lets it while the program keeps up. */
  | { readonly _tag: "GrowWindow"; readonly bytes: number }
  /** The program closes: see `discarding`. */
  | { readonly _tag: "DiscardInput" }
  /** The program closes, and the peer did not take what is queued in time: it is dropped, and the end follows. */
  | { readonly _tag: "DiscardOutput" }
  /** The program resets the connection. */
  | { readonly _tag: "Abort" }
  /** The peer, or a fault, has reset the connection. What is due at `now`, by default at 0, stays readable. */
  | { readonly _tag: "Reset"; readonly now?: number | undefined }
  /** The peer has not answered for too long. What has arrived stays readable. */
  | { readonly _tag: "TimeOut" }
  /** The driver ends the connection without a packet, for example at a crash. Unread input stays readable. */
  | { readonly _tag: "Close" }

/** Packet that the driver sends to the peer, or `Deliver`: the result of a read. */
export type Action =
  | { readonly _tag: "Data"; readonly bytes: Uint8Array }
  | { readonly _tag: "Fin" | "Rst" }
  | { readonly _tag: "Ack"; readonly bytes: number }
  | { readonly _tag: "Deliver"; readonly bytes: Uint8Array }

type Step = readonly [HalfStream, ReadonlyArray<Action>]

const noBytes = new Uint8Array(0)
const noActions: ReadonlyArray<Action> = []
const fin: Action = { _tag: "Fin" }
const rst: Action = { _tag: "Rst" }

const emptySide: Side = { pieces: Chunk.empty(), queuedBytes: 0, lastDueNanos: 0, end: undefined }

/** Creates an end in ESTABLISHED. The window of both ends is the same; Infinity turns flow control off. */
export const make = (windowBytes: number): HalfStream => ({
  state: "ESTABLISHED",
  send: emptySide,
  receive: emptySide,
  sendWindow: windowBytes,
  receiveWindow: windowBytes,
  withheld: 0,
  unannounced: 0,
  sent: 0,
  received: 0,
  discarding: false,
  closeReason: undefined
})

const afterOwnFin = (state: State): State =>
  state === "ESTABLISHED" ? "FIN_WAIT" : state === "CLOSE_WAIT" ? "LAST_ACK" : state

const afterPeersFin = (state: State): State =>
  state === "ESTABLISHED" ? "CLOSE_WAIT" : state === "FIN_WAIT" ? "LAST_ACK" : state

/** Returns true while the program may write. */
export const canWrite = ({ state }: HalfStream): boolean => state === "ESTABLISHED" || state === "CLOSE_WAIT"

/** Returns true after the peer's FIN. */
export const hasPeersFin = ({ state }: HalfStream): boolean => state === "CLOSE_WAIT" || state === "LAST_ACK"

/** Returns true once the network has taken the FIN, or nothing will be sent any more. */
export const isFinSent = (self: HalfStream): boolean => !canWrite(self) && self.send.pieces.length === 0

/** Returns true once the FIN has been sent and, if this end discards its input, the peer's FIN has arrived. */
export const isFinished = (self: HalfStream): boolean =>
  self.state === "CLOSED" || (isFinSent(self) && (!self.discarding || hasPeersFin(self)))

/** Returns true if the program has read everything up to the peer's FIN, or to the end of its own input. */
export const isInputOver = ({ receive }: HalfStream): boolean => receive.end === "fin" && receive.queuedBytes === 0

/** Returns the first piece of a side. */
export const head = ({ pieces }: Side): Piece | undefined =>
  pieces.length === 0 ? undefined : Chunk.getUnsafe(pieces, 0)

/** Returns the first piece of the send queue that the window lets pass. */
export const sendable = ({ send, sendWindow }: HalfStream): Piece | undefined => {
  const first = head(send)
  return first !== undefined && (sendWindow > 0 || first.end !== undefined) ? first : undefined
}

const push = (side: Side, { bytes, chunkBytes = bytes.length, dueNanos = 0, end, note }: Input): Side => {
  if (side.end !== undefined) return side
  const lastDueNanos = Math.max(side.lastDueNanos, dueNanos)
  let { pieces } = side
  for (let from = 0; from < bytes.length; from += chunkBytes) {
    pieces = Chunk.append(pieces, {
      bytes: chunkBytes >= bytes.length ? bytes : bytes.subarray(from, from + chunkBytes),
      end: undefined,
      dueNanos: lastDueNanos,
      separate: from > 0,
      note: from > 0 ? undefined : note
    })
  }
  if (end !== undefined) {
    const ownNote = bytes.length > 0 ? undefined : note
    pieces = Chunk.append(pieces, { bytes: noBytes, end, dueNanos: lastDueNanos, separate: false, note: ownNote })
  }
  return { pieces, queuedBytes: side.queuedBytes + bytes.length, lastDueNanos, end }
}

const cleared = (side: Side): Side => ({ ...side, pieces: Chunk.empty(), queuedBytes: 0 })

const closed = (self: HalfStream, reason: CloseReason): HalfStream => ({
  ...self,
  state: "CLOSED",
  closeReason: self.closeReason ?? reason,
  send: cleared(self.send)
})

const bytesOf = (pieces: Side["pieces"]) => Chunk.reduce(pieces, 0, (sum, { bytes }) => sum + bytes.length)

/** Discards unread input. Without any, an input that was over stays over, as on Linux; else reads fail. */
const abort = (self: HalfStream): HalfStream => {
  const end = isInputOver(self) ? self.receive.end : undefined
  return closed({ ...self, receive: { ...cleared(self.receive), end } }, "Closed")
}

/** Keeps the input that is due, and FIN if it is behind that; what is not due has not arrived. */
const fail = (self: HalfStream, reason: CloseReason, now: number): HalfStream => {
  const { receive } = self
  const pieces = Chunk.filter(receive.pieces, ({ dueNanos, end }) => dueNanos <= now && end !== "rst")
  const isWhole = pieces.length === receive.pieces.length
  const end = isWhole && receive.end === "fin" ? receive.end : undefined
  const queuedBytes = isWhole ? receive.queuedBytes : bytesOf(pieces)
  return closed({ ...self, receive: { ...receive, pieces, queuedBytes, end } }, reason)
}

const transmit = (self: HalfStream, maxBytes: number, now: number): Step => {
  const { send, sendWindow, sent } = self
  const first = sendable(self)
  if (first === undefined || first.dueNanos > now) return [self, noActions]
  const rest = Chunk.drop(send.pieces, 1)
  if (first.end !== undefined) {
    const next = { ...self, send: { ...send, pieces: rest } }
    return first.end === "fin" ? [next, [fin]] : [fail(next, "Reset", now), [rst]]
  }
  const size = Math.min(maxBytes, first.bytes.length, sendWindow)
  const isWhole = size === first.bytes.length
  const pieces = isWhole ? rest : Chunk.prepend(rest, { ...first, bytes: first.bytes.subarray(size) })
  return [
    {
      ...self,
      send: { ...send, pieces, queuedBytes: send.queuedBytes - size },
      sendWindow: sendWindow - size,
      sent: sent + size
    },
    [{ _tag: "Data", bytes: isWhole ? first.bytes : first.bytes.subarray(0, size) }]
  ]
}

/**
 * Announces the window to the peer, but not for every byte: otherwise the peer would send equally small segments (RFC
 * 9293, section 3.8.6.2.2).
 */
const announce = (self: HalfStream, readBytes: number, actions: ReadonlyArray<Action>): Step => {
  const unannounced = self.unannounced + readBytes
  if (unannounced < self.receiveWindow / 2) return [{ ...self, unannounced }, actions]
  const ack: Action = { _tag: "Ack", bytes: unannounced }
  return [{ ...self, unannounced: 0 }, self.state === "CLOSED" ? actions : [ack, ...actions]]
}

const read = (self: HalfStream, now: number): Step => {
  const { receive } = self
  const taken: Array<Uint8Array> = []
  let end: Piece["end"]
  let { pieces } = receive
  for (let first = head(receive); first !== undefined; first = head({ ...receive, pieces })) {
    if (first.dueNanos > now || (first.separate && taken.length > 0)) break
    pieces = Chunk.drop(pieces, 1)
    end = first.end
    if (end === undefined) taken.push(first.bytes)
  }
  const bytes = taken.length === 1 ? taken[0]! : Bytes.concat(taken)
  const next = { ...self, receive: { ...receive, pieces, queuedBytes: receive.queuedBytes - bytes.length } }
  const deliver: ReadonlyArray<Action> = bytes.length === 0 ? noActions : [{ _tag: "Deliver", bytes }]
  return end === "rst" ? [fail(next, "Reset", now), [rst, ...deliver]] : announce(next, bytes.length, deliver)
}

const unreadBytes = ({ receive, withheld }: HalfStream) => receive.queuedBytes + withheld

const discard = (self: HalfStream): Step =>
  announce({ ...self, receive: cleared(self.receive), withheld: 0 }, unreadBytes(self), noActions)

const discardOutput = (self: HalfStream): HalfStream => {
  const pieces = Chunk.filter(self.send.pieces, ({ end }) => end !== undefined)
  return { ...self, send: { ...self.send, pieces, queuedBytes: 0 } }
}

const receive = (self: HalfStream, input: Input): Step => {
  if (self.state === "CLOSED") return [self, noActions]
  const isInputEnded = self.receive.end === "fin" && !hasPeersFin(self)
  const next = {
    ...self,
    state: input.end === "fin" ? afterPeersFin(self.state) : self.state,
    receive: push(self.receive, input),
    withheld: self.withheld + (isInputEnded ? input.bytes.length : 0)
  }
  const received = self.received + unreadBytes(next) - unreadBytes(self)
  return self.discarding ? discard({ ...next, received }) : [{ ...next, received }, noActions]
}

/** Returns the state after an event, and what the driver has to do, in order. */
export const step = (self: HalfStream, event: Event): Step => {
  switch (event._tag) {
    case "Write":
      return [canWrite(self) ? { ...self, send: push(self.send, event) } : self, noActions]
    case "End": {
      if (!canWrite(self)) return [self, noActions]
      const send = push(self.send, { end: "fin", ...event, bytes: noBytes })
      return [{ ...self, state: afterOwnFin(self.state), send }, noActions]
    }
    case "Transmit":
      return transmit(self, event.maxBytes, event.now)
    case "WindowUpdate":
      return [{ ...self, sendWindow: self.sendWindow + event.bytes }, noActions]
    case "Receive":
      return receive(self, event)
    case "Read":
      return read(self, event.now)
    case "EndRead": {
      const pieces = Chunk.filter(self.receive.pieces, ({ dueNanos }) => dueNanos <= event.now)
      const queuedBytes = bytesOf(pieces)
      // An RST that is not due is discarded, too: the input ends as if by FIN.
      const isEndKept = self.state === "CLOSED" || Chunk.some(pieces, (piece) => piece.end !== undefined)
      const end = isEndKept ? self.receive.end : "fin"
      const withheld = self.withheld + self.receive.queuedBytes - queuedBytes
      return [{ ...self, withheld, receive: { ...self.receive, pieces, queuedBytes, end } }, noActions]
    }
    case "GrowWindow": {
      const growth = event.bytes - self.receiveWindow
      return growth <= 0 ? [self, noActions] : announce({ ...self, receiveWindow: event.bytes }, growth, noActions)
    }
    case "DiscardInput":
      // The window no longer matters to a peer that has sent FIN.
      if (self.state === "CLOSED" || hasPeersFin(self)) return [{ ...self, receive: cleared(self.receive) }, noActions]
      return discard({ ...self, discarding: true })
    case "DiscardOutput":
      return [discardOutput(self), noActions]
    case "Abort":
      return self.state === "CLOSED" ? [self, noActions] : [abort(self), [rst]]
    case "Reset":
      return [fail(self, "Reset", event.now ?? 0), noActions]
    case "TimeOut":
      return [fail(self, "TimedOut", 0), noActions]
    case "Close":
      return [closed(self, "Closed"), noActions]
  }
}
