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
import * as Effect from "effect/Effect"
import * as Layer from "effect/Layer"
import * as Ref from "effect/Ref"
import * as Schedule from "effect/Schedule"
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
  /** The text of the checkpoint. */
  readonly checkpoint: string | undefined
  /** The output of a run that is done, as JSON text. */
  readonly output: string | undefined
  /** The error of a run that has failed, as JSON text. */
  readonly error: string | undefined
  readonly done: number
  readonly total: number | undefined
  readonly createdMillis: number
  readonly updatedMillis: number
}

/** A run as a host holds it: writes count while its epoch is the last. @category models @since 0.1.0 */
export interface RunLease extends RunName {
  readonly epoch: number
}

/** The units of a run. @category models @since 0.1.0 */
export interface Units {
  readonly done: number
  readonly total: number | undefined
}

/** The changes of a run at its end. @category models @since 0.1.0 */
export interface RunEnd {
  readonly state: Exclude<State, "running">
  readonly output?: string | undefined
  readonly error?: string | undefined
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
    /** Writes the checkpoint; false if another host has taken the run over. */
    readonly write: (lease: RunLease, checkpoint: string, units: Units) => Effect.Effect<boolean, ClusterError>
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
  const write = (text: string) =>
    Effect.flatMap(units, (now) => store.write(record, text, now)).pipe(
      Effect.timeoutOrElse({
        duration: writeTimeout,
        orElse: () => Effect.fail({ message: `no answer from the database within ${writeTimeout}` })
      }),
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
  return Effect.map(Ref.make(false), (isSaved) => ({
    path,
    read: Effect.succeed(record.checkpoint),
    write: Effect.fnUntraced(function* (text) {
      if (yield* Ref.get(isSaved)) return yield* write(text)
      yield* untilAvailable(write(text), () => !Deferred.isDoneUnsafe(fenced))
      yield* Ref.set(isSaved, true)
    }),
    remove: Effect.void
  }))
}

/** The time for one write: the host of a database that does not answer stops the run anyway. */
const writeTimeout = "3 seconds"

const keyOf = ({ key, pool }: RunName) => JSON.stringify([pool, key])

const hasEnded = ({ attempt, state }: RunRecord, spec: RunSpec) =>
  state === "done" || (state !== "running" && attempt >= spec.attempt)

/** Keeps the table in this process, for a farm without a database. @category layers @since 0.1.0 */
export const layerMemory: Layer.Layer<RunStore> = Layer.effect(
  RunStore,
  Effect.gen(function* () {
    const clock = yield* Clock.Clock
    const records = new Map<string, RunRecord>()
    const put = (record: Omit<RunRecord, "updatedMillis">) => {
      const stored = { ...record, updatedMillis: clock.currentTimeMillisUnsafe() }
      records.set(keyOf(record), stored)
      return stored
    }
    /** Changes the record of a lease, unless a later host has it. */
    const change = (lease: RunLease, changes: Partial<RunRecord>) =>
      Effect.sync(() => {
        const record = records.get(keyOf(lease))
        if (record === undefined || record.epoch !== lease.epoch) return false
        put({ ...record, ...changes })
        return true
      })
    const begin = (spec: RunSpec) =>
      Effect.suspend(() => {
        const record = records.get(keyOf(spec))
        if (record === undefined) {
          const nothing = { checkpoint: undefined, output: undefined, error: undefined, done: 0, total: undefined }
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
      write: (lease, text, units) => change(lease, { ...units, checkpoint: text }),
      end: (lease, { error, output, state }) =>
        Effect.suspend(() => {
          const { done = 0, total = done } = records.get(keyOf(lease)) ?? {}
          const ended = state === "done" ? { checkpoint: undefined, done: total } : {}
          return change(lease, { state, error, output, ...ended })
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
          for (const record of old) records.delete(keyOf(record))
          return old.length
        })
    })
  })
)
