/**
 * The messages between a thread worker and its thread. A batch is a few arrays of the same length, which are cloned
 * faster than an array of objects. Outcomes have the order of the packets.
 */

/** The `workerData` of a thread. */
export interface ThreadData {
  readonly module: string
  /** The shared memory of `ThreadTasks`. */
  readonly flags: Int32Array<SharedArrayBuffer>
}

/** Packets for a thread. */
export interface Batch {
  readonly packets: ReadonlyArray<unknown>
  /** The error of a packet that cannot be sent: the thread reports it in place of an outcome. */
  readonly error?: string
}

/** The codes of outcomes. */
export const OutcomeCode = { done: 0, failed: 1, stopped: 2 } as const

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
  | { readonly _tag: "Ready"; readonly name: string; readonly version: number }
  | { readonly _tag: "Refused"; readonly detail: string }
  | Ended
