/**
 * What a worker is to a farm, wherever it is: a thread, a connection to another machine, a simulation. Messages go in
 * batches both ways, and by callback: a million packets a minute leave no time for more.
 */
import * as Effect from "effect/Effect"
import type * as Scope from "effect/Scope"
import type { FarmError } from "./FarmError.ts"

/** A packet for a worker. @category models @since 0.1.0 */
export interface Task {
  /** An integer from 0, once in a run; a packet that is tried again keeps it. */
  readonly id: number
  /** As `Work.packet` encodes it. */
  readonly packet: unknown
}

/** What a worker tells. @category models @since 0.1.0 */
export type Report =
  /** The result as `Work.result` encodes it, not yet looked at; and how long the work took, in milliseconds. */
  | { readonly _tag: "Done"; readonly id: number; readonly result: unknown; readonly millis: number }
  /** The work threw, or the worker could not take the packet. */
  | { readonly _tag: "Failed"; readonly id: number; readonly message: string }
  /** It was cancelled before it was done. */
  | { readonly _tag: "Stopped"; readonly id: number }
  /**
   * All that it had is lost. It gets no packets until it is `Ready` again. An attempt is counted against those that it
   * was working on; where it does not say which, against the one that it has had longest.
   */
  | { readonly _tag: "Lost"; readonly message: string; readonly running?: ReadonlyArray<number> | undefined }
  /** It takes packets again: it was started anew, or has connected again. */
  | { readonly _tag: "Ready" }
  /** As `Lost`, and it will not be `Ready` again. */
  | { readonly _tag: "Gone"; readonly message: string; readonly running?: ReadonlyArray<number> | undefined }

/** How a task ended. @category models @since 0.1.0 */
export type TaskOutcome = Extract<Report, { readonly id: number }>

/** What a worker says of itself. @category models @since 0.1.0 */
export interface Worker {
  /** In progress and in errors: `thread 2`, `host:1070`. */
  readonly name: string
  /** The job that it has loaded. */
  readonly job: { readonly name: string; readonly version: number }
  /** How many packets it may hold at once, running and waiting: 1 or more. It never gets more. */
  readonly capacity: number
  /** How long a packet and its result are under way, in milliseconds: so much work is kept waiting with it. */
  readonly latencyMillis: number
  /**
   * Begins a run: the worker is ready, unless it reports `Lost` at once, and reports all that happens until the scope
   * closes. Then it stops what it has, kills it after a grace, and reports no more. One run at a time.
   *
   * Each task ends with exactly one `Done`, `Failed` or `Stopped`, or with the worker's `Lost` or `Gone`. `report` must
   * not be called from within `run` or `cancel`.
   */
  readonly attach: (report: (reports: ReadonlyArray<Report>) => void) => Effect.Effect<void, FarmError, Scope.Scope>
  /** Takes packets, to be worked on in this order. It must not throw. */
  readonly run: (tasks: ReadonlyArray<Task>) => void
  /**
   * Stops these, soon; one that is unknown or done is nothing to it. Until each has ended it holds the place of another
   * packet, and a worker whose lease on one ran out gets no more: what does not stop is killed, and reported `Lost`.
   */
  readonly cancel: (ids: ReadonlyArray<number>) => void
}

/** A pool: its workers live as long as the scope. @category models @since 0.1.0 */
export type Workers = Effect.Effect<ReadonlyArray<Worker>, FarmError, Scope.Scope>

/** Pools as one, in this order. @category combinators @since 0.1.0 */
export const all = (...pools: ReadonlyArray<Workers>): Workers =>
  Effect.map(Effect.all(pools, { concurrency: "unbounded" }), (workers) => workers.flat())
