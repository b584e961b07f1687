/**
 * The messages between a thread worker and its thread. A batch is a few arrays of the same length, which are cloned
 * faster than an array of objects. A slot is the index of a packet in a thread, from 0 to its capacity - 1.
 */

/** The `workerData` of a thread. */
export interface ThreadData {
  readonly module: string
  /** For each slot, 1 when its packet is cancelled; last, the slot being worked on plus 1, or 0 if there is none. */
  readonly flags: Int32Array<SharedArrayBuffer>
}

/** Packets for a thread. */
export interface Batch {
  readonly slots: ReadonlyArray<number>
  readonly packets: ReadonlyArray<unknown>
}

/** The codes of outcomes. */
export const OutcomeCode = { done: 0, failed: 1, stopped: 2 } as const

/** A message from a thread. */
export type ThreadMessage =
  | { readonly _tag: "Ready"; readonly name: string; readonly version: number }
  | { readonly _tag: "Refused"; readonly detail: string }
  | {
      readonly _tag: "Ended"
      readonly slots: ReadonlyArray<number>
      readonly outcomes: ReadonlyArray<number>
      /** The result, or the error message. */
      readonly values: ReadonlyArray<unknown>
      readonly millis: ReadonlyArray<number>
    }
