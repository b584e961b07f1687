/**
 * The state of a request that a server has accepted, as a state machine. Pure.
 *
 * A request is opening until its file is open and its options are negotiated, then transferring. Its client is silent
 * until the first packet to the port of the transfer: its address may be forged, and it gives way to another client
 * when all places are in use. After a success the request dallies, for a client that may have missed the last ACK, and
 * does not count as active any more. Only an upload that the server's own thread runs dallies here: a transfer thread
 * does it by itself, a download does not.
 */
import * as Packet from "../protocol/Packet.ts"
import * as Transfer from "../transfer/Transfer.ts"
import type { ReceivedRequest } from "./RequestHandler.ts"

/** The state of a request, with the transfer that handles the client's datagrams. */
export type State =
  | { readonly _tag: "Opening" }
  | { readonly _tag: "Transferring"; readonly transfer: Transfer.Transfer; readonly isSilent: boolean }
  /** The client has sent another request: this one is ending, and does not count as active any more. */
  | { readonly _tag: "Superseded"; readonly transfer: Transfer.Transfer | undefined }
  /** Another client has got the place of this silent one: it is ending, and does not count as active any more. */
  | { readonly _tag: "GaveWay"; readonly transfer: Transfer.Transfer | undefined }
  | { readonly _tag: "Dallying"; readonly transfer: Transfer.Transfer }
  | { readonly _tag: "Ended" }

/** An event of a request. */
export type Event =
  /** Its fiber begins the transfer. */
  | { readonly _tag: "Opened"; readonly transfer: Transfer.Transfer }
  /** The client has sent a packet to the port of the transfer. */
  | { readonly _tag: "Validated" }
  /** Another client needs its place, if its client is silent. `mayReply`: the client may get one more packet. */
  | { readonly _tag: "GiveWay"; readonly mayReply: boolean }
  /** Its transfer has succeeded, and telemetry has recorded it. */
  | { readonly _tag: "Succeeded" }
  /** Its fiber has ended, for whatever reason. */
  | { readonly _tag: "Ended" }
  /** The client has sent a request from the same port. `isRepeated`: it equals this one, which is new if dallying. */
  | { readonly _tag: "RequestReceived"; readonly received: ReceivedRequest; readonly isRepeated: boolean }

/** A request to the driver. */
export type Action =
  /** Decrements the number of active transfers. */
  | { readonly _tag: "CountEnded" }
  | { readonly _tag: "CountDuplicate" }
  /** Interrupts the fiber of this request; a transfer that has begun then sends an ERROR. */
  | { readonly _tag: "Interrupt" }
  /** Passes a packet to the transfer. */
  | { readonly _tag: "Receive"; readonly transfer: Transfer.Transfer; readonly bytes: Uint8Array }
  /** Starts the received request, with a state of its own. */
  | { readonly _tag: "Start"; readonly received: ReceivedRequest }

/** The next state, and the actions to perform. */
export type Transition = readonly [state: State, actions: ReadonlyArray<Action>]

export const initial: State = { _tag: "Opening" }

/**
 * The ERROR that ends a transfer when the client sends another request, or has got all packets that a silent client may
 * get. The transfer receives it as if from the client, so that the client gets none: it would take it for the reply to
 * its new request.
 */
const ending = Transfer.errorPacket(Packet.ErrorCode.NotDefined, "ended by the server")

/** Returns true if a request equals another. */
export const isSame = (one: Packet.Request, other: Packet.Request) =>
  one._tag === other._tag &&
  one.filename === other.filename &&
  one.mode === other.mode &&
  `${one.options}` === `${other.options}`

/** Returns the transfer; undefined before it begins and after the end. */
export const transferOf = (state: State): Transfer.Transfer | undefined =>
  "transfer" in state ? state.transfer : undefined

/** Returns true until the transfer has ended, or gives way to another. */
export const isInProgress = ({ _tag }: State): boolean => _tag === "Opening" || _tag === "Transferring"

/** Returns true if the client has been silent so far, and the request in progress gives way to another. */
export const givesWay = (state: State): boolean =>
  state._tag === "Opening" || (state._tag === "Transferring" && state.isSilent)

const none: ReadonlyArray<Action> = []
const duplicate: ReadonlyArray<Action> = [{ _tag: "CountDuplicate" }]
const countEnded: Action = { _tag: "CountEnded" }

const onRequest = (state: State, received: ReceivedRequest, isRepeated: boolean): Transition => {
  const start: Action = { _tag: "Start", received }
  switch (state._tag) {
    case "Opening":
      return isRepeated
        ? [state, duplicate]
        : [{ _tag: "Superseded", transfer: undefined }, [countEnded, { _tag: "Interrupt" }, start]]
    case "Transferring": {
      const { transfer } = state
      return isRepeated
        ? [state, duplicate]
        : [{ _tag: "Superseded", transfer }, [countEnded, { _tag: "Receive", transfer, bytes: ending }, start]]
    }
    case "Dallying":
      return [state, [{ _tag: "Interrupt" }, start]]
    case "Superseded":
    case "GaveWay":
    case "Ended":
      return [state, [start]]
  }
}

const onGiveWay = (state: State, mayReply: boolean): Transition => {
  if (!givesWay(state)) return [state, none]
  const transfer = transferOf(state)
  const end: Action =
    transfer === undefined || mayReply ? { _tag: "Interrupt" } : { _tag: "Receive", transfer, bytes: ending }
  return [{ _tag: "GaveWay", transfer }, [countEnded, end]]
}

/** Applies an event. */
export const transition = (state: State, event: Event): Transition => {
  switch (event._tag) {
    case "Opened":
      return state._tag === "Opening"
        ? [{ _tag: "Transferring", transfer: event.transfer, isSilent: true }, none]
        : [state, none]
    case "Validated":
      return [state._tag === "Transferring" ? { ...state, isSilent: false } : state, none]
    case "GiveWay":
      return onGiveWay(state, event.mayReply)
    case "Succeeded":
      return state._tag === "Transferring"
        ? [{ _tag: "Dallying", transfer: state.transfer }, [countEnded]]
        : [state, none]
    case "Ended":
      return [{ _tag: "Ended" }, isInProgress(state) ? [countEnded] : none]
    case "RequestReceived":
      return onRequest(state, event.received, event.isRepeated)
  }
}
