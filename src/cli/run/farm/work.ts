/** The program of `farm work`. */
import * as Console from "effect/Console"
import * as Effect from "effect/Effect"
import * as Layer from "effect/Layer"
import * as JobModules from "../../../cluster/JobModules.ts"
import * as NodeFarmCluster from "../../../cluster/NodeFarmCluster.ts"
import * as Quantity from "../../../network/Quantity.ts"
import * as NodeCompileCache from "../common/NodeCompileCache.ts"
import * as NodeProcessors from "../common/NodeProcessors.ts"
import * as runServer from "../common/runServer.ts"
import { CannotServe } from "../common/serverMessages.ts"
import * as clusterLogs from "./clusterLogs.ts"
import * as database from "./database.ts"

interface Input extends database.Cluster, runServer.Operations {
  readonly pool: string | undefined
  readonly threads: number | undefined
  readonly name: string | undefined
  readonly jobs: string | undefined
}

const start = Effect.fnUntraced(function* (input: Input) {
  const { lockExpiration, name, pool, threads = NodeProcessors.count() } = input
  const jobs = yield* database.loadJobs(input.jobs)
  const connected = yield* database.open(input.database)
  NodeCompileCache.shareWithThreads()
  yield* NodeFarmCluster.layerAgent({ name, pool, threads }).pipe(
    Layer.provide(Layer.merge(JobModules.layer(jobs), NodeFarmCluster.layerClient({ lockExpiration }))),
    Layer.provide(connected),
    Layer.build,
    Effect.mapError(({ message }) => new CannotServe({ message: `farm: ${message}` }))
  )
  return {}
})

export const work = (input: Input) => {
  const { json, pool = "default", threads = NodeProcessors.count() } = input
  const line = `${Quantity.format(threads, "thread")} for pool ${pool}`
  return runServer.serve("farm", input, clusterLogs.provide(start(input)), {
    announce: () => Console.log(json ? JSON.stringify({ service: "farm", pool, threads }) : line)
  })
}
