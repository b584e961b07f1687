/**
 * A transfer to the peer, as a state machine over `Sender`: handshake, round trip times, slow files and the end. Pure:
 * time comes with the events, packets and the file are the caller's.
 *
 * ```
 *              ACK 0             ACK of the last block, or no reply
 *   Handshake -------> Sending ------------------------------------> Ended      Handshake, no reply: Ended
 * ```
 *
 * On `SendBlocks` the driver sends `nextBlock` and calls `sent`. It repeats this until `nextBlock` is undefined or the
 * block is not in memory. ERROR packets, file errors and interruption end the transfer in the driver, and the phase
 * stays as it is.
 */
import * as TftpError from "../TftpError.ts"
import type * as Retransmission from "./Retransmission.ts"
import * as Sender from "./Sender.ts"

/** The state of a transfer. */
export interface State {
  /** `Handshake` until the peer has replied to the initial packet. */
  readonly phase: "Handshake" | "Sending" | "Ended"
  readonly sender: Sender.State
  readonly initialPacketsSent: number
  /** The time of the last initial packet, in ms. */
  readonly initialPacketSentAt: number
}

/** An event of a transfer; times in milliseconds. */
export type Event =
  | { readonly _tag: "Start"; readonly at: number }
  | {
      readonly _tag: "Ack"
      readonly wire: number
      readonly at: number
      readonly rtt: Retransmission.RttEstimate | undefined
    }
  /** More blocks of the file can be sent. */
  | { readonly _tag: "BlocksRead" }
  /** The pause between two bursts has ended. */
  | { readonly _tag: "PauseEnded" }
  /** The retransmission timer has expired. */
  | { readonly _tag: "Timeout"; readonly at: number }
  /** In place of a `Timeout`: the schedule has ended, or a silent peer was sent the maximum number of packets. */
  | { readonly _tag: "GaveUp"; readonly attempts: number; readonly acknowledgedBytes: number }

/** A request to the driver. */
export type Action =
  | { readonly _tag: "SendInitialPacket" }
  | { readonly _tag: "SendBlocks" }
  /** The peer has replied: the blocks up to `highAck` are not needed any more. */
  | { readonly _tag: "Advance"; readonly highAck: number }
  | { readonly _tag: "AddRttSample"; readonly millis: number }
  /** Resets the timer without a reply, because the local file is awaited. */
  | { readonly _tag: "ResetTimer" }
  | { readonly _tag: "Succeed" }
  | { readonly _tag: "Fail"; readonly reason: TftpError.Reason }

/** The state after an event, and the actions in their order. */
export type Transition = readonly [state: State, actions: ReadonlyArray<Action>]

const none: ReadonlyArray<Action> = []
const resetTimer: ReadonlyArray<Action> = [{ _tag: "ResetTimer" }]
const succeed: ReadonlyArray<Action> = [{ _tag: "Succeed" }]
const sendInitialPacket: ReadonlyArray<Action> = [{ _tag: "SendInitialPacket" }]
const sendBlocks: Action = { _tag: "SendBlocks" }
const onlySendBlocks: ReadonlyArray<Action> = [sendBlocks]

/** Returns the state before the first packet; without an initial packet its phase is `Sending`. */
export const start = (options: Sender.Options, hasInitialPacket: boolean): State => ({
  phase: hasInitialPacket ? "Handshake" : "Sending",
  sender: Sender.start(options),
  initialPacketsSent: 0,
  initialPacketSentAt: 0
})

/** Returns the block to send now; undefined in the handshake, after the last block, or in a wait for ACK or pause. */
export const nextBlock = ({ phase, sender }: State): number | undefined =>
  phase === "Sending" && sender.sndNext <= Sender.limit(sender) && !Sender.shouldPause(sender)
    ? sender.sndNext
    : undefined

/** Returns true if a pause is due before the next block. */
export const shouldPause = ({ phase, sender }: State): boolean => phase === "Sending" && Sender.shouldPause(sender)

/** Records that `nextBlock` was sent. It is not an `Event`, because it causes no action. */
export const sent = (state: State, at: number): State => ({ ...state, sender: Sender.sent(state.sender, at) })

/** Records the number of the last block; Infinity while it is unknown. */
export const finish = (state: State, last: number): State =>
  last === state.sender.last ? state : { ...state, sender: Sender.finish(state.sender, last) }

const startHandshake = (state: State, at: number): Transition => [
  { ...state, initialPacketsSent: state.initialPacketsSent + 1, initialPacketSentAt: at },
  sendInitialPacket
]

/** Returns true if all sent blocks are acknowledged: the transfer waits for the local file. */
const isWaitingForFile = ({ phase, sender }: State) => phase === "Sending" && sender.highAck === sender.sndNext - 1

/** Continues after a reply of the peer, with a round trip time if it gives one. */
const advance = (state: State, sample: number | undefined): Transition => {
  const actions: Array<Action> = [{ _tag: "Advance", highAck: state.sender.highAck }]
  if (sample !== undefined) actions.push({ _tag: "AddRttSample", millis: sample })
  actions.push(sendBlocks)
  return [state, actions]
}

const onAck = (state: State, { at, rtt, wire }: Extract<Event, { _tag: "Ack" }>): Transition => {
  if (state.phase === "Handshake") {
    if (wire !== 0) return [state, none]
    // After a retransmission it is unknown which copy was acknowledged (Karn's rule).
    const sample = state.initialPacketsSent === 1 ? at - state.initialPacketSentAt : undefined
    return advance({ ...state, phase: "Sending" }, sample)
  }
  const [sender, verdict] = Sender.ack(state.sender, wire, at, rtt)
  switch (verdict._tag) {
    case "Ignored":
      return [state, none]
    case "Done":
      return [{ ...state, phase: "Ended", sender }, succeed]
    case "Gap":
      return advance({ ...state, sender }, undefined)
    case "Progress":
      return advance({ ...state, sender }, verdict.sample)
  }
}

/** Handles an event. A transfer that has ended ignores all. */
export const step = (state: State, event: Event): Transition => {
  if (state.phase === "Ended") return [state, none]
  switch (event._tag) {
    case "Start":
      return state.phase === "Handshake" ? startHandshake(state, event.at) : [state, onlySendBlocks]
    case "Ack":
      return onAck(state, event)
    case "BlocksRead":
      return [state, onlySendBlocks]
    case "PauseEnded":
      return shouldPause(state) ? [{ ...state, sender: Sender.resume(state.sender) }, onlySendBlocks] : [state, none]
    case "Timeout":
      if (state.phase === "Handshake") return startHandshake(state, event.at)
      return isWaitingForFile(state)
        ? [state, resetTimer]
        : [{ ...state, sender: Sender.timedOut(state.sender) }, onlySendBlocks]
    case "GaveUp": {
      if (isWaitingForFile(state)) return [state, resetTimer]
      const { highAck, last, sndNext } = state.sender
      const reason = new TftpError.Timeout({
        attempts: event.attempts,
        lastAckMissing: sndNext > last,
        awaited: {
          kind: "ACK",
          block: state.phase === "Handshake" ? 0 : highAck + 1,
          bytes: event.acknowledgedBytes
        }
      })
      return [{ ...state, phase: "Ended" }, [{ _tag: "Fail", reason }]]
    }
  }
}
