/**
 * The states of both ends of a TCP connection (RFC 9293, section 3.3.2), as their segments show them. Pure.
 *
 * The simulated network does not send an ACK for each segment, so FIN-WAIT-2 and the end of LAST-ACK are not seen.
 */
import type * as Packet from "../../../network/Packet.ts"
import type { Observer } from "../Observer.ts"
import type { WireEvent } from "../Recorder.ts"
import type { Remark } from "../Trace.ts"

/** A segment of the connection. */
type Segment = Packet.Kind

/** The name of a state. */
type Name =
  | "CLOSED"
  | "LISTEN"
  | "SYN-SENT"
  | "SYN-RECEIVED"
  | "ESTABLISHED"
  | "FIN-WAIT-1"
  | "CLOSE-WAIT"
  | "LAST-ACK"
  | "TIME-WAIT"

/** The state of one end. */
interface State {
  readonly name: Name
  readonly sentBytes: number
  readonly receivedBytes: number
  /** Segments that TCP has sent again. */
  readonly repetitions: number
}

/** The state after an event, and what to remark on it. */
type Step = readonly [State, remark?: readonly [text: string, tone: Remark["tone"]]]

const at = (name: Name): State => ({ name, sentBytes: 0, receivedBytes: 0, repetitions: 0 })

/** States after a segment was sent. What is missing does not change. */
const afterSending: Partial<Record<Segment, Partial<Record<Name, Name>>>> = {
  syn: { CLOSED: "SYN-SENT" },
  fin: { ESTABLISHED: "FIN-WAIT-1", "CLOSE-WAIT": "LAST-ACK", "SYN-RECEIVED": "FIN-WAIT-1" }
}

/** States after a segment has arrived. */
const afterArrival: Partial<Record<Segment, Partial<Record<Name, Name>>>> = {
  syn: { LISTEN: "SYN-RECEIVED" },
  synack: { "SYN-SENT": "ESTABLISHED" },
  ack: { "SYN-RECEIVED": "ESTABLISHED" },
  data: { "SYN-RECEIVED": "ESTABLISHED" },
  fin: {
    "SYN-RECEIVED": "CLOSE-WAIT",
    ESTABLISHED: "CLOSE-WAIT",
    "FIN-WAIT-1": "TIME-WAIT"
  }
}

const next = (segment: Segment, name: Name, table: typeof afterSending): Name =>
  segment === "rst" ? "CLOSED" : (table[segment]?.[name] ?? name)

const onSending = (state: State, { arrow, isRepetition, message }: WireEvent<Segment>): Step => {
  const name = next(message, state.name, afterSending)
  const isSynAgain = message === "syn" && state.name === "SYN-SENT"
  if (isRepetition !== true && !isSynAgain) return [{ ...state, name, sentBytes: state.sentBytes + arrow.bytes }]
  return [{ ...state, name, repetitions: state.repetitions + 1 }, [`timeout: TCP sends ${arrow.label} again`, "plain"]]
}

const onArrival = (state: State, { arrow, heldMillis, message }: WireEvent<Segment>): Step => {
  const after: State = {
    ...state,
    name: next(message, state.name, afterArrival),
    receivedBytes: state.receivedBytes + arrow.bytes
  }
  return heldMillis === undefined
    ? [after]
    : [after, [`an earlier segment is missing: TCP keeps this one until ${Math.round(heldMillis)} ms`, "plain"]]
}

/** Handles a segment. */
const step = (state: State, event: WireEvent<Segment>): Step =>
  event._tag === "Sent" ? onSending(state, event) : onArrival(state, event)

/** Returns the name of the state. */
const name = (state: State): string => state.name

/** Returns the variables of the state, in the order to show. */
const variables = ({ receivedBytes, repetitions, sentBytes }: State) =>
  [
    ["bytes sent", `${sentBytes}`],
    ["bytes received", `${receivedBytes}`],
    ["segments sent again", `${repetitions}`]
  ] as const

/** The observer of the end that connects. */
export const client: Observer<State, Segment> = { host: "client", start: at("CLOSED"), step, name, variables }

/** The observer of the end that listens. */
export const server: Observer<State, Segment> = { host: "server", start: at("LISTEN"), step, name, variables }
