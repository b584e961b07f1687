/**
 * The messages between a thread worker and its thread. A batch is a few arrays of the same length, which are cloned
 * faster than an array of objects. Outcomes have the order of the packets.
 */
import * as ByteEstimate from "../ByteEstimate.ts"
import { type ErrorText, errorText, tooLarge } from "../FarmError.ts"

/** The `workerData` of a thread. */
export interface ThreadData {
  readonly module: string
  /** The shared memory of `ThreadTasks`. */
  readonly flags: Int32Array<SharedArrayBuffer>
  /** The position of the first task of this thread: 0, except for a thread that takes over from another. */
  readonly firstPosition: number
  /** The most bytes in a result. */
  readonly maxPacketBytes: number
}

/** The outcome of a packet or result that is not sent. */
export interface Refusal {
  readonly outcome: number
  readonly error: ErrorText
}

/** Packets for a thread. */
export interface Batch {
  readonly packets: ReadonlyArray<unknown>
  /** The outcome of the packet, which is not in the batch: the thread reports it in the order of the packets. */
  readonly refusal?: Refusal
}

/**
 * A message to a thread. `Cancelled` wakes a thread whose work waits, to read the flag of its task. `End` releases the
 * services of the job and ends the thread, which has no task any more.
 */
export type ToThread = Batch | "Cancelled" | "End"

/** The codes of outcomes. */
export const OutcomeCode = { done: 0, failed: 1, stopped: 2, unsendable: 3, tooLarge: 4 } as const

/** The outcomes of tasks. */
export interface Ended {
  readonly _tag: "Ended"
  readonly outcomes: Array<number>
  /** The result, or the `ErrorText` of what was thrown. */
  readonly values: Array<unknown>
  readonly millis: Array<number>
}

/** A message from a thread. */
export type ThreadMessage =
  /** The thread takes packets. `hasServices`: it has services to release at its end. */
  | { readonly _tag: "Ready"; readonly name: string; readonly version: number; readonly hasServices: boolean }
  | { readonly _tag: "Refused"; readonly detail: string }
  | Ended

/** Makes the outcome of a packet or result that structured clone refuses. */
export const unsendable = (what: "packet" | "result", cause: unknown): Refusal => {
  const { message, name } = errorText(cause)
  const advice = "encode it in its schema as plain data and buffers"
  return { outcome: OutcomeCode.unsendable, error: { name, message: `cannot send the ${what}: ${message}; ${advice}` } }
}

/** Returns the outcome of a packet or result that is larger than the limit. */
export const refusalOf = (what: "packet" | "result", value: unknown, maxBytes: number): Refusal | undefined => {
  if (maxBytes === Number.POSITIVE_INFINITY) return undefined
  const bytes = ByteEstimate.estimate(value)
  return bytes > maxBytes ? { outcome: OutcomeCode.tooLarge, error: tooLarge(what, bytes, maxBytes) } : undefined
}
