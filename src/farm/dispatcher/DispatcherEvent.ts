/** What a dispatcher is made of, is told, and says. */

import type { Attempt } from "../FarmError.ts"
import type * as State from "./DispatcherState.ts"

/** A packet with its size. @category models @since 0.1.0 */
export interface Cut<Packet> {
  readonly packet: Packet
  readonly units: number
}

/** What a dispatcher goes by. Times are in milliseconds. @category models @since 0.1.0 */
export interface Options<Packet> {
  readonly workers: ReadonlyArray<State.WorkerInfo>
  /** The next packet, `undefined` when there are no more. */
  readonly cut: (size: number) => Cut<Packet> | undefined
  /** Units that `cut` will give, if that is known. */
  readonly total: number | undefined
  /** Packets to do first. */
  readonly restored?: ReadonlyArray<Cut<Packet>> | undefined
  /** How long a worker may have a packet before another gets it, too. */
  readonly lease: number
  /** How often a packet may fail. */
  readonly attempts: number
  /** Results are merged in the order of the packets. */
  readonly ordered: boolean
  /** Merged results count as taken when `Taken` says so, not at once. */
  readonly hold: boolean
  /** How many packets may be cut and not taken: 1 or more. */
  readonly buffer: number
  /** How long a packet should take. */
  readonly target: number
  /** The size of a worker's first packet. */
  readonly first: number
  /** The size of all packets, instead of one that adapts. */
  readonly size?: number | undefined
}

/** What happens. Workers are numbers: their places in `Options.workers`. @category models @since 0.1.0 */
export type Event<Result> =
  | {
      readonly _tag: "Done"
      readonly worker: number
      readonly id: number
      readonly result: Result
      readonly millis: number
    }
  | {
      readonly _tag: "Failed"
      readonly worker: number
      readonly id: number
      readonly kind: Attempt["kind"]
      readonly message: string
    }
  | { readonly _tag: "Stopped"; readonly worker: number; readonly id: number }
  | {
      readonly _tag: "Lost" | "Gone"
      readonly worker: number
      readonly message: string
      readonly running?: ReadonlyArray<number> | undefined
    }
  | { readonly _tag: "Ready"; readonly worker: number }
  /** So many merged results were taken. */
  | { readonly _tag: "Taken"; readonly count: number }
  /** Time has passed. */
  | { readonly _tag: "Tick" }
  /** Nobody wants the rest. */
  | { readonly _tag: "Cancel" }

/** What to do, in this order. After the last three nothing more is done. @category models @since 0.1.0 */
export type Action<Packet, Result> =
  | { readonly _tag: "Merge"; readonly id: number; readonly packet: Packet; readonly result: Result }
  | { readonly _tag: "Cancel"; readonly worker: number; readonly ids: ReadonlyArray<number> }
  | {
      readonly _tag: "Run"
      readonly worker: number
      readonly tasks: ReadonlyArray<{ readonly id: number; readonly packet: Packet }>
    }
  | { readonly _tag: "Finished" }
  | { readonly _tag: "Poison"; readonly id: number; readonly packet: Packet; readonly attempts: ReadonlyArray<Attempt> }
  | { readonly _tag: "NoWorkers"; readonly causes: ReadonlyArray<string> }
