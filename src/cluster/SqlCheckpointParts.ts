/**
 * The checkpoints of runs in a database, in parts: a message of the database has 16 MiB at most. The row of a run has
 * the first part of its checkpoint and the place of the others, each of which has a row of its own.
 *
 * The others are written before the row names them, and no transaction is open meanwhile: a host that freezes during a
 * write blocks no other.
 */
import * as Effect from "effect/Effect"
import type * as SqlClient from "effect/sql/SqlClient"
import type * as SqlError from "effect/sql/SqlError"
import type * as RunStore from "./RunStore.ts"

/** The first part of a checkpoint, and where the others are: the epoch of their host, and their number on it. */
interface FirstPart {
  readonly checkpoint: string | null
  readonly checkpoint_epoch: number | null
  readonly checkpoint_serial: number | null
  readonly checkpoint_parts: number | null
}

/** Makes the reader and the writer of checkpoints. */
export const make = (sql: SqlClient.SqlClient, now: () => number) => {
  let serials = 0
  const named = ({ key, pool }: RunStore.RunName) => sql`pool = ${pool} AND key = ${key}`

  const read = Effect.fnUntraced(function* (
    name: RunStore.RunName,
    before?: FirstPart
  ): Effect.fn.Return<string | undefined, SqlError.SqlError> {
    const [first] = yield* sql<FirstPart>`
      SELECT checkpoint, checkpoint_epoch, checkpoint_serial, checkpoint_parts FROM farm_runs WHERE ${named(name)}`
    if (first === undefined || first.checkpoint === null) return undefined
    const { checkpoint, checkpoint_epoch: epoch, checkpoint_parts: count, checkpoint_serial: serial } = first
    if (count === null || count === 0) return checkpoint
    const rest = yield* sql<{ readonly text: string }>`
      SELECT text FROM farm_checkpoints
      WHERE ${named(name)} AND epoch = ${epoch} AND serial = ${serial} ORDER BY part`
    const isReplaced = rest.length < count && before?.checkpoint_serial !== serial
    return isReplaced ? yield* read(name, first) : [checkpoint, ...rest.map(({ text }) => text)].join("")
  })

  /** The parts that writes have left, except those with this number. */
  const others = (lease: RunStore.RunLease, epoch: number | null, serial: number | null) =>
    sql`${named(lease)} AND epoch <= ${lease.epoch} AND NOT (epoch = ${epoch ?? 0} AND serial = ${serial ?? 0})`

  const removeOthers = (lease: RunStore.RunLease, epoch: number | null, serial: number | null) =>
    sql`DELETE FROM farm_checkpoints WHERE ${others(lease, epoch, serial)}`

  /** Writes the parts that the row will name. False if another host has taken the run over. */
  const writeOthers = Effect.fnUntraced(function* (
    lease: RunStore.RunLease,
    serial: number,
    texts: ReadonlyArray<string>
  ) {
    if (texts.length === 0) return true
    const { epoch, key, pool } = lease
    const [mine] = yield* sql<Omit<FirstPart, "checkpoint" | "checkpoint_parts">>`
      UPDATE farm_runs SET updated_millis = ${now()} WHERE ${named(lease)} AND epoch = ${epoch}
      RETURNING checkpoint_epoch, checkpoint_serial`
    if (mine === undefined) return false
    yield* removeOthers(lease, mine.checkpoint_epoch, mine.checkpoint_serial)
    for (const [part, text] of texts.entries()) {
      yield* sql`
        INSERT INTO farm_checkpoints (pool, key, epoch, serial, part, text)
        VALUES (${pool}, ${key}, ${epoch}, ${serial}, ${part}, ${text})`
    }
    return true
  })

  const write = Effect.fnUntraced(function* (
    lease: RunStore.RunLease,
    parts: ReadonlyArray<string>,
    { done, skipped, total }: RunStore.Units
  ): Effect.fn.Return<boolean, SqlError.SqlError> {
    const { epoch } = lease
    const serial = ++serials
    const [first = "", ...rest] = parts
    if (!(yield* writeOthers(lease, serial, rest))) return false
    const [written] = yield* sql<{ readonly has_others: boolean | number }>`
      UPDATE farm_runs SET
        checkpoint = ${first},
        checkpoint_epoch = ${epoch},
        checkpoint_serial = ${serial},
        checkpoint_parts = ${rest.length},
        done = ${done},
        total = ${total ?? null},
        skipped = ${skipped},
        updated_millis = ${now()}
      WHERE ${named(lease)} AND epoch = ${epoch}
      RETURNING EXISTS (SELECT 1 FROM farm_checkpoints WHERE ${others(lease, epoch, serial)}) AS has_others`
    if (written === undefined) return false
    // What this leaves, a later write removes.
    if (written.has_others) yield* Effect.ignore(removeOthers(lease, epoch, serial))
    return true
  })

  return { read, write, removeAll: (lease: RunStore.RunLease) => removeOthers(lease, null, null) }
}
