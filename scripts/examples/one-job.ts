/**
 * The same job on threads, on other machines and on a cluster: one-job threads | tcp HOST | cluster URL | embedded.
 * `effect-inet primes serve` is such a machine, `effect-inet farm serve` and `farm work` are such a cluster.
 */
import * as NodeRuntime from "@effect/platform-node/NodeRuntime"
import * as PgClient from "@effect/sql-pg/PgClient"
import * as Console from "effect/Console"
import * as Effect from "effect/Effect"
import * as Layer from "effect/Layer"
import * as Redacted from "effect/Redacted"
import { ClusterJobRunner, JobModules, NodeFarmCluster } from "effect-inet/cluster"
import { JobRunner, NodeThreadWorkers, TcpWorkers } from "effect-inet/farm"
import { NodeServices } from "effect-inet/network"
import { PrimeJob } from "effect-inet/primes"

const { job, module } = PrimeJob
const [where = "threads", address = ""] = process.argv.slice(2)
const jobs = [JobModules.entry(job, module)]
const Database = PgClient.layer({ url: Redacted.make(address) })

/** The places where the job runs. Nothing else differs. */
const layers: Readonly<Record<string, Layer.Layer<JobRunner.JobRunner, unknown>>> = {
  threads: JobRunner.layer({ workers: NodeThreadWorkers.make({ module }) }),
  tcp: JobRunner.layer({ workers: TcpWorkers.make({ job, hosts: [address] }) }).pipe(Layer.provide(NodeServices.layer)),
  cluster: ClusterJobRunner.layer().pipe(Layer.provide(NodeFarmCluster.layerClient()), Layer.provide(Database)),
  embedded: ClusterJobRunner.layer().pipe(Layer.provide(NodeFarmCluster.layerEmbedded({ jobs })))
}

Effect.gen(function* () {
  const { run } = yield* JobRunner.JobRunner
  yield* Console.log(yield* run(job, { from: 0, to: 10_000_000, kernel: "wasm" }, { key: "ten million" }))
}).pipe(Effect.provide(layers[where]!), NodeRuntime.runMain)
