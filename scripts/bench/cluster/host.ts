/** A host of the cluster: answers `agents` with the number of agents of its pool, and `memory` with its bytes. */
import * as Readline from "node:readline"
import * as PgClient from "@effect/sql-pg/PgClient"
import * as Effect from "effect/Effect"
import * as Layer from "effect/Layer"
import * as Logger from "effect/Logger"
import * as Metric from "effect/Metric"
import * as Redacted from "effect/Redacted"
import * as Scope from "effect/Scope"
import * as JobModules from "../../../src/cluster/JobModules.ts"
import * as NodeFarmCluster from "../../../src/cluster/NodeFarmCluster.ts"
import * as Packets from "./packets.ts"

const [url = "", port = "", lockExpiration = ""] = process.argv.slice(2)

const Host = NodeFarmCluster.layerHost({
  jobs: [JobModules.entry(Packets.job, Packets.module)],
  port: Number(port),
  lockExpiration: Number(lockExpiration)
}).pipe(Layer.provide(PgClient.layer({ url: Redacted.make(url) })), Layer.provide(Logger.layer([])))

/** Returns the bytes of the heap and of its array buffers, after a full collection. */
const memory = () => {
  globalThis.gc?.({ type: "major", execution: "sync", flavor: "last-resort" })
  const { arrayBuffers, heapUsed } = process.memoryUsage()
  return heapUsed + arrayBuffers
}

const agents = () =>
  Effect.runSync(Metric.snapshot)
    .filter(({ id }) => id === "effect_inet_cluster_agents")
    .reduce((sum, { state }) => sum + Number((state as { readonly value: number }).value), 0)

const answers: Readonly<Record<string, () => number>> = { agents, memory }

await Effect.runPromise(Scope.provide(Layer.build(Host), Scope.makeUnsafe()))
process.stdout.write("ready\n")
const lines = Readline.createInterface(process.stdin)
lines.on("line", (line) => process.stdout.write(`${answers[line]?.()}\n`))
lines.on("close", () => process.exit())
process.on("SIGTERM", () => process.exit())
