/**
 * The table of the runs of all pools: what a run is, its state, and its checkpoint. `SqlCheckpoint` keeps it in a
 * database, `layerMemory` in this process.
 *
 * Each host that takes a run over raises its epoch, and later writes of an earlier host are refused: one that was
 * frozen past its lock cannot overwrite the state of the next.
 */
import * as Clock from "effect/Clock"
import * as Context from "effect/Context"
import * as Deferred from "effect/Deferred"
import * as Duration from "effect/Duration"
import * as Effect from "effect/Effect"
import * as Layer from "effect/Layer"
import * as Ref from "effect/Ref"
import * as Schedule from "effect/Schedule"
import * as CheckpointText from "../farm/checkpoint/CheckpointText.ts"
import type * as FarmCheckpoint from "../farm/FarmCheckpoint.ts"
import { CheckpointFailed, FarmError } from "../farm/FarmError.ts"
import * as TerminalText from "../network/TerminalText.ts"
import { ClusterError, KeyInUse, type PoolUnavailable } from "./ClusterError.ts"
import { formatJob, type JobName } from "./FarmPool.ts"

/** The name of a run. @category models @since 0.1.0 */
export interface RunName {
  readonly pool: string
  readonly key: string
}

/** A run to begin, or to take over. @category models @since 0.1.0 */
export interface RunSpec extends RunName {
  readonly job: JobName
  /** The input as JSON text. */
  readonly input: string
  readonly attempt: number
}

/** The states of a run that is stored. @category models @since 0.1.0 */
export type State = "running" | "done" | "failed" | "cancelled"

/** A run that is stored. @category models @since 0.1.0 */
export interface RunRecord extends RunSpec {
  readonly state: State
  /** The number of hosts that have begun the run, one after the other. */
  readonly epoch: number
  /** The output of a run that is done, as JSON text. */
  readonly output: string | undefined
  /** The error of a run that has failed, as JSON text. */
  readonly error: string | undefined
  readonly done: number
  readonly total: number | undefined
  /** Packets that were given up, with `onPoison: "skip"`. */
  readonly skipped: number
  readonly createdMillis: number
  readonly updatedMillis: number
}

/** A run as a host holds it: writes count while its epoch is the last. @category models @since 0.1.0 */
export interface RunLease extends RunName {
  readonly epoch: number
}

/** The units of a run, and the packets that were given up. @category models @since 0.1.0 */
export interface Units {
  readonly done: number
  readonly total: number | undefined
  readonly skipped: number
}

/** The changes of a run at its end. @category models @since 0.1.0 */
export interface RunEnd {
  readonly state: Exclude<State, "running">
  readonly output?: string | undefined
  readonly error?: string | undefined
  /** The packets that were given up; undefined for those of the last checkpoint. */
  readonly skipped?: number | undefined
}

/** An error of the table: `PoolUnavailable`, or `KeyInUse` for `begin`. @category errors @since 0.1.0 */
export type StoreError = ClusterError & { readonly reason: PoolUnavailable | KeyInUse }

/** The table of runs. @category services @since 0.1.0 */
export class RunStore extends Context.Service<
  RunStore,
  {
    /**
     * Begins a run, or takes it over, and raises its epoch. The record of a run that has ended with this attempt or a
     * later one is returned as it is. Fails with `KeyInUse` if the key belongs to another run.
     */
    readonly begin: (spec: RunSpec) => Effect.Effect<RunRecord, ClusterError>
    /** Returns the text of the last checkpoint, undefined before the first and after the end of a run that is done. */
    readonly read: (name: RunName) => Effect.Effect<string | undefined, ClusterError>
    /**
     * Replaces the checkpoint at once; false if another host has taken the run over. `parts`: the parts of its text,
     * about a megabyte each.
     */
    readonly write: (
      lease: RunLease,
      parts: ReadonlyArray<string>,
      units: Units
    ) => Effect.Effect<boolean, ClusterError>
    /** Ends a run; false if another host has taken it over. The checkpoint is kept unless the run is done. */
    readonly end: (lease: RunLease, end: RunEnd) => Effect.Effect<boolean, ClusterError>
    /** Cancels a run that no host works on; false if it does not run. */
    readonly cancel: (name: RunName) => Effect.Effect<boolean, ClusterError>
    readonly find: (name: RunName) => Effect.Effect<RunRecord | undefined, ClusterError>
    /** Lists runs, the last changed first: of one pool, or of all. */
    readonly list: (pool?: string) => Effect.Effect<ReadonlyArray<RunRecord>, ClusterError>
    /** Removes the runs of a pool that ended before this time, and returns their number. */
    readonly prune: (pool: string, beforeMillis: number) => Effect.Effect<number, ClusterError>
  }
>()("effect-inet/cluster/RunStore") {}

const maxQuotedChars = 60

const describe = ({ input, job }: Pick<RunSpec, "input" | "job">) =>
  `${formatJob(job)} of ${TerminalText.truncate(input, maxQuotedChars)}`

/** Fails with `KeyInUse` if a record belongs to another run than the one to begin. @category guards @since 0.1.0 */
export const checkSame = (record: RunSpec, spec: RunSpec): Effect.Effect<void, ClusterError> =>
  formatJob(record.job) === formatJob(spec.job) && record.input === spec.input
    ? Effect.void
    : Effect.fail(
        new ClusterError({ reason: new KeyInUse({ key: spec.key, has: describe(record), wanted: describe(spec) }) })
      )

/** Names a run in messages. @category conversions @since 0.1.0 */
export const pathOf = ({ key, pool }: RunName): string => `run ${key} of pool ${pool}`

/**
 * Repeats a statement until the database accepts it. Of the failures that are repeated the first one is logged.
 *
 * @category combinators
 * @since 0.1.0
 */
export const untilAvailable = <A, E extends { readonly message: string }>(
  statement: Effect.Effect<A, E>,
  isRepeated: (error: E) => boolean
): Effect.Effect<A, E> =>
  Effect.flatMap(Ref.make(false), (isLogged) =>
    statement.pipe(
      Effect.tapError((error) =>
        Effect.flatMap(Ref.getAndSet(isLogged, true), (wasLogged) =>
          wasLogged || !isRepeated(error) ? Effect.void : Effect.logWarning(`${error.message}; trying again`)
        )
      ),
      Effect.retry({ schedule: retrySchedule, while: isRepeated }),
      Effect.tap(() =>
        Effect.flatMap(Ref.get(isLogged), (wasLogged) =>
          wasLogged ? Effect.logInfo("the database answers again") : Effect.void
        )
      )
    )
  )

const retrySchedule = Schedule.spaced("500 millis")

/**
 * Makes the checkpoint of a run for `Farm`. A write that is refused completes `fenced`. The first one waits for a
 * database that does not answer, because its failure would be that of the run. `remove` does nothing: the end of the
 * run decides what is kept.
 *
 * @category constructors
 * @since 0.1.0
 */
export const checkpoint = (
  store: RunStore["Service"],
  record: RunRecord,
  units: Effect.Effect<Units>,
  fenced: Deferred.Deferred<void>
): Effect.Effect<FarmCheckpoint.Checkpoint> => {
  const path = pathOf(record)
  const fail = (detail: string) => new FarmError({ reason: new CheckpointFailed({ path, detail }) })
  const write = (parts: ReadonlyArray<string>) =>
    Effect.flatMap(units, (now) => store.write(record, parts, now)).pipe(
      inTime(parts.length),
      Effect.mapError(({ message }) => fail(message)),
      Effect.filterOrElse(
        (written) => written,
        () => {
          Deferred.doneUnsafe(fenced, Effect.void)
          return Effect.fail(fail("another host has taken the run over"))
        }
      ),
      Effect.asVoid
    )
  const read = Effect.mapError(
    untilAvailable(store.read(record), ({ reason }) => reason._tag === "PoolUnavailable"),
    ({ message }) => fail(message)
  )
  const firstOrNext = (isSaved: Ref.Ref<boolean>) =>
    Effect.fnUntraced(function* (parts: ReadonlyArray<string>) {
      if (yield* Ref.get(isSaved)) return yield* write(parts)
      yield* untilAvailable(write(parts), () => !Deferred.isDoneUnsafe(fenced))
      yield* Ref.set(isSaved, true)
    })
  return Effect.map(Effect.map(Ref.make(false), firstOrNext), (writeParts) => ({
    path,
    read,
    write: (text) => writeParts([...CheckpointText.split(text)]),
    writeParts,
    remove: Effect.void
  }))
}

/** The time for one part of a checkpoint: the host of a database that does not answer stops the run anyway. */
const partSeconds = 3

/** Limits the time for the write of a text in parts. */
const inTime = (parts: number) => {
  const seconds = partSeconds * parts
  return <A, E, R>(write: Effect.Effect<A, E, R>) =>
    Effect.timeoutOrElse(write, {
      duration: Duration.seconds(seconds),
      orElse: () => Effect.fail({ message: `no answer from the database within ${seconds} seconds` })
    })
}

const keyOf = ({ key, pool }: RunName) => JSON.stringify([pool, key])

const hasEnded = ({ attempt, state }: RunRecord, spec: RunSpec) =>
  state === "done" || (state !== "running" && attempt >= spec.attempt)

/** Keeps the table in this process, for a farm without a database. @category layers @since 0.1.0 */
export const layerMemory: Layer.Layer<RunStore> = Layer.effect(
  RunStore,
  Effect.gen(function* () {
    const clock = yield* Clock.Clock
    const records = new Map<string, RunRecord>()
    const checkpoints = new Map<string, ReadonlyArray<string>>()
    const put = (record: Omit<RunRecord, "updatedMillis">) => {
      const stored = { ...record, updatedMillis: clock.currentTimeMillisUnsafe() }
      records.set(keyOf(record), stored)
      return stored
    }
    /** Changes the record of a lease, unless a later host has it. */
    const change = (lease: RunLease, changes: Partial<RunRecord>) => {
      const record = records.get(keyOf(lease))
      if (record === undefined || record.epoch !== lease.epoch) return false
      put({ ...record, ...changes })
      return true
    }
    const begin = (spec: RunSpec) =>
      Effect.suspend(() => {
        const record = records.get(keyOf(spec))
        if (record === undefined) {
          const nothing = { output: undefined, error: undefined, done: 0, total: undefined, skipped: 0 }
          const createdMillis = clock.currentTimeMillisUnsafe()
          return Effect.succeed(put({ ...spec, ...nothing, state: "running", epoch: 1, createdMillis }))
        }
        return Effect.map(checkSame(record, spec), () => {
          if (hasEnded(record, spec)) return record
          const { attempt } = spec
          return put({ ...record, attempt, state: "running", epoch: record.epoch + 1, error: undefined })
        })
      })
    return RunStore.of({
      begin,
      read: (name) => Effect.sync(() => checkpoints.get(keyOf(name))?.join("")),
      write: (lease, parts, units) =>
        Effect.sync(() => {
          const isMine = change(lease, units)
          if (isMine) checkpoints.set(keyOf(lease), parts)
          return isMine
        }),
      end: (lease, { error, output, skipped, state }) =>
        Effect.sync(() => {
          const record = records.get(keyOf(lease))
          const { done = 0, total = done } = record ?? {}
          const ended = { state, error, output, skipped: skipped ?? record?.skipped ?? 0 }
          const isMine = change(lease, { ...ended, ...(state === "done" ? { done: total } : {}) })
          if (isMine && state === "done") checkpoints.delete(keyOf(lease))
          return isMine
        }),
      cancel: (name) =>
        Effect.suspend(() => {
          const record = records.get(keyOf(name))
          if (record?.state !== "running") return Effect.succeed(false)
          put({ ...record, state: "cancelled", epoch: record.epoch + 1 })
          return Effect.succeed(true)
        }),
      find: (name) => Effect.sync(() => records.get(keyOf(name))),
      list: (pool) =>
        Effect.sync(() =>
          [...records.values()]
            .filter((record) => pool === undefined || record.pool === pool)
            .sort((one, two) => two.updatedMillis - one.updatedMillis)
        ),
      prune: (pool, beforeMillis) =>
        Effect.sync(() => {
          const old = [...records.values()].filter(
            (record) => record.pool === pool && record.state !== "running" && record.updatedMillis < beforeMillis
          )
          for (const record of old) {
            records.delete(keyOf(record))
            checkpoints.delete(keyOf(record))
          }
          return old.length
        })
    })
  })
)
