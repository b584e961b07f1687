/**
 * A pool of workers that many clients share by fair queueing. The client that has used the least working time is served
 * next, so that a client with many or large packets does not delay the others.
 */
import * as Deferred from "effect/Deferred"
import * as Effect from "effect/Effect"
import * as Exit from "effect/Exit"
import type * as Scope from "effect/Scope"
import { FarmError, InvalidOptions } from "../FarmError.ts"
import type { Task, Worker } from "../Worker.ts"
import * as PoolState from "./PoolState.ts"

/** A client of the pool. Its task ids are its own. */
export interface PoolClient {
  /** The tasks without an outcome, by id. */
  readonly inFlight: ReadonlyMap<number, unknown>
  /** Queues tasks; their ids must not be in use. */
  readonly run: (tasks: ReadonlyArray<Task>) => void
  /** Stops tasks soon. */
  readonly cancel: (ids: ReadonlyArray<number>) => void
}

/** A pool of workers of one job. */
export interface SharedWorkerPool {
  readonly job: Worker["job"]
  readonly threads: number
  /** Adds a client, which receives one outcome for each task. Its remaining tasks are stopped when the scope closes. */
  readonly join: (
    onOutcomes: PoolState.Client["onOutcomes"],
    onWorking?: PoolState.Client["onWorking"]
  ) => Effect.Effect<PoolClient, never, Scope.Scope>
  /** Waits until every worker has failed permanently; returns the last error. */
  readonly allGone: Effect.Effect<string>
}

/** Makes a pool of workers, which it uses until the scope closes. Fails with `InvalidOptions` without workers. */
export const make = Effect.fnUntraced(function* (workers: ReadonlyArray<Worker>) {
  const [firstWorker] = workers
  if (firstWorker === undefined) {
    const message = "invalid worker count 0: must be at least 1"
    return yield* new FarmError({ reason: new InvalidOptions({ message }) })
  }
  const state = PoolState.make(workers)
  const allGone = yield* Deferred.make<string>()

  const perform = (action: PoolState.Action) => {
    switch (action._tag) {
      case "Outcomes":
        return action.client.onOutcomes(action.outcomes)
      case "Working":
        return action.client.onWorking(action.ids)
      case "Run":
        return workers[action.worker]!.run(action.tasks)
      case "Cancel":
        return workers[action.worker]!.cancel(action.ids)
      case "AllGone":
        return Deferred.doneUnsafe(allGone, Exit.succeed(action.message))
    }
  }
  const send = (event: PoolState.Event) => PoolState.step(state, event).forEach(perform)

  yield* Effect.forEach(
    workers,
    ({ attach }, worker) => attach((reports) => send({ _tag: "Reports", worker, reports })),
    { concurrency: "unbounded", discard: true }
  )

  const pool: SharedWorkerPool = {
    job: firstWorker.job,
    threads: workers.length,
    allGone: Deferred.await(allGone),
    join: (onOutcomes, onWorking) =>
      Effect.acquireRelease(
        Effect.sync(() => PoolState.join(state, onOutcomes, onWorking)),
        (client) => Effect.sync(() => send({ _tag: "Leave", client }))
      ).pipe(
        Effect.map((client) => ({
          inFlight: client.inFlight.entries,
          run: (tasks) => send({ _tag: "Run", client, tasks }),
          cancel: (ids) => send({ _tag: "Cancel", client, ids })
        }))
      )
  }
  return pool
})
