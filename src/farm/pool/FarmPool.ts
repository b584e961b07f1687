/**
 * A long-lived pool of workers for several runs and single packets at once. The runs share the workers fairly, by their
 * working time: a run with a million packets does not delay one with ten.
 */
import type * as Cause from "effect/Cause"
import * as Context from "effect/Context"
import * as Effect from "effect/Effect"
import * as Exit from "effect/Exit"
import * as FiberSet from "effect/FiberSet"
import * as Layer from "effect/Layer"
import * as Queue from "effect/Queue"
import * as Scope from "effect/Scope"
import * as Stream from "effect/Stream"
import * as ServerEvents from "../../network/ServerEvents.ts"
import * as GoneWorkers from "../dispatcher/GoneWorkers.ts"
import * as Farm from "../Farm.ts"
import { FarmError, InvalidOptions } from "../FarmError.ts"
import type { CheckpointOptions, RunSettings } from "../FarmOptions.ts"
import type { Job, Work } from "../Job.ts"
import type { Report, Worker, WorkerPool, Workers } from "../Worker.ts"
import * as PacketRun from "./PacketRun.ts"
import * as SharedWorker from "./SharedWorker.ts"

/** The options of a pool. @category models @since 0.1.0 */
export interface Options {
  /** The workers: they are started with the pool and end with it. */
  readonly workers: Workers
  /** The options of the packets of `runPacket`; `onPoison` does not apply to them. */
  readonly packets?: (Omit<RunSettings, "onPoison" | "ordered" | "packetSize"> & Priority) | undefined
}

/** @category models @since 0.1.0 */
export interface Priority {
  /** The share of the working time, relative to other runs: 2 receives twice as much as 1. Default 1. */
  readonly priority?: number | undefined
}

/** The options of a run on a pool. @category models @since 0.1.0 */
export interface RunOptions extends RunSettings, CheckpointOptions, Priority {}

/** The state of a worker of a pool. @category models @since 0.1.0 */
export interface WorkerStats {
  readonly name: string
  readonly host: string | undefined
  /** `ready`: takes packets. `lost`: failed, and may return. `gone`: failed permanently. */
  readonly state: "ready" | "lost" | "gone"
  /** Packets at the worker. */
  readonly assigned: number
  /** Packets that wait for the worker. */
  readonly waiting: number
}

/** The state of a pool. @category models @since 0.1.0 */
export interface Stats {
  /** The runs in progress; all packets of `runPacket` for one job are one run. */
  readonly runs: number
  /** Packets of `runPacket` that no worker has yet. */
  readonly queued: number
  /** The workers in the order in which they joined. Of those that are gone it has the newest hundred. */
  readonly workers: ReadonlyArray<WorkerStats>
}

/** A change in a pool; the events of a run are its own. @category models @since 0.1.0 */
export type Event =
  | { readonly _tag: "WorkerJoined" | "WorkerReady"; readonly worker: string }
  | { readonly _tag: "WorkerLost" | "WorkerGone" | "WorkerRejected"; readonly worker: string; readonly message: string }

/** The methods of a long-lived pool. @category models @since 0.1.0 */
export interface Pool extends ServerEvents.Observable<Event, Stats> {
  /** Runs a job, as `Farm.run` does. */
  readonly run: <Input, Packet, Result, Output>(
    job: Job<Input, Packet, Result, Output>,
    input: NoInfer<Input>,
    options?: RunOptions
  ) => Effect.Effect<Output, FarmError>
  /** Starts a run, as `Farm.start` does. */
  readonly start: <Input, Packet, Result, Output>(
    job: Job<Input, Packet, Result, Output>,
    input: NoInfer<Input>,
    options?: RunOptions
  ) => Effect.Effect<Farm.Running<Output>, FarmError, Scope.Scope>
  /** Streams the results of a job, as `Farm.stream` does. */
  readonly stream: <Input, Packet, Result, Output>(
    job: Job<Input, Packet, Result, Output>,
    input: NoInfer<Input>,
    options?: RunOptions
  ) => Stream.Stream<Farm.PacketResult<Packet, Result>, FarmError>
  /**
   * Works on one packet and returns its result. Fails with `PoisonPacket` if every attempt failed, and `SplitFailed` if
   * the packet does not fit its schema. An interruption stops the work on it.
   */
  readonly runPacket: <Packet, Result>(
    job: Work<Packet, Result>,
    packet: NoInfer<Packet>
  ) => Effect.Effect<Result, FarmError>
}

/** The service of a long-lived pool. @category services @since 0.1.0 */
export class FarmPool extends Context.Service<FarmPool, Pool>()("effect-inet/farm/FarmPool") {}

/** The state of a pool. */
interface State {
  readonly workers: Set<SharedWorker.SharedWorker>
  /** The workers of these that are gone, in the order in which they left. */
  readonly goneWorkers: Array<SharedWorker.SharedWorker>
  readonly clients: Set<SharedWorker.Client>
  /** Receive the workers that join. */
  readonly followers: Set<Queue.Queue<SharedWorker.SharedWorker, Cause.Done>>
  readonly clock: SharedWorker.PoolClock
  readonly emit: ServerEvents.ServerEvents<Event>["emit"]
  /** The scope of the workers. */
  readonly scope: Scope.Scope
  /** Runs an effect after the current function has returned. */
  readonly defer: (later: Effect.Effect<void>) => void
  mayJoin: boolean
}

/** Tells the observers of a pool what a worker reports about itself. */
const publish = ({ emit }: State, { state, worker: { name } }: SharedWorker.SharedWorker, report: Report) => {
  if (report._tag === "Lost" || report._tag === "Gone") {
    emit(() => ({ _tag: `Worker${report._tag}`, worker: name, message: report.message }))
  } else if (report._tag === "Ready" && state !== "ready") emit(() => ({ _tag: "WorkerReady", worker: name }))
}

/** Notes that a worker is gone, and forgets the one that left before all others, if there are too many. */
const retire = ({ goneWorkers, workers }: State, shared: SharedWorker.SharedWorker) => {
  const oldest = GoneWorkers.add(goneWorkers, shared)
  if (oldest !== undefined) workers.delete(oldest)
}

/** Adds a worker to the pool until it is gone. */
const attach = Effect.fnUntraced(function* (pool: State, worker: Worker) {
  const scope = yield* Scope.fork(pool.scope)
  const defer = (later: () => void) => pool.defer(Effect.sync(later))
  const shared = SharedWorker.make(worker, pool.clock, defer)
  const attached = worker.attach((reports) => {
    for (const report of reports) publish(pool, shared, report)
    const wasGone = shared.state === "gone"
    SharedWorker.receive(shared, reports)
    if (shared.state !== "gone" || wasGone) return
    retire(pool, shared)
    pool.defer(Scope.close(scope, Exit.void))
  })
  yield* attached.pipe(
    Scope.provide(scope),
    Effect.onError((cause) => Scope.close(scope, Exit.failCause(cause)))
  )
  return shared
})

const joining = (pool: State, workers: Stream.Stream<Worker>) =>
  Stream.mapEffect(
    workers,
    (worker) =>
      Effect.matchEffect(attach(pool, worker), {
        onFailure: ({ message }) =>
          Effect.sync(() => pool.emit(() => ({ _tag: "WorkerRejected", worker: worker.name, message }))),
        onSuccess: (shared) =>
          Effect.sync(() => {
            pool.workers.add(shared)
            pool.emit(() => ({ _tag: "WorkerJoined", worker: worker.name }))
            for (const follower of pool.followers) Queue.offerUnsafe(follower, shared)
          })
      }),
    { concurrency: "unbounded" }
  ).pipe(
    Stream.runDrain,
    Effect.ensuring(
      Effect.sync(() => {
        pool.mayJoin = false
        for (const follower of pool.followers) Queue.endUnsafe(follower)
      })
    )
  )

const statsOf = ({ clients, workers }: State, queued: number): Stats => ({
  runs: clients.size,
  queued,
  workers: Array.from(workers, ({ inFlight, lanes, state, worker }) => ({
    ...{ name: worker.name, host: worker.host, state, assigned: inFlight.entries.size },
    waiting: [...lanes].reduce((all, { waiting }) => all + waiting.length, 0)
  }))
})

/** Returns the workers that a run begins with: if all are gone, these tell it why. */
const present = ({ workers }: State): ReadonlyArray<SharedWorker.SharedWorker> => {
  const usable = [...workers].filter(({ state }) => state !== "gone")
  return usable.length === 0 ? [...workers] : usable
}

/** Makes the workers that one run sees, while its scope is open. */
const workersFor = (pool: State, { priority = 1 }: Priority): Workers =>
  Effect.gen(function* () {
    if (!(priority > 0 && Number.isFinite(priority))) {
      const message = `invalid priority ${priority}: must be a number over 0`
      return yield* new FarmError({ reason: new InvalidOptions({ message }) })
    }
    const client = SharedWorker.makeClient(priority, pool.clock)
    const workerOf = (shared: SharedWorker.SharedWorker) => SharedWorker.workerFor(shared, client)
    // In one step: a worker that joins is either among those of the start or among those that follow.
    const begin = Effect.map(Queue.unbounded<SharedWorker.SharedWorker, Cause.Done>(), (joined) => {
      pool.clients.add(client)
      if (pool.mayJoin) pool.followers.add(joined)
      return { joined, mayJoin: pool.mayJoin, workers: present(pool).map(workerOf) }
    })
    const { joined, mayJoin, workers } = yield* Effect.acquireRelease(begin, ({ joined }) =>
      Effect.suspend(() => {
        pool.clients.delete(client)
        pool.followers.delete(joined)
        return Queue.end(joined)
      })
    )
    const joining = mayJoin ? Stream.map(Stream.fromQueue(joined), workerOf) : Stream.empty
    return { workers, joining } satisfies WorkerPool
  })

/**
 * Starts a pool, whose workers end with the scope. The workers must have loaded the jobs that run on them: a pool of
 * threads has one.
 *
 * **Example** (Two runs at once, and single packets)
 *
 * ```ts
 * import * as Effect from "effect/Effect"
 * import { FarmPool, NodeThreadWorkers } from "effect-inet/farm"
 * import { PrimeJob } from "effect-inet/primes"
 *
 * const { job, module } = PrimeJob
 * const program = Effect.gen(function* () {
 *   const pool = yield* FarmPool.make({ workers: NodeThreadWorkers.make({ module, threads: 2 }) })
 *   const below = (to: number) => pool.run(job, { from: 0, to, kernel: "wasm" })
 *   const hundred = pool.runPacket(job, { from: 0, to: 100, kernel: "trial" })
 *   return yield* Effect.all([below(1_000_000), below(1_000), hundred], { concurrency: "unbounded" })
 * })
 *
 * await Effect.runPromise(Effect.scoped(program)) // => [78_498, 168, 25]
 * ```
 *
 * @category constructors
 * @since 0.1.0
 */
export const make = Effect.fnUntraced(function* (options: Options): Effect.fn.Return<Pool, FarmError, Scope.Scope> {
  const scope = yield* Effect.scope
  const given = yield* options.workers
  const { emit, events } = yield* ServerEvents.make<Event>()
  const runFork = yield* FiberSet.makeRuntime<never>()
  const pool: State = {
    ...{ workers: new Set(), goneWorkers: [], clients: new Set(), followers: new Set(), clock: { virtualTime: 0 } },
    ...{ emit, scope },
    defer: (later) => void runFork(Effect.andThen(Effect.yieldNow, later)),
    mayJoin: given.joining !== Stream.empty
  }
  const attached = yield* Effect.forEach(given.workers, (worker) => attach(pool, worker), { concurrency: "unbounded" })
  for (const shared of attached) pool.workers.add(shared)
  if (pool.mayJoin) yield* Effect.forkScoped(joining(pool, given.joining))
  const withWorkers = (runOptions: RunOptions) => ({ ...runOptions, workers: workersFor(pool, runOptions) })
  const { packets = {} } = options
  const { queued, runPacket } = yield* PacketRun.make(scope, { ...packets, workers: workersFor(pool, packets) })
  const farmPool: Pool = {
    ...ServerEvents.observable(
      events,
      Effect.sync(() => statsOf(pool, queued()))
    ),
    run: (job, input, runOptions = {}) => Farm.run(job, input, withWorkers(runOptions)),
    start: (job, input, runOptions = {}) => Farm.start(job, input, withWorkers(runOptions)),
    stream: (job, input, runOptions = {}) => Farm.stream(job, input, withWorkers(runOptions)),
    runPacket
  }
  return farmPool
})

/**
 * Provides a pool, whose workers end with the layer.
 *
 * **Example** (A service that works on packets of its callers)
 *
 * ```ts
 * import * as Effect from "effect/Effect"
 * import { FarmPool, NodeThreadWorkers } from "effect-inet/farm"
 * import { PrimeJob } from "effect-inet/primes"
 *
 * const countBelow = Effect.fnUntraced(function* (to: number) {
 *   const pool = yield* FarmPool.FarmPool
 *   return yield* pool.runPacket(PrimeJob.job, { from: 0, to, kernel: "wasm" })
 * })
 * const Pool = FarmPool.layer({ workers: NodeThreadWorkers.make({ module: PrimeJob.module, threads: 1 }) })
 *
 * await Effect.runPromise(Effect.provide(countBelow(100), Pool)) // => 25
 * ```
 *
 * @category layers
 * @since 0.1.0
 */
export const layer = (options: Options): Layer.Layer<FarmPool, FarmError> => Layer.effect(FarmPool, make(options))
