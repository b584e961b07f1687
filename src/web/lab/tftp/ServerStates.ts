/**
 * The states of the server of a TFTP download, as its packets show them. Pure.
 *
 * The server of the TFTP service is observed, not asked: what it has sent and which ACKs have reached it is all that
 * counts for the state of a sender.
 */
import type { Observer } from "../Observer.ts"
import type { WireEvent } from "../Recorder.ts"
import type { Remark } from "../Trace.ts"
import type { TftpMessage } from "./TftpMessage.ts"

/** Knowledge of the server, from its packets. */
interface State {
  readonly phase: "Listening" | "Negotiating" | "Sending" | "Done" | "Stopped"
  /** Port of the transfer; undefined before the first reply. */
  readonly transferPort: number | undefined
  readonly isOld: boolean
  readonly requests: number
  readonly windowsize: number
  readonly blksize: number
  /** The highest block acknowledged. */
  readonly acked: number
  /** The highest block sent. */
  readonly sent: number
  /** The last block of the file; Infinity until it was sent, or the OACK has told the size. */
  readonly last: number
  /** DATA packets that were sent again. */
  readonly resent: number
  /** The block of the latest ACK to arrive, and its time. */
  readonly latestAck: { readonly block: number; readonly atMillis: number } | undefined
}

/** The state after an event, and what to remark on it. */
type Step = readonly [State, remark?: readonly [text: string, tone: Remark["tone"]]]

/** Returns the state before the first request. `isOld` is true for a server of RFC 783. */
const start = (isOld: boolean): State => ({
  phase: "Listening",
  transferPort: undefined,
  isOld,
  requests: 0,
  windowsize: 1,
  blksize: 512,
  acked: 0,
  sent: 0,
  last: Number.POSITIVE_INFINITY,
  resent: 0,
  latestAck: undefined
})

const optionOf = (options: ReadonlyArray<readonly [string, string]>, name: string, otherwise: number) => {
  const found = options.find(([one]) => one.toLowerCase() === name)
  return found === undefined ? otherwise : Number(found[1])
}

/** Handles an ACK that has arrived. */
const onAck = (state: State, block: number, atMillis: number): Step => {
  const { acked, isOld, last, phase, windowsize } = state
  const next: State = { ...state, latestAck: { block, atMillis } }
  if (phase === "Negotiating") return [{ ...next, phase: "Sending" }]
  if (phase === "Done" || block > state.sent) return [next]
  if (block > acked) return [{ ...next, acked: block, phase: block === last ? "Done" : "Sending" }]
  if (isOld || windowsize > 1) return [next]
  return [next, [`ACK ${block} came again: it is ignored, no DATA ${block + 1} is sent for it (RFC 1123)`, "plain"]]
}

const onRequest = (state: State): Step => {
  const next = { ...state, requests: state.requests + 1 }
  if (state.requests === 0) return [next]
  return state.isOld
    ? [next, ["the RRQ came again: a second transfer begins (RFC 783)", "warning"]]
    : [next, ["the RRQ came again: it belongs to the transfer that runs", "plain"]]
}

/** Returns the remark on a block that is sent again. Of a window, only the first block gets one. */
const resendRemark = (state: State, block: number, atMillis: number): Step[1] => {
  const { acked, isOld, latestAck } = state
  const isAnswer = latestAck?.atMillis === atMillis && latestAck.block === block - 1
  if (isOld && isAnswer)
    return [`DATA ${block} is sent again, in reply to ACK ${block - 1}: RFC 783 answers every ACK`, "warning"]
  if (block !== acked + 1) return undefined
  return isAnswer
    ? [`ACK ${block - 1} says that DATA ${block} is missing: it is sent again`, "plain"]
    : [`timeout: no ACK for DATA ${block}, it is sent again`, "plain"]
}

/** Handles a DATA packet that the server has sent. */
const onData = (state: State, block: number, length: number, atMillis: number): Step => {
  const isAgain = block <= state.sent
  const next: State = {
    ...state,
    phase: "Sending",
    sent: Math.max(state.sent, block),
    last: length < state.blksize ? block : state.last,
    resent: state.resent + (isAgain ? 1 : 0)
  }
  const remark = isAgain ? resendRemark(state, block, atMillis) : undefined
  return remark === undefined ? [next] : [next, remark]
}

/** Handles a packet that arrives at the server. */
const onArrival = (state: State, { atMillis, message: { packet, toPort } }: WireEvent<TftpMessage>): Step => {
  switch (packet?._tag) {
    case "RRQ":
      return onRequest(state)
    case "ACK":
      return toPort === state.transferPort ? onAck(state, packet.block, atMillis) : [state]
    case "ERROR":
      return toPort === state.transferPort
        ? [{ ...state, phase: "Stopped" }]
        : [state, ["the client refuses a second transfer: ERROR 5, unknown transfer ID", "plain"]]
    default:
      return [state]
  }
}

/** Handles a packet that the server sends. */
const onSending = (state: State, { atMillis, message: { fromPort, packet } }: WireEvent<TftpMessage>): Step => {
  const { transferPort = fromPort } = state
  if (fromPort !== transferPort) return [state]
  const known = { ...state, transferPort }
  switch (packet?._tag) {
    case "OACK": {
      const [blksize, windowsize] = [
        optionOf(packet.options, "blksize", state.blksize),
        optionOf(packet.options, "windowsize", state.windowsize)
      ]
      const size = optionOf(packet.options, "tsize", Number.POSITIVE_INFINITY)
      const last = Math.floor(size / blksize) + 1
      const next: State = { ...known, phase: "Negotiating", blksize, windowsize, last }
      return state.phase === "Negotiating" ? [next, ["timeout: the OACK is sent again", "plain"]] : [next]
    }
    case "DATA":
      return onData(known, packet.block, packet.bytes.length, atMillis)
    case "ERROR":
      return [{ ...known, phase: "Stopped" }, [`the server gives up: ERROR ${packet.code}`, "warning"]]
    default:
      return [known]
  }
}

/** Handles an event on the wire. */
const step = (state: State, event: WireEvent<TftpMessage>): Step =>
  event._tag === "Arrived" ? onArrival(state, event) : onSending(state, event)

/** Returns the name of the state. */
const name = ({ acked, last, phase, windowsize }: State): string => {
  switch (phase) {
    case "Listening":
      return "waiting for a request on port 69"
    case "Negotiating":
      return "waiting for ACK 0, of the OACK"
    case "Sending":
      return `waiting for ACK ${Math.min(acked + windowsize, last)}`
    case "Done":
      return "done: the last block is acknowledged"
    case "Stopped":
      return "stopped"
  }
}

/** Returns the variables of the state, in the order to show. */
const variables = ({ acked, resent, sent, windowsize }: State) =>
  [
    ["acknowledged up to", `${acked}`],
    ["sent up to", `${sent}`],
    ["window", windowsize === 1 ? "1 block" : `${windowsize} blocks`],
    ["sent again", `${resent}`]
  ] as const

/** Returns the observer of a server; `isOld` is true for one of RFC 783. */
export const observer = (isOld: boolean): Observer<State, TftpMessage> => ({
  host: "server",
  start: start(isOld),
  step,
  name,
  variables
})
