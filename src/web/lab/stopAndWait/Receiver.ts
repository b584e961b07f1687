/**
 * The receiver of the stop-and-wait protocol as a pure state machine.
 *
 * ```
 *                        DATA 0: deliver, ACK 0
 *   waiting for DATA 0 --------------------------> waiting for DATA 1
 *     DATA 1: ACK 1   <--------------------------    DATA 0: ACK 0
 *                        DATA 1: deliver, ACK 1
 * ```
 *
 * A frame with another number than the awaited one has come again, because its ACK was lost or late: it is acknowledged
 * again and not delivered. Without numbers every frame is delivered.
 */
import * as Frame from "./Frame.ts"

/** The state of a receiver. */
export interface State {
  readonly numbering: Frame.Numbering
  /** Texts in the order of their delivery. */
  readonly delivered: ReadonlyArray<string>
}

/** Returns the state before the first frame. */
export const start = (numbering: Frame.Numbering): State => ({ numbering, delivered: [] })

const awaited = ({ delivered, numbering }: State) => Frame.numberOf[numbering](delivered.length + 1)

/** Handles a DATA frame: returns the ACK to send, and whether the text is delivered. */
export const step = (
  state: State,
  { number, text }: Pick<Frame.Frame, "number" | "text">
): readonly [State, reply: Frame.Frame, isDelivered: boolean] => {
  const isDelivered = number === awaited(state)
  const next = isDelivered ? { ...state, delivered: [...state.delivered, text] } : state
  return [next, { _tag: "ACK", number, text }, isDelivered]
}

/** Returns the name of the state. */
export const name = (state: State): string => `waiting for ${Frame.name({ _tag: "DATA", number: awaited(state) })}`
