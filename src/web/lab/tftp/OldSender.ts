/**
 * The sender of RFC 783 (1981) as a pure state machine: it answers every ACK with the next block, also an ACK that
 * comes again.
 *
 * Both ends then answer each copy with a copy: once a block or an ACK has come twice, by the network or because a timer
 * expired too early, every later block is sent twice. This is the Sorcerer's Apprentice Syndrome. RFC 1123, section
 * 4.2.3.1, forbids the sender to answer a repeated ACK; `Sender` of the TFTP service does as it says.
 */

/** Times that a block is sent before the sender gives up. */
export const maxAttempts = 6

/** The state of a sender. Blocks are counted from 1. */
export interface State {
  readonly phase: "Sending" | "Done" | "GaveUp"
  /** Number of the last block of the file. */
  readonly last: number
  /** The highest block sent. */
  readonly block: number
  /** Times that it was sent since the latest ACK. */
  readonly attempts: number
}

/** An event of a sender. */
export type Event = { readonly _tag: "Ack"; readonly block: number } | { readonly _tag: "Timeout" }

/** Returns the state after block 1 was sent. */
export const start = (last: number): State => ({ phase: "Sending", last, block: 1, attempts: 1 })

/** Handles an event; returns the block to send, if any. */
export const step = (state: State, event: Event): readonly [State, send: number | undefined] => {
  const { attempts, block, last, phase } = state
  if (phase !== "Sending") return [state, undefined]
  if (event._tag === "Timeout") {
    return attempts >= maxAttempts
      ? [{ ...state, phase: "GaveUp" }, undefined]
      : [{ ...state, attempts: attempts + 1 }, block]
  }
  if (event.block > block) return [state, undefined]
  if (event.block === last) return [{ ...state, phase: "Done" }, undefined]
  const next = event.block + 1
  return [{ ...state, block: Math.max(block, next), attempts: 1 }, next]
}
