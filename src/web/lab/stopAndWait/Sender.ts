/**
 * The sender of the stop-and-wait protocol as a pure state machine: one message is on its way, and is sent again until
 * its ACK arrives.
 *
 * ```
 *                          ACK 0: send the next message
 *   waiting for ACK 0    --------------------------------> waiting for ACK 1
 *     timeout: send again <-------------------------------   timeout: send again
 *                          ACK 1: send the next message
 * ```
 *
 * Without numbers the sender takes any ACK for the one it waits for.
 */
import * as Frame from "./Frame.ts"

/** Times that a message is sent before the sender gives up. */
export const maxAttempts = 10

/** The state of a sender. */
export interface State {
  readonly numbering: Frame.Numbering
  readonly messages: ReadonlyArray<string>
  readonly phase: "Sending" | "Done" | "GaveUp"
  /** The message on its way, from 1. */
  readonly message: number
  /** Times that it was sent. */
  readonly attempts: number
  /** Frames that were sent again, in all. */
  readonly resent: number
}

/** An event of a sender. */
export type Event =
  | { readonly _tag: "Ack"; readonly number: number | undefined }
  /** No ACK has arrived in time. */
  | { readonly _tag: "Timeout" }

/** The meaning of an event. */
export type Verdict = "Acknowledged" | "Ignored" | "SentAgain" | "GaveUp"

/** Returns the state with the first message on its way. */
export const start = (messages: ReadonlyArray<string>, numbering: Frame.Numbering): State => ({
  numbering,
  messages,
  phase: messages.length === 0 ? "Done" : "Sending",
  message: 1,
  attempts: 1,
  resent: 0
})

/** Returns the frame to send now, and at each timeout; undefined at the end. */
export const frame = ({ message, messages, numbering, phase }: State): Frame.Frame | undefined =>
  phase === "Sending"
    ? { _tag: "DATA", number: Frame.numberOf[numbering](message), text: messages[message - 1]! }
    : undefined

/** Handles an event. After `Acknowledged` and `SentAgain` the sender sends `frame` of the new state. */
export const step = (state: State, event: Event): readonly [State, Verdict] => {
  const { attempts, message, messages, numbering, phase, resent } = state
  if (phase !== "Sending") return [state, "Ignored"]
  if (event._tag === "Timeout") {
    return attempts >= maxAttempts
      ? [{ ...state, phase: "GaveUp" }, "GaveUp"]
      : [{ ...state, attempts: attempts + 1, resent: resent + 1 }, "SentAgain"]
  }
  if (event.number !== Frame.numberOf[numbering](message)) return [state, "Ignored"]
  return message === messages.length
    ? [{ ...state, phase: "Done" }, "Acknowledged"]
    : [{ ...state, message: message + 1, attempts: 1 }, "Acknowledged"]
}

/** Returns the name of the state. */
export const name = (state: State): string => {
  const { message, messages, numbering, phase } = state
  if (phase === "Done") return `done: ${messages.length} messages are acknowledged`
  if (phase === "GaveUp") return "gave up"
  return `waiting for ${Frame.name({ _tag: "ACK", number: Frame.numberOf[numbering](message) })}`
}
