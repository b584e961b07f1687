/**
 * The state of a request that a server has accepted, as a state machine. Pure.
 *
 * A request is opening until its file is open and its options are negotiated, then transferring. After a success it
 * dallies, for a client that may have missed the last ACK, and does not count as active any more. Only an upload in
 * this thread dallies for some time.
 */
import * as Packet from "../protocol/Packet.ts"
import * as Transfer from "../transfer/Transfer.ts"
import type { ReceivedRequest } from "./RequestHandler.ts"

/** The state of a request. Each but `Opening` and `Ended` has the transfer that handles the client's datagrams. */
export type State =
  | { readonly _tag: "Opening" }
  | { readonly _tag: "Transferring"; readonly transfer: Transfer.Transfer }
  | { readonly _tag: "Dallying"; readonly transfer: Transfer.Transfer }
  | { readonly _tag: "Ended" }

/** An event of a request. */
export type Event =
  /** Its transfer begins. */
  | { readonly _tag: "Opened"; readonly transfer: Transfer.Transfer }
  /** Its transfer has succeeded, and telemetry has recorded it. */
  | { readonly _tag: "Succeeded" }
  /** Its fiber has ended, for whatever reason. */
  | { readonly _tag: "Ended" }
  /** The client has sent a request from the same port. `isRepeated`: this one again, which is new while dallying. */
  | { readonly _tag: "RequestReceived"; readonly received: ReceivedRequest; readonly isRepeated: boolean }

/** A request to the driver. */
export type Action =
  /** Decrement the number of active transfers. */
  | { readonly _tag: "CountEnded" }
  | { readonly _tag: "CountDuplicate" }
  | { readonly _tag: "Interrupt" }
  /** Pass a packet to the transfer. */
  | { readonly _tag: "Receive"; readonly transfer: Transfer.Transfer; readonly bytes: Uint8Array }
  | { readonly _tag: "Start"; readonly received: ReceivedRequest }

/** The next state, and the actions to perform. */
export type Transition = readonly [state: State, actions: ReadonlyArray<Action>]

export const initial: State = { _tag: "Opening" }

/**
 * The ERROR that ends a transfer when the client sends another request. The transfer gets it as if from the client, so
 * that the client gets none: it would take it for the reply to its new request.
 */
const superseded = Transfer.errorPacket(Packet.ErrorCode.NotDefined, "superseded by a new request of the client")

/** Returns the transfer; undefined before it begins and after the end. */
export const transferOf = (state: State): Transfer.Transfer | undefined =>
  "transfer" in state ? state.transfer : undefined

const onRequest = (state: State, received: ReceivedRequest, isRepeated: boolean): ReadonlyArray<Action> => {
  const start: Action = { _tag: "Start", received }
  switch (state._tag) {
    case "Opening":
      return isRepeated ? [{ _tag: "CountDuplicate" }] : [{ _tag: "Interrupt" }, start]
    case "Transferring":
      return isRepeated
        ? [{ _tag: "CountDuplicate" }]
        : [{ _tag: "Receive", transfer: state.transfer, bytes: superseded }, start]
    case "Dallying":
      return [{ _tag: "Interrupt" }, start]
    case "Ended":
      return [start]
  }
}

/** Applies an event. */
export const transition = (state: State, event: Event): Transition => {
  switch (event._tag) {
    case "Opened":
      return state._tag === "Opening" ? [{ _tag: "Transferring", transfer: event.transfer }, []] : [state, []]
    case "Succeeded":
      return state._tag === "Transferring" ? [{ ...state, _tag: "Dallying" }, [{ _tag: "CountEnded" }]] : [state, []]
    case "Ended":
      return [
        { _tag: "Ended" },
        state._tag === "Opening" || state._tag === "Transferring" ? [{ _tag: "CountEnded" }] : []
      ]
    case "RequestReceived":
      return [state, onRequest(state, event.received, event.isRepeated)]
  }
}
