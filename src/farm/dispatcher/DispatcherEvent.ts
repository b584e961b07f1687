/** The options, events, notices and actions of a dispatcher. */

import type { Attempt, ErrorText } from "../FarmError.ts"
import type { SizedPacket } from "../Job.ts"

/** The properties of a worker. @category models @since 0.1.0 */
export interface WorkerInfo {
  readonly name: string
  readonly capacity: number
  readonly latencyMillis: number
}

/** The options of a dispatcher. @category models @since 0.1.0 */
export interface Options<Packet> {
  readonly workers: ReadonlyArray<WorkerInfo>
  /**
   * Splits off the next packet, of about `size` units; `undefined` at the end. This source is the only thing outside
   * the state that a step changes. An exception ends the run.
   */
  readonly nextPacket: (size: number) => SizedPacket<Packet> | undefined
  /** The units that `nextPacket` returns in all; `undefined` if the number is unknown. */
  readonly totalUnits: number | undefined
  /** Packets to assign before those of `nextPacket`. */
  readonly restored?: ReadonlyArray<SizedPacket<Packet>> | undefined
  /** The time after which a packet without a result goes to another worker as well. */
  readonly leaseMillis: number
  /** The number of failed attempts at one packet after which the run fails. */
  readonly maxAttempts: number
  /** True for merges in the order of the packets. */
  readonly ordered: boolean
  /** True if a merged result counts against `bufferSize` until a `Consumed` event. */
  readonly holdUntilConsumed: boolean
  /** The packets that may be split off and not consumed: 1 or more. */
  readonly bufferSize: number
  /** The time that one packet should take. */
  readonly targetMillis: number
  /** The units of each worker's first packet. */
  readonly initialSize: number
  /** The units of every packet, instead of an adaptive size. */
  readonly packetSize?: number | undefined
}

/** An event. `worker` is an index in `Options.workers`. @category models @since 0.1.0 */
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
      readonly error?: ErrorText
    }
  /** The worker is well, and has begun this packet. */
  | { readonly _tag: "Working"; readonly worker: number; readonly id: number }
  /** The worker has stopped a cancelled packet. */
  | { readonly _tag: "Stopped"; readonly worker: number; readonly id: number }
  | {
      readonly _tag: "Lost" | "Gone"
      readonly worker: number
      readonly message: string
      readonly running?: ReadonlyArray<number> | undefined
    }
  /** The worker accepts packets again. */
  | { readonly _tag: "Ready"; readonly worker: number }
  /** The consumer has read this number of merged results. */
  | { readonly _tag: "Consumed"; readonly count: number }
  /** Time has passed: leases may have expired. */
  | { readonly _tag: "Tick" }
  /** The run is cancelled. */
  | { readonly _tag: "Cancel" }

/** A change in a run that its observers are notified of. @category models @since 0.1.0 */
export type Notice =
  /** An attempt at a packet has failed. */
  | { readonly _tag: "AttemptFailed"; readonly id: number; readonly attempt: Attempt }
  /** The worker lost its packets: `WorkerReady` may follow after `WorkerLost`, nothing follows `WorkerGone`. */
  | { readonly _tag: "WorkerLost" | "WorkerGone"; readonly worker: string; readonly message: string }
  /** A lost worker takes packets again. */
  | { readonly _tag: "WorkerReady"; readonly worker: string }

/** The action that ends a run. @category models @since 0.1.0 */
export type EndAction<Packet> =
  | { readonly _tag: "Finished" }
  | {
      readonly _tag: "PoisonPacket"
      readonly id: number
      readonly packet: Packet
      readonly attempts: ReadonlyArray<Attempt>
    }
  | { readonly _tag: "NoWorkers"; readonly causes: ReadonlyArray<string> }
  /** `nextPacket` threw when packet `id` was to be split off. */
  | { readonly _tag: "SplitFailed"; readonly id: number; readonly cause: unknown }

/** An action, to be performed in this order. @category models @since 0.1.0 */
export type Action<Packet, Result> =
  | { readonly _tag: "Merge"; readonly id: number; readonly packet: Packet; readonly result: Result }
  | { readonly _tag: "Notify"; readonly notice: Notice }
  | { readonly _tag: "Cancel"; readonly worker: number; readonly ids: ReadonlyArray<number> }
  | {
      readonly _tag: "Run"
      readonly worker: number
      readonly tasks: ReadonlyArray<{ readonly id: number; readonly packet: Packet }>
    }
  | EndAction<Packet>
