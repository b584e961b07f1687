/** What a dispatcher is made of, is told, and says. */

import type { Attempt } from "../FarmError.ts"
import type { SizedPacket } from "../Job.ts"
import type * as DispatcherState from "./DispatcherState.ts"

/** What a dispatcher goes by. Times are in milliseconds. @category models @since 0.1.0 */
export interface Options<Packet> {
  readonly workers: ReadonlyArray<DispatcherState.WorkerInfo>
  /** The next packet, `undefined` when there are no more. */
  readonly nextPacket: (size: number) => SizedPacket<Packet> | undefined
  /** Units that `cut` will give, if that is known. */
  readonly totalUnits: number | undefined
  /** Packets to do first. */
  readonly restored?: ReadonlyArray<SizedPacket<Packet>> | undefined
  /** How long a worker may have a packet before another gets it, too. */
  readonly leaseMillis: number
  /** How often a packet may fail. */
  readonly maxAttempts: number
  /** Results are merged in the order of the packets. */
  readonly ordered: boolean
  /** Merged results count as taken when `Taken` says so, not at once. */
  readonly holdUntilConsumed: boolean
  /** How many packets may be cut and not taken: 1 or more. */
  readonly bufferSize: number
  /** How long a packet should take. */
  readonly targetMillis: number
  /** The size of a worker's first packet. */
  readonly initialSize: number
  /** The size of all packets, instead of one that adapts. */
  readonly packetSize?: number | undefined
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
  | { readonly _tag: "Consumed"; readonly count: number }
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
  | {
      readonly _tag: "PoisonPacket"
      readonly id: number
      readonly packet: Packet
      readonly attempts: ReadonlyArray<Attempt>
    }
  | { readonly _tag: "NoWorkers"; readonly causes: ReadonlyArray<string> }
