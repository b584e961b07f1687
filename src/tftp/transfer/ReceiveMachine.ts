/**
 * A transfer from the peer, as a state machine over `Receiver`: handshake, round trip times, slow disks and the end.
 * Pure: time and the number of unwritten bytes come with the events, packets and the file are the caller's.
 *
 * ```
 *               first block             window full, disk behind
 *   Handshake ----------------> Receiving <----------------> AckDelayed
 *                                   | last block                  |
 *                                   v               last block    |
 *                               Committing <----------------------+
 *                                   | file committed
 *                                   v
 *                               Dallying
 * ```
 *
 * A file of one block goes from Handshake to Committing. A first block that is too long fails: the peer does not keep
 * to the agreed size. Later ones are ignored. A wrong size fails at the last block, a silent peer fails Handshake and
 * Receiving only. ERROR packets, file errors and interruption end the transfer in the driver, and the phase stays as it
 * is.
 */
import * as Packet from "../protocol/Packet.ts"
import * as TftpError from "../TftpError.ts"
import * as Receiver from "./Receiver.ts"

/** The phase of a transfer. */
type Phase =
  /** No new block has arrived: the peer may not have received the initial packet. */
  | "Handshake"
  | "Receiving"
  /** An ACK is due, and waits until enough bytes are written. */
  | "AckDelayed"
  /** The last block has arrived. It is acknowledged when the file is committed. */
  | "Committing"
  /**
   * The file is committed. The last block is acknowledged again, if its ACK was lost (RFC 1350, section 6). The end of
   * the scope ends this phase.
   */
  | "Dallying"
  | "Failed"

/** The state of a transfer. */
export interface State {
  readonly phase: Phase
  readonly receiver: Receiver.State
  /** The packets sent again. */
  readonly resent: number
  /** Time, in ms, of the packet that the next block answers; undefined if answered, or sent twice (Karn's rule). */
  readonly ackSentAt: number | undefined
}

/** An event of a transfer; times in milliseconds. */
export type Event =
  /** The driver starts the transfer. Not sent if the peer has sent first. */
  | { readonly _tag: "Start"; readonly at: number }
  /** A DATA packet, with the length of its block, and the bytes that wait to be written. */
  | {
      readonly _tag: "Data"
      readonly wire: number
      readonly length: number
      readonly unwrittenBytes: number
      readonly at: number
    }
  /** The peer repeats its OACK: the initial packet was lost. */
  | { readonly _tag: "OptionAck" }
  /** The driver has written bytes; some may still wait. */
  | { readonly _tag: "Written"; readonly unwrittenBytes: number; readonly at: number }
  /** The driver has committed the file. */
  | { readonly _tag: "Committed" }
  /** The retransmission timer has expired. */
  | { readonly _tag: "Timeout" }
  /** In place of a `Timeout`: the schedule has ended, or a silent peer was sent the maximum number of packets. */
  | { readonly _tag: "GaveUp"; readonly attempts: number }

/** A request to the driver. */
export type Action =
  | { readonly _tag: "SendInitialPacket" }
  | { readonly _tag: "SendAck"; readonly wire: number }
  /** Writes the block of this event, then buffered blocks, by their numbers on the wire; the peer has replied. */
  | { readonly _tag: "Deliver"; readonly buffered: ReadonlyArray<number> }
  /** Buffers the block of this event; the peer has replied. */
  | { readonly _tag: "Buffer" }
  | { readonly _tag: "AddRttSample"; readonly millis: number }
  | { readonly _tag: "ResetTimer" }
  /** Ends the file after its last block: the driver writes the rest, then commits. */
  | { readonly _tag: "EndFile" }
  /** The packet is malformed: a block that is longer than agreed, after blocks that were not. */
  | { readonly _tag: "CountMalformed" }
  | { readonly _tag: "Succeed" }
  | { readonly _tag: "Fail"; readonly reason: TftpError.Reason }

/** The state after an event, and the actions in their order. */
export type Transition = readonly [state: State, actions: ReadonlyArray<Action>]

/** Above this number of unwritten bytes, an ACK is delayed. */
const maxUnwrittenBytes = 256 * 1_024

const none: ReadonlyArray<Action> = []
const resetTimer: ReadonlyArray<Action> = [{ _tag: "ResetTimer" }]
const sendInitialPacket: Action = { _tag: "SendInitialPacket" }
const countMalformed: ReadonlyArray<Action> = [{ _tag: "CountMalformed" }]
const buffer: Action = { _tag: "Buffer" }
const deliverOne: Action = { _tag: "Deliver", buffered: [] }

/** Returns the state before the first packet. */
export const start = (options: Receiver.Options): State => ({
  phase: "Handshake",
  receiver: Receiver.start(options),
  resent: 0,
  ackSentAt: undefined
})

const sendAck = (receiver: Receiver.State): Action => ({ _tag: "SendAck", wire: Receiver.ackNumber(receiver) })

/** Fails the transfer, unless its file is committed. */
const fail = (state: State, reason: TftpError.Reason): Transition =>
  state.phase === "Dallying" ? [state, none] : [{ ...state, phase: "Failed" }, [{ _tag: "Fail", reason }]]

/** Repeats the last ACK, or the initial packet. */
const resend = (state: State, before: ReadonlyArray<Action> = none): Transition => [
  { ...state, resent: state.resent + 1, ackSentAt: undefined },
  [...before, state.phase === "Handshake" ? sendInitialPacket : sendAck(state.receiver)]
]

/** Returns true if no block is awaited: the local file is slow, or complete. */
const isWaitingForFile = ({ phase }: State) => phase === "AckDelayed" || phase === "Committing" || phase === "Dallying"

/** Returns the blocks delivered after the one that has arrived, by their numbers on the wire. */
const bufferedBlocks = (from: Receiver.State, to: Receiver.State): ReadonlyArray<number> =>
  Array.from({ length: to.received - from.received - 1 }, (_, index) => Receiver.toWire(to, from.received + 2 + index))

/** Delivers a block, and those buffered after it. A block that was the reply to an ACK gives a round trip time. */
const deliver = (state: State, receiver: Receiver.State, at: number): readonly [State, Array<Action>] => {
  const isAlone = receiver.received === state.receiver.received + 1
  const actions: Array<Action> = [
    isAlone ? deliverOne : { _tag: "Deliver", buffered: bufferedBlocks(state.receiver, receiver) }
  ]
  if (isAlone && state.ackSentAt !== undefined) actions.push({ _tag: "AddRttSample", millis: at - state.ackSentAt })
  const phase = state.phase === "Handshake" ? "Receiving" : state.phase
  return [{ ...state, phase, receiver, ackSentAt: undefined }, actions]
}

/** Acknowledges a window, at once or after bytes are written. */
const acknowledge = (state: State, unwrittenBytes: number, at: number, actions: Array<Action>): Transition => {
  if (unwrittenBytes > maxUnwrittenBytes) return [{ ...state, phase: "AckDelayed" }, actions]
  actions.push(sendAck(state.receiver))
  return [{ ...state, phase: "Receiving", ackSentAt: at }, actions]
}

/** Ends the file after its last block. */
const finish = (state: State, actions: Array<Action>): Transition => {
  const { bytes, tsize } = state.receiver
  if (!Receiver.sizeMatches(state.receiver)) {
    return fail(state, new TftpError.SizeMismatch({ announced: tsize!, received: bytes }))
  }
  actions.push({ _tag: "EndFile" })
  return [{ ...state, phase: "Committing" }, actions]
}

const onData = (state: State, { at, length, unwrittenBytes, wire }: Extract<Event, { _tag: "Data" }>): Transition => {
  const { blksize, windowsize } = state.receiver
  // The disk is behind by more than a window: drop the block; the sender will resend it.
  if (unwrittenBytes > maxUnwrittenBytes + windowsize * blksize) return [state, none]
  const [receiver, action] = Receiver.data(state.receiver, wire, length)
  switch (action) {
    case "Deliver":
      return deliver(state, receiver, at)
    case "DeliverAndAck": {
      const [next, actions] = deliver(state, receiver, at)
      return acknowledge(next, unwrittenBytes + receiver.bytes - state.receiver.bytes, at, actions)
    }
    case "DeliverLast":
      return finish(...deliver(state, receiver, at))
    case "Buffer":
    case "BufferAndAck": {
      const next: State = { ...state, phase: state.phase === "Handshake" ? "Receiving" : state.phase, receiver }
      return action === "Buffer" || state.phase === "AckDelayed" ? [next, [buffer]] : resend(next, [buffer])
    }
    case "Ack": {
      const next: State = { ...state, receiver }
      return state.phase === "AckDelayed" || state.phase === "Committing" ? [next, none] : resend(next)
    }
    case "Ignore":
      return [{ ...state, receiver }, none]
    case "TooLong": {
      if (state.phase !== "Handshake") return [state, countMalformed]
      const detail = `DATA too long: ${length} bytes (at most ${blksize} were agreed on)`
      return fail(state, new TftpError.ProtocolViolation({ code: Packet.ErrorCode.IllegalOperation, detail }))
    }
  }
}

/** Handles an event. A failed transfer ignores all. */
export const step = (state: State, event: Event): Transition => {
  if (state.phase === "Failed") return [state, none]
  switch (event._tag) {
    case "Start":
      return [{ ...state, ackSentAt: event.at }, [sendInitialPacket]]
    case "Data":
      return onData(state, event)
    case "OptionAck":
      return state.phase === "Handshake" ? resend(state) : [state, none]
    case "Written":
      return state.phase === "AckDelayed" ? acknowledge(state, event.unwrittenBytes, event.at, []) : [state, none]
    case "Committed":
      return [{ ...state, phase: "Dallying" }, [sendAck(state.receiver), { _tag: "Succeed" }]]
    case "Timeout":
      return isWaitingForFile(state)
        ? [state, resetTimer]
        : resend({ ...state, receiver: Receiver.timedOut(state.receiver) })
    case "GaveUp": {
      if (isWaitingForFile(state)) return [state, resetTimer]
      const { bytes, received } = state.receiver
      const awaited = { kind: "DATA", block: received + 1, bytes } as const
      return fail(state, new TftpError.Timeout({ attempts: event.attempts, lastAckMissing: false, awaited }))
    }
  }
}
