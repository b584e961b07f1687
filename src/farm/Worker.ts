/**
 * The interface between a farm and a worker: a thread, a connection to another machine, or a simulation.
 *
 * Tasks and reports travel in batches and by callback. With a queue of batches and a fiber for each worker, a run of
 * empty packets on two threads handles 387,000 a second instead of 431,000 (medians of 11 rounds in turn).
 */
import * as Effect from "effect/Effect"
import { dual } from "effect/Function"
import type * as Scope from "effect/Scope"
import * as Stream from "effect/Stream"
import type { ErrorText, FarmError } from "./FarmError.ts"

/** A packet for a worker. @category models @since 0.1.0 */
export interface Task {
  /** A whole number, 0 or more, unique among the tasks of a run; see `InFlight`. */
  readonly id: number
  /** The packet as `Work.packet` encodes it. */
  readonly packet: unknown
  /** The buffers in the packet that a thread moves: the task is tried once. */
  readonly transfer?: ReadonlyArray<ArrayBufferLike> | undefined
}

/** A report from a worker to its farm. @category models @since 0.1.0 */
export type Report =
  /** The result as `Work.result` encodes it, not validated, and the duration of the work. */
  | { readonly _tag: "Done"; readonly id: number; readonly result: unknown; readonly millis: number }
  /** The work threw, or by its `kind`: the packet cannot be sent to the worker, or the result from it. */
  | {
      readonly _tag: "Failed"
      readonly id: number
      readonly error: ErrorText
      /** `TooLarge`: beyond `maxPacketBytes`. `Unsendable`: no attempt can succeed. Default: the work threw. */
      readonly kind?: "TooLarge" | "Unsendable" | undefined
    }
  /** The task was cancelled before it was done. */
  | { readonly _tag: "Stopped"; readonly id: number }
  /** The worker is well and works on this task: when it begins one after idling, and once a second while it works. */
  | { readonly _tag: "Working"; readonly id: number }
  /** The worker is well, whether or not it works on a task of this run: it renews the leases, and nothing else. */
  | { readonly _tag: "Alive" }
  /**
   * The worker lost all its tasks, and receives none until it reports `Ready`. A failed attempt counts against the
   * tasks in `running`; if that is absent, against those that were begun. See `Worker.reportsEachBegin`.
   */
  | { readonly _tag: "Lost"; readonly message: string; readonly running?: ReadonlyArray<number> | undefined }
  /** The worker accepts tasks again: it was restarted, or has reconnected. */
  | { readonly _tag: "Ready" }
  /** The worker lost all its tasks as in `Lost`, and will not report `Ready` again. */
  | { readonly _tag: "Gone"; readonly message: string; readonly running?: ReadonlyArray<number> | undefined }

/** The end of one task. @category models @since 0.1.0 */
export type TaskOutcome = Exclude<Extract<Report, { readonly id: number }>, { readonly _tag: "Working" }>

/** A worker of a pool. @category models @since 0.1.0 */
export interface Worker {
  /** The name in progress and errors: `thread 2`, `host:1070`. */
  readonly name: string
  /** The host of the worker, for `verify` and the progress by host: workers of one host share it. Default: this one. */
  readonly host?: string | undefined
  /** The job that the worker has loaded. */
  readonly job: { readonly name: string; readonly version: number }
  /** The most tasks that the worker holds at once, running and waiting: 1 or more. A farm does not exceed it. */
  readonly capacity: number
  /** The round-trip time of a task and its result: the farm keeps enough tasks waiting at the worker to cover it. */
  readonly latencyMillis: number
  /**
   * The most bytes in an encoded packet, and in a result. A packet that is larger fails at once, with this limit.
   * Default: no limit.
   */
  readonly maxPacketBytes?: number | undefined
  /**
   * The bytes of packets at the worker, running and waiting, up to which it is sent more than two. Default: no limit.
   */
  readonly windowBytes?: number | undefined
  /**
   * True for a worker that reports `Working` for every task that it begins. It may begin them in another order, as the
   * slots of a host do. Otherwise a task is also begun by being the oldest of the worker after an outcome: a guess that
   * is wrong if the task was still on its way.
   */
  readonly reportsEachBegin?: boolean | undefined
  /**
   * Begins a run. The worker is ready unless it reports `Lost` at once, and reports until the scope closes. Then it
   * stops its tasks, kills what does not stop within a grace period, and reports nothing more. One run at a time.
   *
   * Each task ends with exactly one `Done`, `Failed` or `Stopped`, or with the worker's `Lost` or `Gone`. `report` must
   * not be called from within `run` or `cancel`.
   */
  readonly attach: (report: (reports: ReadonlyArray<Report>) => void) => Effect.Effect<void, FarmError, Scope.Scope>
  /** Queues tasks, which are worked on in this order. It must not throw. */
  readonly run: (tasks: ReadonlyArray<Task>) => void
  /**
   * Stops tasks; ids that are unknown or done are ignored. One that waits ends at once, one that is begun soon: a task
   * that does not stop is killed, and the worker reports `Lost`. A task occupies capacity until it has ended. A worker
   * receives no more tasks while one that expired or timed out has not ended.
   */
  readonly cancel: (ids: ReadonlyArray<number>) => void
}

/** A pool of workers: those at the start, and those that join later. @category models @since 0.1.0 */
export interface WorkerPool {
  readonly workers: ReadonlyArray<Worker>
  /**
   * Emits the workers that have joined since the pool was made, then those that join, and ends when none will join any
   * more. Each run consumes it anew. A host that can never be used joins as a worker that reports `Gone` at once, so
   * that its cause is known; a worker leaves by reporting `Gone`.
   */
  readonly joining: Stream.Stream<Worker>
}

/** A pool whose workers live as long as the scope. @category models @since 0.1.0 */
export type Workers = Effect.Effect<WorkerPool, FarmError, Scope.Scope>

/** Makes a pool that no worker joins later. @category constructors @since 0.1.0 */
export const pool = (workers: ReadonlyArray<Worker>): WorkerPool => ({ workers, joining: Stream.empty })

/** Combines two pools into one, in this order. @category combinators @since 0.1.0 */
export const concat: {
  (that: Workers): (self: Workers) => Workers
  (self: Workers, that: Workers): Workers
} = dual(
  2,
  (self: Workers, that: Workers): Workers =>
    Effect.map(Effect.all([self, that], { concurrency: "unbounded" }), ([one, two]) => ({
      workers: [...one.workers, ...two.workers],
      joining: Stream.merge(one.joining, two.joining)
    }))
)
