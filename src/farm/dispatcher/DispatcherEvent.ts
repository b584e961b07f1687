/** The options, events, notices and actions of a dispatcher. */

import type { Attempt, ErrorText } from "../FarmError.ts"
import type { SizedPacket } from "../Job.ts"

/** The properties of a worker. @category models @since 0.1.0 */
export interface WorkerInfo {
  readonly name: string
  /** Workers of one host share it; undefined is a host, too. */
  readonly host?: string | undefined
  readonly capacity: number
  readonly latencyMillis: number
  readonly maxPacketBytes?: number | undefined
  readonly windowBytes?: number | undefined
  readonly reportsEachBegin?: boolean | undefined
}

/** A packet that is split off. @category models @since 0.1.0 */
export interface SplitPacket<Packet> extends SizedPacket<Packet> {
  /** The size of the packet for `bufferBytes`. Default 0. */
  readonly bytes?: number | undefined
  /**
   * True if the packet is moved to its worker, so that it can be sent only once. A failed attempt ends it, and no other
   * worker tries it as well. Default false.
   */
  readonly isMoved?: boolean | undefined
}

/** The verification of results by a second host. @category models @since 0.1.0 */
export interface Verification {
  /**
   * Returns true for a packet whose result two hosts must agree on. It is asked once for each packet, with the host
   * that receives it first; undefined is a host, too.
   */
  readonly isChosen: (id: number, host: string | undefined) => boolean
  readonly isEqual: (one: unknown, two: unknown) => boolean
  /** True if results are merged at the end of the run: those of a host that lies are then redone. */
  readonly holdsResults: boolean
}

/** A failed attempt, for the decision about the next one. @category models @since 0.1.0 */
export interface Failure {
  readonly id: number
  readonly attempt: Attempt
  /** The attempts at the packet so far, with this one. */
  readonly attempts: number
}

/** The options of a dispatcher. @category models @since 0.1.0 */
export interface Options<Packet> {
  /** The workers at the start. */
  readonly workers: ReadonlyArray<WorkerInfo>
  /** True if workers may join until `JoiningEnded`. Default false. */
  readonly mayJoin?: boolean | undefined
  /**
   * Splits off the next packet, of about `size` units; `undefined` at the end. With `"later"` it has none yet: a
   * `Refilled` follows. This source is the only thing outside the state that a step changes. An exception ends the run.
   */
  readonly nextPacket: (size: number) => SplitPacket<Packet> | "later" | undefined
  /** The units that `nextPacket` returns in all; `undefined` if the number is unknown. */
  readonly totalUnits: number | undefined
  /** Packets to assign before those of `nextPacket`. */
  readonly restored?: ReadonlyArray<SplitPacket<Packet>> | undefined
  /** The time of silence after which the packets of a worker go to others. */
  readonly leaseMillis: number
  /** The time after its begin at which a packet has failed. Default: none. */
  readonly timeoutMillis?: number | undefined
  /** The number of failed attempts at one packet after which it is poison. */
  readonly maxAttempts: number
  /** Returns the delay before the next attempt; `undefined` if there must be none. Default: no delay. */
  readonly retryDelayMillis?: ((failure: Failure) => number | undefined) | undefined
  /** True if poison packets are skipped. Default false: the first one ends the run. */
  readonly skipsPoison?: boolean | undefined
  /** True for merges in the order of the packets. */
  readonly ordered: boolean
  /** True if a merged result counts against the buffer until a `Consumed` event. */
  readonly holdUntilConsumed: boolean
  /** The packets that may be split off and not consumed: 1 or more. */
  readonly bufferSize: number
  /** True if `bufferSize` is for each worker that is not gone. Default false. */
  readonly isBufferPerWorker?: boolean | undefined
  /** The bytes of these packets after which no more are split off. Default: no limit. */
  readonly bufferBytes?: number | undefined
  /** The time that one packet should take. */
  readonly targetMillis: number
  /** The units of each worker's first packet. */
  readonly initialSize: number
  /** The units of every packet, instead of an adaptive size. */
  readonly packetSize?: number | undefined
  /** Default: no result is verified. */
  readonly verify?: Verification | undefined
}

/**
 * An event. `worker` is an index: workers are numbered from 0, those that join after those of the start.
 *
 * @category models
 * @since 0.1.0
 */
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
  /** The worker is well. It says nothing about its packets, and a worker that is lost remains so. */
  | { readonly _tag: "Alive"; readonly worker: number }
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
  /** A worker joins, and is ready. */
  | { readonly _tag: "Join"; readonly info: WorkerInfo }
  /** No worker will join any more. */
  | { readonly _tag: "JoiningEnded" }
  /** The source has packets again, or has ended. */
  | { readonly _tag: "Refilled" }
  /** The result of this packet is not needed any more. */
  | { readonly _tag: "Drop"; readonly id: number }
  /** The consumer has read this number of merged results. */
  | { readonly _tag: "Consumed"; readonly count: number }
  /**
   * Time has passed: leases and timeouts may have expired. `lateMillis` is the time for which the driver was busy, and
   * could not read the reports of workers: it does not count. Default 0.
   */
  | { readonly _tag: "Tick"; readonly lateMillis?: number | undefined }
  /** The run is cancelled. */
  | { readonly _tag: "Cancel" }

/** A change in a run that its observers are notified of. @category models @since 0.1.0 */
export type Notice =
  /** An attempt at a packet has failed. */
  | { readonly _tag: "AttemptFailed"; readonly id: number; readonly attempt: Attempt }
  /** A packet that has failed is sent to a worker again. */
  | { readonly _tag: "PacketRetried"; readonly id: number; readonly worker: string; readonly attempts: number }
  /** A packet that failed too often is skipped. */
  | { readonly _tag: "PacketSkipped"; readonly id: number; readonly attempts: ReadonlyArray<Attempt> }
  | { readonly _tag: "WorkerJoined"; readonly worker: string }
  /** A worker that joined is not used. */
  | { readonly _tag: "WorkerRejected"; readonly worker: string; readonly message: string }
  /** The worker lost its packets: `WorkerReady` may follow after `WorkerLost`, nothing follows `WorkerGone`. */
  | { readonly _tag: "WorkerLost" | "WorkerGone"; readonly worker: string; readonly message: string }
  /** A lost worker takes packets again. */
  | { readonly _tag: "WorkerReady"; readonly worker: string }
  /** The worker was silent for a lease: its packets, this number, go to others. */
  | { readonly _tag: "LeaseExpired"; readonly worker: string; readonly packets: number }
  /**
   * The worker says that it is well, but this packet has had no outcome for this time: ten leases, and again after
   * twice the time. With `hasBegun` it works on the packet, and the run has no timeout that would end that. Without,
   * it has not begun it, and no worker of the run has ended any packet meanwhile.
   */
  | {
      readonly _tag: "PacketSlow"
      readonly id: number
      readonly worker: string
      readonly host: string | undefined
      readonly millis: number
      readonly hasBegun: boolean
    }
  /** The last packets of the worker all failed: it receives none for a time, while others succeed. */
  | { readonly _tag: "WorkerBackedOff"; readonly worker: string; readonly failures: number }
  /**
   * The results of these hosts for a packet differ. Another host decides; if there is none, the packet waits this time
   * for one that joins, and fails at its end: `waitMillis` is undefined unless it waits.
   */
  | {
      readonly _tag: "ResultsDiffer"
      readonly id: number
      readonly hosts: ReadonlyArray<string>
      readonly waitMillis: number | undefined
    }
  /**
   * Other hosts agreed on another result of this packet. The workers of the host are gone, and its packets whose
   * results were not merged yet are done again: `redone` in number.
   */
  | { readonly _tag: "HostRejected"; readonly host: string; readonly id: number; readonly redone: number }

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
  | {
      readonly _tag: "Merge"
      readonly id: number
      readonly packet: Packet
      readonly units: number
      readonly result: Result
    }
  /** The packet is given up with these attempts, and the run continues. */
  | {
      readonly _tag: "Skip"
      readonly id: number
      readonly packet: Packet
      readonly attempts: ReadonlyArray<Attempt>
    }
  | { readonly _tag: "Notify"; readonly notice: Notice }
  | { readonly _tag: "Cancel"; readonly worker: number; readonly ids: ReadonlyArray<number> }
  | {
      readonly _tag: "Run"
      readonly worker: number
      readonly tasks: ReadonlyArray<{ readonly id: number; readonly packet: Packet }>
    }
  /** The worker is gone: its part in the run is over. No action for it follows. */
  | { readonly _tag: "Detach"; readonly worker: number }
  | EndAction<Packet>
