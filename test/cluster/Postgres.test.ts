/** A cluster with a real database. What dies and freezes is in `ClusterFaults`, which `npm run sweep` runs. */
import * as PgClient from "@effect/sql-pg/PgClient"
import { assert, describe, it, layer } from "@effect/vitest"
import * as Context from "effect/Context"
import * as Effect from "effect/Effect"
import * as Layer from "effect/Layer"
import * as Redacted from "effect/Redacted"
import * as ClusterFarm from "../../src/cluster/ClusterFarm.ts"
import * as JobModules from "../../src/cluster/JobModules.ts"
import * as NodeFarmCluster from "../../src/cluster/NodeFarmCluster.ts"
import * as SqlCheckpoint from "../../src/cluster/SqlCheckpoint.ts"
import * as PrimeJob from "../../src/primes/PrimeJob.ts"
import * as Cli from "../support/Cli.ts"
import * as Postgres from "../support/cluster/Postgres.ts"
import { checks } from "./RunStores.ts"

/** The database of this file. */
class Database extends Context.Service<Database, Postgres.Postgres>()("test/Database") {
  static readonly layer = Layer.effect(Database, Postgres.make)
}

const tests = () =>
  layer(Database.layer, { excludeTestServices: true })("with PostgreSQL", (it) => {
    it.effect("the table of runs refuses earlier hosts, other runs and later attempts, as that in memory", () =>
      Effect.gen(function* () {
        const { query, url } = yield* Database
        const Store = SqlCheckpoint.layer.pipe(Layer.provide(PgClient.layer({ url: Redacted.make(url) })))
        // Another process makes the tables at the same time.
        const all = Effect.forEach(Object.values(checks), (check) => check, { discard: true })
        yield* Effect.all([Effect.provide(all, Store), Effect.provide(Effect.void, Layer.fresh(Store))], {
          concurrency: 2
        })
        // Those of the run with many of them.
        assert.strictEqual(yield* query("SELECT count(*) FROM farm_checkpoints"), "0")
      })
    )

    it.effect("a run has one count for two clients and a later one, and no row for its packets", () =>
      Effect.gen(function* () {
        const { query, url } = yield* Database
        const Sql = PgClient.layer({ url: Redacted.make(url) })
        const jobs = [JobModules.entry(PrimeJob.job, PrimeJob.module)]
        const Host = NodeFarmCluster.layerHost({ jobs, port: yield* Postgres.freePort }).pipe(Layer.provide(Sql))
        const Client = NodeFarmCluster.layerClient().pipe(Layer.provide(Sql))
        // A worker machine and two clients, each with its own connections.
        const Agent = NodeFarmCluster.layerAgent({ threads: 1, name: "one" }).pipe(
          Layer.provide([Layer.fresh(Client), JobModules.layer(jobs)])
        )
        const range = { from: 0, to: 10_000_000, kernel: "wasm" } as const
        const count = ClusterFarm.run(PrimeJob.job, range, { key: "k", packetSize: 100_000 })
        const counts = Effect.gen(function* () {
          const other = Effect.provide(count, Layer.fresh(Client))
          assert.deepStrictEqual(yield* Effect.all([count, other], { concurrency: 2 }), [664_579, 664_579])
          assert.strictEqual(yield* count, 664_579)
          assert.deepInclude(yield* ClusterFarm.status("k"), { state: "done", attempt: 1 })
          const wrong = ClusterFarm.run(PrimeJob.job, { ...range, to: 5 }, { key: "k" })
          const { message } = yield* Effect.orDie(Effect.flip(wrong))
          assert.match(message, /^run k exists already: it is primes 1 of .*; choose another key$/)
        })
        // Without `fresh` they would share one cluster: layers of a program are built once.
        yield* Effect.provide(counts, Layer.mergeAll(Layer.fresh(Host), Layer.fresh(Agent), Layer.fresh(Client)))
        assert.strictEqual(yield* query("SELECT state, done, epoch FROM farm_runs WHERE key = 'k'"), "done|10000000|1")
        // One for each run, and one for the run that was refused.
        assert.strictEqual(yield* query("SELECT count(*) FROM cluster_messages"), "2")
      })
    )
  })

if (Postgres.isInstalled) tests()
else describe("with PostgreSQL", () => it.skip(`a cluster ${Postgres.skipped}`, () => {}))

const url = "postgres://farm@127.0.0.1:1/farm"

describe("farm and primes count", () => {
  it.live.each([
    [["farm", "list", "--database", "sqlite:x"], /not the URL of a database; write postgres:\/\/user@host:port\/name/],
    [["farm", "watch", "--database", url], /key/],
    [
      ["primes", "count", "10", "--database", url, "--key", "k", "--workers", "2"],
      /--workers does not work with --database/
    ],
    [["primes", "count", "10", "--database", url], /--database needs --key: name the run/]
  ] as const)("%j is wrong usage, for its reason", ([args, reason]) =>
    Effect.gen(function* () {
      const { code, stderr } = yield* Cli.runInProcess(args)
      assert.strictEqual(code, 2)
      assert.match(stderr, reason)
    })
  )
})
