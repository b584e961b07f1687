/** Runs the jobs of a program on a cluster: the layer of a `JobRunner`. */
import type * as Sharding from "effect/cluster/Sharding"
import * as Effect from "effect/Effect"
import * as Layer from "effect/Layer"
import * as JobRunner from "../farm/pool/JobRunner.ts"
import * as ClusterFarm from "./ClusterFarm.ts"

/**
 * Runs jobs on a pool of a cluster, as `ClusterFarm.run` does. The jobs must have codecs for checkpoints.
 *
 * **Example** (A program on a cluster in this process)
 *
 * ```ts
 * import * as Effect from "effect/Effect"
 * import * as Layer from "effect/Layer"
 * import { ClusterJobRunner, JobModules, NodeFarmCluster } from "effect-inet/cluster"
 * import { JobRunner } from "effect-inet/farm"
 * import { PrimeJob } from "effect-inet/primes"
 *
 * const program = Effect.gen(function* () {
 *   const { run } = yield* JobRunner.JobRunner
 *   return yield* run(PrimeJob.job, { from: 0, to: 1_000_000, kernel: "wasm" }, { key: "million" })
 * })
 * const Cluster = NodeFarmCluster.layerEmbedded({
 *   jobs: [JobModules.entry(PrimeJob.job, PrimeJob.module)],
 *   threads: 1
 * })
 *
 * await Effect.runPromise(Effect.provide(program, Layer.provide(ClusterJobRunner.layer(), Cluster))) // => 78498
 * ```
 *
 * @category layers
 * @since 0.1.0
 */
export const layer = (
  options: ClusterFarm.PoolOptions = {}
): Layer.Layer<JobRunner.JobRunner, never, Sharding.Sharding> =>
  Layer.effect(
    JobRunner.JobRunner,
    Effect.map(Effect.context<Sharding.Sharding>(), (services) =>
      JobRunner.JobRunner.of({
        run: (job, input, runOptions) =>
          ClusterFarm.run(job, input, { ...options, ...runOptions }).pipe(
            Effect.provide(services),
            Effect.mapError(JobRunner.errorOf)
          )
      })
    )
  )
