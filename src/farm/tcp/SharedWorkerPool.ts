/**
 * A pool of workers that many clients share by fair queueing. The client that has used the least working time is served
 * next, so that a client with many or large packets does not delay the others.
 */
import * as Deferred from "effect/Deferred"
import * as Effect from "effect/Effect"
import * as Exit from "effect/Exit"
import * as FiberSet from "effect/FiberSet"
import * as Scope from "effect/Scope"
import * as Stream from "effect/Stream"
import * as Monotonic from "../../network/Monotonic.ts"
import { FarmError, InvalidOptions } from "../FarmError.ts"
import * as WorkerScope from "../pool/WorkerScope.ts"
import type { Report, Task, Worker, WorkerPool } from "../Worker.ts"
import * as PoolRuns from "./PoolRuns.ts"
import * as PoolState from "./PoolState.ts"

/** A client of the pool. Its task ids are its own. */
export interface PoolClient {
  /** The tasks without an outcome, by id. */
  readonly inFlight: ReadonlyMap<number, unknown>
  /** The most workers that the client knows of. */
  readonly threads: () => number
  /** Queues tasks; their ids must not be in use. */
  readonly run: (tasks: ReadonlyArray<Task>) => void
  /** Stops tasks soon. */
  readonly cancel: (ids: ReadonlyArray<number>) => void
  /** Begins no more tasks of the client, until `resume`. */
  readonly pause: () => void
  readonly resume: () => void
}

/** A pool of workers of one job. */
export interface SharedWorkerPool {
  readonly job: Worker["job"]
  /** The workers that have joined and not failed permanently. */
  readonly threads: () => number
  /**
   * Adds a client, which receives one outcome for each task. Its remaining tasks are stopped when the scope closes.
   * `title` and `unitsOf` describe its tasks to observers.
   */
  readonly join: (
    listener: PoolState.Listener,
    title?: string,
    unitsOf?: PoolState.UnitsOf
  ) => Effect.Effect<PoolClient, never, Scope.Scope>
  /** The runs of the clients, and the latest that have ended. */
  readonly runs: Effect.Effect<ReadonlyArray<PoolRuns.PoolRun>>
  /** Waits until every worker has failed permanently and none can join; returns the last error. */
  readonly allGone: Effect.Effect<string>
}

const clientOf = (client: PoolState.Client, send: (event: PoolState.Event) => void): PoolClient => ({
  inFlight: client.inFlight.entries,
  threads: () => client.threads,
  run: (tasks) => send({ _tag: "Run", client, tasks }),
  cancel: (ids) => send({ _tag: "Cancel", client, ids }),
  pause: () => send({ _tag: "Pause", client }),
  resume: () => send({ _tag: "Resume", client })
})

const isOther = (one: Worker["job"], other: Worker["job"]) => one.name !== other.name || one.version !== other.version

const perform = (
  workers: ReadonlyMap<number, Worker>,
  allGone: Deferred.Deferred<string>,
  action: PoolState.Action
) => {
  switch (action._tag) {
    case "Outcomes":
      return action.client.onOutcomes(action.outcomes)
    case "Working":
      return action.client.onWorking?.(action.ids)
    case "Threads":
      return action.client.onThreads?.(action.threads)
    case "Run":
      return workers.get(action.worker)?.run(action.tasks)
    case "Cancel":
      return workers.get(action.worker)?.cancel(action.ids)
    case "AllGone":
      return Deferred.doneUnsafe(allGone, Exit.succeed(action.message))
  }
}

/**
 * Makes a pool of workers, which it uses until the scope closes. It waits for the first worker. Fails with
 * `InvalidOptions` if there is none, and none joins. A worker that joins with another job is not used.
 */
export const make = Effect.fnUntraced(function* ({ joining, workers: initial }: WorkerPool) {
  const workers = new Map<number, Worker>()
  const state = PoolState.make()
  const runs = PoolRuns.make(state, yield* Monotonic.millis)
  const poolScope = yield* Effect.scope
  const runFork = yield* FiberSet.makeRuntime<never>()
  /** The job of the first worker. */
  let job: Worker["job"] | undefined
  const firstWorker = yield* Deferred.make<Worker, FarmError>()
  const allGone = yield* Deferred.make<string>()
  const performOne = (action: PoolState.Action) => perform(workers, allGone, action)
  const send = (event: PoolState.Event) => PoolState.step(state, event).forEach(performOne)

  /** Adds a worker until it is gone. */
  const add = Effect.fnUntraced(function* (joined: Worker) {
    job ??= joined.job
    const scope = yield* Scope.fork(poolScope)
    const worker = PoolState.addWorker(state, joined)
    workers.set(worker, joined)
    const report = (reports: ReadonlyArray<Report>) => {
      send({ _tag: "Reports", worker, reports })
      if (!reports.some(({ _tag }) => _tag === "Gone")) return
      workers.delete(worker)
      runFork(WorkerScope.closeAfterReport(scope))
    }
    yield* joined.attach(report).pipe(
      Scope.provide(scope),
      Effect.tapError(({ message }) => Effect.sync(() => report([{ _tag: "Gone", message }])))
    )
    send({ _tag: "Attached", worker })
    yield* Deferred.succeed(firstWorker, joined)
  })
  const addJoined = Effect.fnUntraced(function* (joined: Worker) {
    if (job !== undefined && isOther(joined.job, job)) {
      return yield* Effect.logWarning(`${joined.name}: not used: it runs ${joined.job.name} ${joined.job.version}`)
    }
    yield* Effect.catch(add(joined), ({ message }) => Effect.logWarning(`${joined.name}: not used: ${message}`))
  })
  const endJoining = Effect.gen(function* () {
    send({ _tag: "JoiningEnded" })
    const message = "invalid worker count 0: must be at least 1"
    yield* Deferred.fail(firstWorker, new FarmError({ reason: new InvalidOptions({ message }) }))
  })

  yield* Effect.forEach(initial, add, { concurrency: "unbounded", discard: true })
  const addAllJoined = Stream.runDrain(Stream.mapEffect(joining, addJoined, { concurrency: "unbounded" }))
  yield* Effect.forkScoped(Effect.andThen(addAllJoined, endJoining))
  const first = yield* Deferred.await(firstWorker)

  const pool: SharedWorkerPool = {
    job: first.job,
    threads: () => PoolState.threads(state),
    allGone: Deferred.await(allGone),
    runs: Effect.sync(runs.list),
    join: (listener, title = first.job.name, unitsOf) =>
      Effect.acquireRelease(
        Effect.sync(() => {
          const client = PoolState.join(state, listener, unitsOf)
          return { client, endRun: runs.begin(title, client) }
        }),
        ({ client, endRun }) =>
          Effect.sync(() => {
            endRun()
            send({ _tag: "Leave", client })
          })
      ).pipe(Effect.map(({ client }) => clientOf(client, send)))
  }
  return pool
})
