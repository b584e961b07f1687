/** The states of the client of a TFTP download, as its packets show them. Pure. */
import type { Observer } from "../Observer.ts"
import type { WireEvent } from "../Recorder.ts"
import type { Remark } from "../Trace.ts"
import type { TftpMessage } from "./TftpMessage.ts"

/** Knowledge of the client, from its packets. */
interface State {
  readonly phase: "Starting" | "Requesting" | "Receiving" | "Done" | "Stopped"
  /** Port of the server's transfer; undefined before its first reply. */
  readonly transferPort: number | undefined
  readonly blksize: number
  /** The highest block received in order. */
  readonly received: number
  /** Blocks received out of order. */
  readonly kept: ReadonlyArray<number>
  /** The last block of the file; Infinity until it has arrived. */
  readonly last: number
  /** The latest block acknowledged; undefined before the first ACK. */
  readonly acked: number | undefined
  /** Blocks that arrived more than once. */
  readonly duplicates: number
  /** Time of the latest arrival. */
  readonly arrivedAtMillis: number
}

/** The state after an event, and what to remark on it. */
type Step = readonly [State, remark?: readonly [text: string, tone: Remark["tone"]]]

/** Returns the state before the request. */
const start: State = {
  phase: "Starting",
  transferPort: undefined,
  blksize: 512,
  received: 0,
  kept: [],
  last: Number.POSITIVE_INFINITY,
  acked: undefined,
  duplicates: 0,
  arrivedAtMillis: -1
}

/** Adds a block in order, and those kept after it. */
const advance = (state: State, block: number): State => {
  let received = block
  while (state.kept.includes(received + 1)) received++
  const phase = received === state.last ? "Done" : "Receiving"
  return { ...state, phase, received, kept: state.kept.filter((one) => one > received) }
}

const onData = (state: State, block: number, length: number): Step => {
  const next = length < state.blksize ? { ...state, last: block } : state
  const { kept, received } = state
  if (block <= received || kept.includes(block)) {
    return [
      { ...next, duplicates: state.duplicates + 1 },
      [`DATA ${block} came again: it is not written a second time`, "plain"]
    ]
  }
  if (block === received + 1) return [advance(next, block)]
  const kind =
    kept.length === 0 ? ([`DATA ${block} came before DATA ${received + 1}: it is kept`, "plain"] as const) : undefined
  const out: State = { ...next, kept: [...kept, block].sort((one, other) => one - other) }
  return kind === undefined ? [out] : [out, kind]
}

const blksizeOf = (options: ReadonlyArray<readonly [string, string]>, otherwise: number) => {
  const found = options.find(([name]) => name.toLowerCase() === "blksize")
  return found === undefined ? otherwise : Number(found[1])
}

/** Handles a packet that arrives at the client. The first port that replies is that of the transfer. */
const onArrival = (state: State, { atMillis, message: { fromPort, packet } }: WireEvent<TftpMessage>): Step => {
  const { transferPort = fromPort } = state
  if (fromPort !== transferPort) {
    return [state, [`a packet of another transfer, from port ${fromPort}: it gets ERROR 5`, "warning"]]
  }
  const known: State = { ...state, transferPort, arrivedAtMillis: atMillis }
  switch (packet?._tag) {
    case "OACK":
      return [{ ...known, blksize: blksizeOf(packet.options, known.blksize) }]
    case "DATA":
      return onData(known, packet.block, packet.bytes.length)
    case "ERROR":
      return [{ ...known, phase: "Stopped" }, [`the server stops the transfer: ERROR ${packet.code}`, "warning"]]
    default:
      return [known]
  }
}

const onAck = (state: State, block: number, atMillis: number): Step => {
  const next: State = { ...state, acked: block, phase: state.phase === "Requesting" ? "Receiving" : state.phase }
  if (state.acked !== block) return [next]
  if (state.arrivedAtMillis !== atMillis) return [next, [`timeout: ACK ${block} is sent again`, "plain"]]
  // A reply to a block that came again is remarked with that block.
  return state.kept.length === 0 ? [next] : [next, [`ACK ${block} again: DATA ${block + 1} is missing`, "plain"]]
}

/** Handles a packet that the client sends. */
const onSending = (state: State, { atMillis, message: { packet } }: WireEvent<TftpMessage>): Step => {
  switch (packet?._tag) {
    case "RRQ":
      return state.phase === "Requesting"
        ? [state, ["timeout: no reply, the RRQ is sent again", "plain"]]
        : [{ ...state, phase: "Requesting" }]
    case "ACK":
      return onAck(state, packet.block, atMillis)
    default:
      return [state]
  }
}

/** Handles an event on the wire. */
const step = (state: State, event: WireEvent<TftpMessage>): Step =>
  event._tag === "Arrived" ? onArrival(state, event) : onSending(state, event)

/** Returns the name of the state. */
const name = ({ phase, received }: State): string => {
  switch (phase) {
    case "Starting":
      return "starting"
    case "Requesting":
      return "waiting for the first reply"
    case "Receiving":
      return `waiting for DATA ${received + 1}`
    case "Done":
      return "done: the file is whole"
    case "Stopped":
      return "stopped"
  }
}

/** Returns the variables of the state, in the order to show. */
const variables = ({ acked, duplicates, kept, received }: State) =>
  [
    ["received up to", `${received}`],
    ["acknowledged", acked === undefined ? "nothing" : `${acked}`],
    ["kept out of order", kept.length === 0 ? "none" : kept.join(", ")],
    ["came again", `${duplicates}`]
  ] as const

/** The observer of the client. */
export const observer: Observer<State, TftpMessage> = { host: "client", start, step, name, variables }
