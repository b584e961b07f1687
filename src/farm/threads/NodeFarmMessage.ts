/**
 * What a pool and its threads tell each other. A batch is a few arrays of the same length, which are cloned faster than
 * as many objects. A slot is the place of a packet in a thread, from 0 to its capacity.
 */

/** What a thread is made with. */
export interface ThreadData {
  readonly module: string
  /** One number for each slot, 1 when its packet is cancelled; and the slot that is being worked on plus 1, or 0. */
  readonly flags: Int32Array<SharedArrayBuffer>
}

/** To a thread. */
export interface Batch {
  readonly slots: ReadonlyArray<number>
  readonly packets: ReadonlyArray<unknown>
}

/** How packets ended. */
export const OutcomeCode = { done: 0, failed: 1, stopped: 2 } as const

/** From a thread. */
export type ThreadMessage =
  | { readonly _tag: "Ready"; readonly name: string; readonly version: number }
  | { readonly _tag: "Refused"; readonly detail: string }
  | {
      readonly _tag: "Ended"
      readonly slots: ReadonlyArray<number>
      readonly endings: ReadonlyArray<number>
      /** The result, or why there is none. */
      readonly values: ReadonlyArray<unknown>
      readonly millis: ReadonlyArray<number>
    }
