/** A worker machine of the cluster, with one thread. */
import * as PgClient from "@effect/sql-pg/PgClient"
import * as Effect from "effect/Effect"
import * as Layer from "effect/Layer"
import * as Logger from "effect/Logger"
import * as Redacted from "effect/Redacted"
import * as Scope from "effect/Scope"
import * as JobModules from "../../../src/cluster/JobModules.ts"
import * as NodeFarmCluster from "../../../src/cluster/NodeFarmCluster.ts"
import * as Packets from "./packets.ts"

const [url = "", lockExpiration = ""] = process.argv.slice(2)

const Work = NodeFarmCluster.layerAgent({ threads: 1 }).pipe(
  Layer.provide(JobModules.layer([JobModules.entry(Packets.job, Packets.module)])),
  Layer.provide(NodeFarmCluster.layerClient({ lockExpiration: Number(lockExpiration) })),
  Layer.provide(PgClient.layer({ url: Redacted.make(url) })),
  Layer.provide(Logger.layer([]))
)

await Effect.runPromise(Scope.provide(Layer.build(Work), Scope.makeUnsafe()))
process.stdout.write("ready\n")
process.stdin.resume().on("end", () => process.exit())
process.on("SIGTERM", () => process.exit())
