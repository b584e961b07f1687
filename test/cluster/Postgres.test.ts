/** A cluster with a real database. What dies and freezes is in `ClusterFaults`, which `npm run sweep` runs. */
import * as PgClient from "@effect/sql-pg/PgClient"
import { assert, describe, it, layer } from "@effect/vitest"
import * as Context from "effect/Context"
import * as Effect from "effect/Effect"
import * as Layer from "effect/Layer"
import * as Redacted from "effect/Redacted"
import { inject } from "vitest"
import * as SqlCheckpoint from "../../src/cluster/SqlCheckpoint.ts"
import * as ClusterProcesses from "../support/ClusterProcesses.ts"
import * as Postgres from "../support/Postgres.ts"
import { checks } from "./RunStores.ts"

/** The database of this file. */
class Database extends Context.Service<Database, Postgres.Postgres>()("test/Database") {
  static readonly layer = Layer.effect(Database, Postgres.make)
}

const tests = () =>
  layer(Database.layer, { excludeTestServices: true })("with PostgreSQL", (it) => {
    it.effect("the table of runs refuses earlier hosts, other runs and later attempts, as that in memory", () =>
      Effect.gen(function* () {
        const { url } = yield* Database
        const Store = SqlCheckpoint.layer.pipe(Layer.provide(PgClient.layer({ url: Redacted.make(url) })))
        // Another process makes the tables at the same time.
        const all = Effect.forEach(Object.values(checks), (check) => check, { discard: true })
        yield* Effect.all([Effect.provide(all, Store), Effect.provide(Effect.void, Layer.fresh(Store))], {
          concurrency: 2
        })
      })
    )

    it.effect("a run has one count for two clients and a later one, and no row for its packets", () =>
      Effect.gen(function* () {
        const { query, url } = yield* Database
        const { host, run, worker } = ClusterProcesses.make(inject("command"), url)
        yield* Effect.all([host(), worker("--threads", "1", "--name", "one")], { concurrency: 2 })
        const count = run("primes", "count", "0..1e7", "--packets", "200", "--key", "k", "--json")
        const both = yield* Effect.all([count, count], { concurrency: 2 })
        for (const { code, stderr, stdout } of [...both, yield* count]) {
          assert.strictEqual(code, 0, stderr)
          assert.deepInclude(JSON.parse(stdout), { from: 0, to: 10_000_000, count: 664_579, key: "k" })
        }
        assert.strictEqual(yield* query("SELECT count(*) FROM cluster_messages"), "1")
        const { stdout } = yield* run("farm", "list", "--json", "--pool", "default")
        assert.deepInclude(JSON.parse(stdout), { key: "k", job: "primes 1", state: "done", done: 1e7, hosts: 1 })
        const other = yield* run("primes", "count", "0..1e6", "--key", "k")
        assert.strictEqual(other.code, 1)
        assert.match(other.stderr, /run k exists already: it is primes 1 of .*; choose another key/)
      }).pipe(Effect.scoped)
    )
  })

if (Postgres.isInstalled) tests()
else describe("with PostgreSQL", () => it.skip(`a cluster ${Postgres.skipped}`, () => {}))

describe("farm", () => {
  const cluster = ClusterProcesses.make(inject("command"), "postgres://farm@127.0.0.1:1/farm")

  it.live.each([
    [["list", "--database", "sqlite:x"], 2, /not the URL of a database; write postgres:\/\/user@host:port\/name/],
    [["watch"], 2, /key/]
  ] as const)("%j ends with exit code %i and the reason", ([args, code, reason]) =>
    Effect.gen(function* () {
      const result = yield* cluster.run("farm", ...args)
      assert.strictEqual(result.code, code)
      assert.match(result.stderr, reason)
    }).pipe(Effect.scoped)
  )

  it.live("primes count names the flags that do not work with a database", () =>
    Effect.gen(function* () {
      const local = yield* cluster.run("primes", "count", "10", "--key", "k", "--workers", "2")
      assert.match(local.stderr, /--workers does not work with --database: the cluster has its workers/)
      const without = yield* cluster.run("primes", "count", "10")
      assert.match(without.stderr, /--database needs --key: name the run/)
    }).pipe(Effect.scoped)
  )
})
