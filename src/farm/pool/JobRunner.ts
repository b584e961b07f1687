/**
 * The service that runs jobs, wherever their workers are: a program asks for it, and its layer decides. `layer` runs
 * jobs on threads and on other machines, `ClusterJobRunner.layer` on a cluster.
 */
import * as Context from "effect/Context"
import * as Data from "effect/Data"
import * as Effect from "effect/Effect"
import * as Layer from "effect/Layer"
import type * as Scope from "effect/Scope"
import type { FarmError } from "../FarmError.ts"
import type { RunSettings } from "../FarmOptions.ts"
import type { Job } from "../Job.ts"
import type { WorkerPool } from "../Worker.ts"
import * as FarmPool from "./FarmPool.ts"

/** The options of a run that mean the same everywhere. @category models @since 0.1.0 */
export interface RunOptions extends FarmPool.Priority, Omit<RunSettings, "bufferBytes" | "bufferSize" | "retry"> {
  /**
   * The name of the run. On a cluster, the same key again returns the output of the first run, and another job or input
   * under it is refused. Elsewhere each call is a run of its own.
   */
  readonly key: string
}

/**
 * The failure of a run. `cause` is the `FarmError` of workers in this process, or the `ClusterError` of a cluster.
 *
 * @category errors
 * @since 0.1.0
 */
export class JobRunnerError extends Data.TaggedError("JobRunnerError")<{
  readonly message: string
  readonly cause: unknown
}> {}

/** Makes the error of a run from its cause. @category constructors @since 0.1.0 */
export const errorOf = (cause: { readonly message: string }): JobRunnerError =>
  new JobRunnerError({ message: cause.message, cause })

/** The methods of a `JobRunner`. @category models @since 0.1.0 */
export interface Service {
  /** Runs a job and returns its output. */
  readonly run: <Input, Packet, Result, Output>(
    job: Job<Input, Packet, Result, Output>,
    input: NoInfer<Input>,
    options: RunOptions
  ) => Effect.Effect<Output, JobRunnerError>
}

/** The service that runs jobs. @category services @since 0.1.0 */
export class JobRunner extends Context.Service<JobRunner, Service>()("effect-inet/farm/JobRunner") {}

/** The options of a layer. Workers on other machines require services. @category models @since 0.1.0 */
export interface Options<R> {
  readonly workers: Effect.Effect<WorkerPool, FarmError, R>
}

/**
 * Runs jobs on workers that are started with the layer, and shared by all runs as those of a `FarmPool`.
 *
 * **Example** (The same program on threads and on another machine)
 *
 * ```ts
 * import * as Effect from "effect/Effect"
 * import * as Layer from "effect/Layer"
 * import { JobRunner, NodeThreadWorkers, TcpWorkers } from "effect-inet/farm"
 * import { NodeServices } from "effect-inet/network"
 * import { PrimeJob } from "effect-inet/primes"
 *
 * const { job, module } = PrimeJob
 * const program = Effect.gen(function* () {
 *   const { run } = yield* JobRunner.JobRunner
 *   return yield* run(job, { from: 0, to: 1_000_000, kernel: "wasm" }, { key: "million" })
 * })
 * const Threads = JobRunner.layer({ workers: NodeThreadWorkers.make({ module, threads: 2 }) })
 * const Remote = JobRunner.layer({ workers: TcpWorkers.make({ hosts: ["192.0.2.1"], job }) }).pipe(
 *   Layer.provide(NodeServices.layer)
 * )
 *
 * await Effect.runPromise(Effect.provide(program, Threads)) // => 78498
 * ```
 *
 * @category layers
 * @since 0.1.0
 */
export const layer = <R>({ workers }: Options<R>): Layer.Layer<JobRunner, FarmError, Exclude<R, Scope.Scope>> =>
  Layer.effect(
    JobRunner,
    Effect.gen(function* () {
      const started = yield* workers
      const pool = yield* FarmPool.make({ workers: Effect.succeed(started) })
      return JobRunner.of({
        run: (job, input, { key: _, ...options }) => Effect.mapError(pool.run(job, input, options), errorOf)
      })
    })
  )
