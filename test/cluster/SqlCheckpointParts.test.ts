import { assert, describe, it } from "@effect/vitest"
import * as Arbitrary from "effect/Arbitrary"
import * as Effect from "effect/Effect"
import * as Layer from "effect/Layer"
import * as Schema from "effect/Schema"
import * as SqlClient from "effect/sql/SqlClient"
import type * as RunStore from "../../src/cluster/RunStore.ts"
import * as SqlCheckpoint from "../../src/cluster/SqlCheckpoint.ts"
import * as SqlCheckpointParts from "../../src/cluster/SqlCheckpointParts.ts"
import { checks } from "./RunStores.ts"
import * as SqliteDatabase from "./SqliteDatabase.ts"

const units: RunStore.Units = { done: 1, total: 2, skipped: 0 }

/** Runs a test with the tables and the row of a run, of which host `epoch` is the owner. */
const withTables = <A, E>(
  test: (sql: SqlClient.SqlClient, lease: (epoch: number) => RunStore.RunLease) => Effect.Effect<A, E>,
  statements: Array<string> = []
) =>
  Effect.gen(function* () {
    const sql = yield* SqlClient.SqlClient
    yield* SqlCheckpoint.migrate
    yield* sql`
      INSERT INTO farm_runs (pool, key, job, version, input, attempt, epoch, state, done, created_millis, updated_millis)
      VALUES ('p', 'k', 'sum', 1, '[1]', 1, 1, 'running', 0, 0, 0)`
    statements.length = 0
    return yield* test(sql, (epoch) => ({ pool: "p", key: "k", epoch }))
  }).pipe(Effect.provide(SqliteDatabase.make(statements)), Effect.scoped)

const partCount = (sql: SqlClient.SqlClient) =>
  Effect.map(sql<{ readonly count: number }>`SELECT count(*) AS count FROM farm_checkpoints`, ([row]) => row!.count)

describe("SqlCheckpointParts", () => {
  it.effect("writes one part in one statement, and removes those of a longer checkpoint before", () => {
    const statements: Array<string> = []
    return withTables(
      (sql, lease) =>
        Effect.gen(function* () {
          const { read, write } = SqlCheckpointParts.make(sql, () => 0)
          const written = Effect.fnUntraced(function* (parts: ReadonlyArray<string>) {
            statements.length = 0
            assert.isTrue(yield* write(lease(1), parts, units))
            return statements.splice(0)
          })
          assert.deepStrictEqual(yield* written(["a"]), ["UPDATE"])
          assert.deepStrictEqual(yield* written(["b"]), ["UPDATE"])
          yield* written(["c", "d", "e"])
          assert.strictEqual(yield* partCount(sql), 2)
          assert.deepStrictEqual(yield* written(["f"]), ["UPDATE", "DELETE"])
          assert.strictEqual(yield* partCount(sql), 0)
          assert.deepStrictEqual(yield* written(["g"]), ["UPDATE"])
          assert.strictEqual(yield* read(lease(1)), "g")
        }),
      statements
    )
  })

  it.effect("leaves the parts of a later host, and removes those that a host before it has left", () =>
    withTables((sql, lease) =>
      Effect.gen(function* () {
        const [first, second] = [SqlCheckpointParts.make(sql, () => 0), SqlCheckpointParts.make(sql, () => 0)]
        yield* first.write(lease(1), ["a", "b"], units)
        yield* sql`UPDATE farm_runs SET epoch = 2`
        // A write that ended between its parts and the row.
        yield* sql`INSERT INTO farm_checkpoints (pool, key, epoch, serial, part, text) VALUES ('p', 'k', 1, 9, 0, 'x')`
        assert.isFalse(yield* first.write(lease(1), ["late"], units))
        assert.isFalse(yield* first.write(lease(1), ["late", "too"], units))
        assert.strictEqual(yield* second.read(lease(2)), "ab")
        assert.isTrue(yield* second.write(lease(2), ["c", "d", "e"], units))
        assert.strictEqual(yield* partCount(sql), 2)
        yield* first.removeAll(lease(1))
        assert.strictEqual(yield* second.read(lease(2)), "cde")
        yield* second.removeAll(lease(2))
        assert.strictEqual(yield* partCount(sql), 0)
      })
    )
  )

  const Text = Arbitrary.map(Arbitrary.schema(Schema.String.check(Schema.isMaxLength(4))), (text) =>
    text.toWellFormed()
  )
  const Texts = Arbitrary.array(Text, { maxLength: 4 })

  it.effect.prop(
    "reads what was written last, and no part is left of those before",
    [Arbitrary.array(Texts, { minLength: 1, maxLength: 6 })],
    ([checkpoints]) =>
      withTables((sql, lease) =>
        Effect.gen(function* () {
          const { read, write } = SqlCheckpointParts.make(sql, () => 0)
          for (const parts of checkpoints) {
            assert.isTrue(yield* write(lease(1), parts, units))
            assert.strictEqual(yield* read(lease(1)), parts.join(""))
            assert.strictEqual(yield* partCount(sql), Math.max(0, parts.length - 1))
          }
        })
      )
  )
})

describe("SqlCheckpoint with SQLite", () => {
  for (const [name, check] of Object.entries(checks)) {
    const store = SqlCheckpoint.layer.pipe(Layer.provide(SqliteDatabase.make()))
    it.effect(name, () => Effect.provide(check, store))
  }
})
