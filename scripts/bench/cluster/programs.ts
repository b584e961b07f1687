/** The processes of a cluster in the benchmark, and a client in this process. */
import { fileURLToPath } from "node:url"
import * as PgClient from "@effect/sql-pg/PgClient"
import type * as Context from "effect/Context"
import type * as Sharding from "effect/cluster/Sharding"
import * as Effect from "effect/Effect"
import * as Layer from "effect/Layer"
import * as Redacted from "effect/Redacted"
import * as Schedule from "effect/Schedule"
import * as ClusterFarm from "../../../src/cluster/ClusterFarm.ts"
import * as NodeFarmCluster from "../../../src/cluster/NodeFarmCluster.ts"
import * as Postgres from "../../../test/support/cluster/Postgres.ts"
import { BenchError, start } from "../child.ts"
import * as Packets from "./packets.ts"

/** The time after which a host that was not heard of has lost its pools. */
export const lockExpirationSeconds = 8

const lockExpirationMillis = `${lockExpirationSeconds * 1_000}`

const file = (name: string) => fileURLToPath(new URL(name, import.meta.url))

/** The database and the flags with which the programs start. */
interface Surroundings {
  readonly postgres: Postgres.Postgres
  /** The flags of Node for a profile. */
  readonly profiling: ReadonlyArray<string>
}

/** The surroundings of a benchmark, with a client. */
export interface Programs extends Surroundings {
  /** The folder for records. */
  readonly folder: string
  readonly client: Context.Context<Sharding.Sharding>
}

/** Makes a client, which lives as long as the scope. */
export const makeClient = ({ url }: Postgres.Postgres) =>
  Layer.build(
    NodeFarmCluster.layerClient({ lockExpiration: `${lockExpirationSeconds} seconds` }).pipe(
      Layer.provide(PgClient.layer({ url: Redacted.make(url) }))
    )
  ).pipe(Effect.mapError(({ message }) => new BenchError({ message })))

export const startHost = Effect.fnUntraced(function* ({ postgres, profiling }: Surroundings) {
  const args = [file("host.ts"), postgres.url, `${yield* Postgres.freePort}`, lockExpirationMillis]
  return yield* start(process.execPath, ["--expose-gc", ...profiling, ...args])
})

export const startWorker = ({ postgres, profiling }: Surroundings) =>
  start(process.execPath, [...profiling, file("worker.ts"), postgres.url, lockExpirationMillis])

export const startThreads = (profiling: ReadonlyArray<string>) =>
  start(process.execPath, [...profiling, file("threads.ts")])

/** Runs an effect as a client. */
export const asClient = <A, E extends { readonly message: string }, R>(
  { client }: Programs,
  effect: Effect.Effect<A, E, R | Sharding.Sharding>
) => Effect.mapError(Effect.provideContext(effect, client), ({ message }) => new BenchError({ message }))

const counts = { names: 0 }

/** Returns a name that no other run or record has. */
export const newName = () => `${++counts.names}`

export const run = (input: Packets.Input, key = newName()) =>
  ClusterFarm.run(Packets.job, input, { key, packetSize: 1 })

/** Runs a few packets, so that all workers have joined and started their threads. */
export const warmUp = Effect.suspend(() => run({ packets: 40, millis: 20 }))

/** Waits until a run has merged a number of packets. */
export const untilDone = (key: string, packets: number) =>
  Effect.repeat(ClusterFarm.status(key), {
    until: ({ done }) => done >= packets,
    schedule: Schedule.spaced("50 millis")
  })
