/** The programs of an app that uses the installed package. */

/** A program of the app: a request to a server, and a use that the types refuse. */
export const consumer = `
import { Network, NodeNetwork } from "effect-inet/network"
import { Rot13Client, Rot13Server } from "effect-inet/rot13"
import * as Effect from "effect/Effect"
import * as Layer from "effect/Layer"

const program = Effect.gen(function* () {
  const { address } = yield* Rot13Server.Rot13Server
  const connection = yield* (yield* Network.Network).connect(address)
  const answer = yield* Rot13Client.request(connection, new TextEncoder().encode("Hello"))
  console.log(new TextDecoder().decode(answer))
})
// @ts-expect-error A port is a number.
const wrong = () => Rot13Server.layer({ port: "1067" })
const Live = Rot13Server.layer({ port: 0 }).pipe(Layer.provideMerge(NodeNetwork.layer))
await Effect.runPromise(program.pipe(Effect.scoped, Effect.provide(Live)))
`

/** A job of the app: integers, dates, bigints, a class, and an Effect with a service of a layer. */
export const appJob = `
import { Job } from "effect-inet/farm"
import * as Context from "effect/Context"
import * as Effect from "effect/Effect"
import * as Layer from "effect/Layer"
import * as Schema from "effect/Schema"
import * as Stream from "effect/Stream"

class Scale extends Context.Service()("app/Scale") {}

class Sum extends Schema.Class("Sum")({ count: Schema.Int, total: Schema.BigInt, last: Schema.Date }) {}

export const job = Job.make({
  name: "scaled",
  version: 1,
  packet: Schema.Struct({ at: Schema.Int, when: Schema.Date }),
  result: Schema.Struct({ value: Schema.BigInt, when: Schema.Date }),
  split: ({ count }) => Stream.range(1, count).pipe(Stream.map((at) => ({ at, when: new Date(at) }))),
  layer: Layer.effect(Scale, Effect.succeed({ factor: 1n << 64n })),
  work: ({ at, when }) => Effect.map(Scale, ({ factor }) => ({ value: factor * BigInt(at), when })),
  empty: new Sum({ count: 0, total: 0n, last: new Date(0) }),
  merge: ({ count, last, total }, { value, when }) =>
    new Sum({ count: count + 1, total: total + value, last: when > last ? when : last }),
  checkpoint: { input: Schema.Struct({ count: Schema.Int }), output: Sum }
})
`

/** A client of a cluster, whose database is its argument: prints the output of the job of the app. */
export const appClient = `
import * as PgClient from "@effect/sql-pg/PgClient"
import { ClusterFarm, NodeFarmCluster } from "effect-inet/cluster"
import * as Effect from "effect/Effect"
import * as Layer from "effect/Layer"
import * as Redacted from "effect/Redacted"
import { job } from "./job.mjs"

const Sql = PgClient.layer({ url: Redacted.make(process.argv[2]) })
const Client = NodeFarmCluster.layerClient().pipe(Layer.provide(Sql))
const sum = await Effect.runPromise(Effect.provide(ClusterFarm.run(job, { count: 100 }, { key: "app" }), Client))
console.log(sum.constructor.name, sum.count, sum.total, sum.last.toISOString())
`

/** The settings of the compiler of the app. */
export const compiler = {
  compilerOptions: {
    target: "ES2024",
    lib: ["ES2024", "DOM"],
    module: "NodeNext",
    strict: true,
    exactOptionalPropertyTypes: true,
    types: [],
    noEmit: true
  }
}
