/**
 * The table of runs in a database: one row for each run, with its checkpoint. A write names the epoch of its host, so
 * that a host whose run was taken over meanwhile writes nothing.
 *
 * It is tested with PostgreSQL (`@effect/sql-pg`). The statements are those that SQLite has as well.
 */
import * as Clock from "effect/Clock"
import * as Snowflake from "effect/cluster/Snowflake"
import * as Effect from "effect/Effect"
import * as Layer from "effect/Layer"
import * as Migrator from "effect/sql/Migrator"
import * as SqlClient from "effect/sql/SqlClient"
import type * as SqlError from "effect/sql/SqlError"
import { ClusterError, messageWithCauses, PoolUnavailable } from "./ClusterError.ts"
import * as RunStore from "./RunStore.ts"
import * as SqlCheckpointParts from "./SqlCheckpointParts.ts"

/** A row. Times are milliseconds, as DOUBLE PRECISION: every driver returns these as numbers. */
interface Row {
  readonly pool: string
  readonly key: string
  readonly job: string
  readonly version: number
  readonly input: string
  readonly attempt: number
  readonly epoch: number
  readonly state: RunStore.State
  readonly output: string | null
  readonly error: string | null
  readonly done: number
  readonly total: number | null
  readonly skipped: number
  readonly created_millis: number
  readonly updated_millis: number
}

const recordOf = (row: Row): RunStore.RunRecord => ({
  pool: row.pool,
  key: row.key,
  job: { name: row.job, version: row.version },
  input: row.input,
  attempt: row.attempt,
  epoch: row.epoch,
  state: row.state,
  output: row.output ?? undefined,
  error: row.error ?? undefined,
  done: row.done,
  total: row.total ?? undefined,
  skipped: row.skipped,
  createdMillis: row.created_millis,
  updatedMillis: row.updated_millis
})

/** The migrations of the table, by number and name. They are recorded in `farm_migrations`. */
const migrations = Migrator.fromRecord({
  "0001_farm_runs": Effect.flatMap(
    SqlClient.SqlClient,
    (sql) => sql`
      CREATE TABLE IF NOT EXISTS farm_runs (
        pool TEXT NOT NULL,
        key TEXT NOT NULL,
        job TEXT NOT NULL,
        version INTEGER NOT NULL,
        input TEXT NOT NULL,
        attempt INTEGER NOT NULL,
        epoch INTEGER NOT NULL,
        state TEXT NOT NULL,
        checkpoint TEXT,
        output TEXT,
        error TEXT,
        done DOUBLE PRECISION NOT NULL,
        total DOUBLE PRECISION,
        created_millis DOUBLE PRECISION NOT NULL,
        updated_millis DOUBLE PRECISION NOT NULL,
        PRIMARY KEY (pool, key)
      )`
  ),
  "0002_farm_checkpoints": Effect.flatMap(SqlClient.SqlClient, (sql) =>
    Effect.all([
      sql`
        CREATE TABLE IF NOT EXISTS farm_checkpoints (
          pool TEXT NOT NULL,
          key TEXT NOT NULL,
          epoch INTEGER NOT NULL,
          serial INTEGER NOT NULL,
          part INTEGER NOT NULL,
          text TEXT NOT NULL,
          PRIMARY KEY (pool, key, epoch, serial, part)
        )`,
      sql`ALTER TABLE farm_runs ADD COLUMN checkpoint_epoch INTEGER`,
      sql`ALTER TABLE farm_runs ADD COLUMN checkpoint_serial INTEGER`,
      sql`ALTER TABLE farm_runs ADD COLUMN checkpoint_parts INTEGER`
    ])
  ),
  "0003_farm_skipped": Effect.flatMap(
    SqlClient.SqlClient,
    (sql) => sql`ALTER TABLE farm_runs ADD COLUMN skipped INTEGER NOT NULL DEFAULT 0`
  )
})

/**
 * Creates the tables of this version, or changes those of an earlier one. Several processes may do so at once.
 *
 * @category migrations
 * @since 0.1.0
 */
export const migrate = Effect.asVoid(Migrator.make({})({ loader: migrations, table: "farm_migrations" }))

const unavailable =
  (pool: string) =>
  <A, R>(self: Effect.Effect<A, SqlError.SqlError, R>): Effect.Effect<A, ClusterError, R> =>
    Effect.mapError(self, (error) => {
      const detail = `the database has failed (${messageWithCauses(error)}); look at it, and at its address`
      return new ClusterError({ reason: new PoolUnavailable({ pool, detail }) })
    })

/** The id of a message or reply of the cluster that was made at this time: ids grow with time. */
const snowflakeAt = (millis: number) =>
  `${Snowflake.make({ machineId: 0 as Snowflake.Snowflake.Parts["machineId"], sequence: 0, timestamp: millis })}`

/**
 * Removes the messages of runs with their replies, which the cluster itself keeps for ever. A failure is logged: the
 * cluster may have its messages elsewhere.
 */
const pruneMessages = (sql: SqlClient.SqlClient, pool: string, beforeMillis: number) => {
  const before = sql.literal(snowflakeAt(Math.floor(beforeMillis)))
  const old = sql`entity_type = 'FarmPool' AND entity_id = ${pool} AND processed = TRUE AND last_reply_id < ${before}`
  return Effect.andThen(
    sql`DELETE FROM cluster_replies WHERE request_id IN (SELECT request_id FROM cluster_messages WHERE ${old})`,
    sql`DELETE FROM cluster_messages WHERE ${old}`
  ).pipe(
    sql.withTransaction,
    Effect.catch((error) => Effect.logWarning(`cannot remove the messages of ended runs: ${messageWithCauses(error)}`))
  )
}

/** Removes the runs of a pool that ended before this time, with their checkpoints and messages. */
const pruneRuns = (sql: SqlClient.SqlClient, pool: string, beforeMillis: number) =>
  sql`
    DELETE FROM farm_runs
    WHERE pool = ${pool} AND state <> 'running' AND updated_millis < ${beforeMillis} RETURNING key`.pipe(
    Effect.map((rows) => rows.length),
    Effect.tap(
      sql`
        DELETE FROM farm_checkpoints WHERE pool = ${pool} AND NOT EXISTS (
          SELECT 1 FROM farm_runs WHERE farm_runs.pool = ${pool} AND farm_runs.key = farm_checkpoints.key
        )`
    ),
    Effect.tap(pruneMessages(sql, pool, beforeMillis))
  )

const isChanged = Effect.map((rows: ReadonlyArray<unknown>) => rows.length > 0)

const make = Effect.gen(function* () {
  const sql = (yield* SqlClient.SqlClient).withoutTransforms()
  const clock = yield* Clock.Clock
  const now = () => clock.currentTimeMillisUnsafe()
  const checkpoints = SqlCheckpointParts.make(sql, now)
  const mine = ({ epoch, key, pool }: RunStore.RunLease) => sql`pool = ${pool} AND key = ${key} AND epoch = ${epoch}`
  /** All but the checkpoint. */
  const columns = sql.literal(
    "pool, key, job, version, input, attempt, epoch, state, output, error, done, total, skipped, created_millis, updated_millis"
  )

  const find = ({ key, pool }: RunStore.RunName) =>
    sql<Row>`SELECT ${columns} FROM farm_runs WHERE pool = ${pool} AND key = ${key}`.pipe(
      Effect.map(([row]) => (row === undefined ? undefined : recordOf(row))),
      unavailable(pool)
    )

  const begin = Effect.fnUntraced(function* (spec: RunStore.RunSpec) {
    const { attempt, input, job, key, pool } = spec
    yield* unavailable(pool)(sql`
      INSERT INTO farm_runs (pool, key, job, version, input, attempt, epoch, state, done, created_millis, updated_millis)
      VALUES (${pool}, ${key}, ${job.name}, ${job.version}, ${input}, ${attempt}, 0, 'running', 0, ${now()}, ${now()})
      ON CONFLICT (pool, key) DO NOTHING`)
    const [begun] = yield* unavailable(pool)(sql<Row>`
      UPDATE farm_runs SET
        epoch = epoch + 1,
        attempt = CASE WHEN attempt < ${attempt} THEN ${attempt} ELSE attempt END,
        state = 'running',
        error = NULL,
        updated_millis = ${now()}
      WHERE pool = ${pool} AND key = ${key} AND job = ${job.name} AND version = ${job.version} AND input = ${input}
        AND (state = 'running' OR (state <> 'done' AND attempt < ${attempt}))
      RETURNING ${columns}`)
    if (begun !== undefined) return recordOf(begun)
    const record = yield* find(spec)
    // Removed between the two statements by the clean-up: only a run that has ended is.
    if (record === undefined) return yield* begin(spec)
    yield* RunStore.checkSame(record, spec)
    return record
  }) as RunStore.RunStore["Service"]["begin"]

  return RunStore.RunStore.of({
    begin,
    find,
    read: (name) => unavailable(name.pool)(checkpoints.read(name)),
    write: (lease, parts, units) => unavailable(lease.pool)(checkpoints.write(lease, parts, units)),
    end: (lease, { error, output, skipped, state }) =>
      sql`
        UPDATE farm_runs SET
          state = ${state},
          output = ${output ?? null},
          error = ${error ?? null},
          checkpoint = CASE WHEN ${state} = 'done' THEN NULL ELSE checkpoint END,
          done = CASE WHEN ${state} = 'done' AND total IS NOT NULL THEN total ELSE done END,
          skipped = ${skipped === undefined ? sql`skipped` : sql`${skipped}`},
          updated_millis = ${now()}
        WHERE ${mine(lease)} RETURNING key`.pipe(
        isChanged,
        Effect.tap((isMine) =>
          isMine && state === "done" ? Effect.ignore(checkpoints.removeAll(lease)) : Effect.void
        ),
        unavailable(lease.pool)
      ),
    cancel: ({ key, pool }) =>
      sql`
        UPDATE farm_runs SET state = 'cancelled', epoch = epoch + 1, updated_millis = ${now()}
        WHERE pool = ${pool} AND key = ${key} AND state = 'running' RETURNING key`.pipe(isChanged, unavailable(pool)),
    list: (pool) =>
      sql<Omit<Row, "output" | "input">>`
        SELECT pool, key, job, version, attempt, epoch, state, error, done, total, skipped, created_millis, updated_millis
        FROM farm_runs WHERE ${pool === undefined ? sql`1 = 1` : sql`pool = ${pool}`} ORDER BY updated_millis DESC`.pipe(
        Effect.map((rows) => rows.map((row) => recordOf({ ...row, input: "", output: null }))),
        unavailable(pool ?? "")
      ),
    prune: (pool, beforeMillis) => unavailable(pool)(pruneRuns(sql, pool, beforeMillis))
  })
})

/**
 * Keeps the table of runs in the database of a `SqlClient`. It creates its tables first (`migrate`), and dies if the
 * database refuses that.
 *
 * @category layers
 * @since 0.1.0
 */
export const layer: Layer.Layer<RunStore.RunStore, never, SqlClient.SqlClient> = Layer.effect(
  RunStore.RunStore,
  Effect.andThen(Effect.orDie(migrate), make)
)
