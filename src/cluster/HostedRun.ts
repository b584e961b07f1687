/** A run on the host of its pool: from the record of the run to the reply, with a `Farm` between. */
import type * as Cause from "effect/Cause"
import * as Deferred from "effect/Deferred"
import type * as Duration from "effect/Duration"
import * as Effect from "effect/Effect"
import * as Queue from "effect/Queue"
import * as Ref from "effect/Ref"
import * as Schema from "effect/Schema"
import * as Stream from "effect/Stream"
import * as Farm from "../farm/Farm.ts"
import * as FarmCheckpoint from "../farm/FarmCheckpoint.ts"
import type { FarmError } from "../farm/FarmError.ts"
import type { CheckpointCodecs } from "../farm/Job.ts"
import type { Progress } from "../farm/Progress.ts"
import type { Worker } from "../farm/Worker.ts"
import * as AgentTable from "./AgentTable.ts"
import {
  ClusterError,
  invalidRun,
  JobMissing,
  RunCancelled,
  RunFailed,
  unfitInput,
  withoutCodecs
} from "./ClusterError.ts"
import type { PoolMetrics } from "./ClusterMetrics.ts"
import { formatJob, maxTextBytes, type PartialOutput, type RunSettings, type RunStatus } from "./FarmPool.ts"
import type { AnyJob, JobModules } from "./JobModules.ts"
import * as JsonText from "./JsonText.ts"
import * as RunStore from "./RunStore.ts"

/** The parts of a pool that its runs share. */
export interface Context {
  readonly jobs: JobModules["Service"]
  readonly store: RunStore.RunStore["Service"]
  readonly table: AgentTable.AgentTable
  readonly metrics: PoolMetrics
  readonly checkpointInterval: Duration.Input
}

/** A run on this host. */
export interface HostedRun {
  readonly spec: RunStore.RunSpec
  /** Completes with the reply, for every client of the key. */
  readonly reply: Deferred.Deferred<string, ClusterError>
  readonly cancelled: Deferred.Deferred<void>
  /** The progress, once the run has begun. */
  readonly progress: Ref.Ref<Effect.Effect<Progress> | undefined>
  readonly refusals: Map<string, string>
}

/** Makes the state of a run that begins. */
export const make = (spec: RunStore.RunSpec): Effect.Effect<HostedRun> =>
  Effect.map(Ref.make<Effect.Effect<Progress> | undefined>(undefined), (progress) => ({
    spec,
    reply: Deferred.makeUnsafe(),
    cancelled: Deferred.makeUnsafe(),
    progress,
    refusals: new Map()
  }))

const errorText = Schema.fromJsonString(ClusterError)

const writeError = Schema.encodeSync(errorText)

const readError = Schema.decodeUnknownEffect(errorText)

const cancelledError = (key: string) => new ClusterError({ reason: new RunCancelled({ key }) })

/** Returns the reply of a run that has ended. */
const replyOf = (record: RunStore.RunRecord): Effect.Effect<string, ClusterError> => {
  const { error, key, output, state } = record
  if (state === "done") return Effect.succeed(output ?? "null")
  if (state === "cancelled" || error === undefined) return Effect.fail(cancelledError(key))
  return Effect.flatMap(Effect.orDie(readError(error)), Effect.fail)
}

/** A job that can be run here, with its input. */
interface Prepared {
  readonly job: AnyJob
  readonly input: unknown
  readonly codecs: CheckpointCodecs<unknown, unknown>
}

const prepare = Effect.fnUntraced(function* (
  { jobs }: Context,
  { input, job: name }: RunStore.RunSpec
): Effect.fn.Return<Prepared, ClusterError> {
  const job = jobs.find(name)?.job
  if (job === undefined) {
    const has = jobs.jobs.map(formatJob)
    return yield* new ClusterError({ reason: new JobMissing({ wanted: formatJob(name), has }) })
  }
  const codecs = job.checkpoint
  if (codecs === undefined) {
    return yield* withoutCodecs(formatJob(name))
  }
  const decoded = yield* Schema.decodeUnknownEffect(JsonText.codec(codecs.input))(input).pipe(
    Effect.mapError(unfitInput(formatJob(name)))
  )
  return { job, input: decoded, codecs }
})

const optionsOf = (settings: RunSettings) => {
  const { leaseMillis, maxAttempts, onPoison, ordered, packetSize, targetMillis, timeoutMillis, verify } = settings
  return {
    ...{ lease: leaseMillis, timeout: timeoutMillis, targetDuration: targetMillis },
    ...{ maxAttempts, onPoison, ordered, packetSize, verify }
  }
}

const unitsOf = Effect.map(
  (progress: Progress | undefined): RunStore.Units => ({
    ...{ done: progress?.done ?? 0, total: progress?.total, skipped: progress?.skipped ?? 0 }
  })
)

/** Reads the progress of a run, with the packets that earlier hosts have given up. */
const progressOf = ({ failures, stats }: Farm.Run) =>
  Effect.map(Effect.all([stats, failures]), ([progress, given]): Progress => ({ ...progress, skipped: given.length }))

/** Logs the first packet that is given up; the others are counted. */
const logEvents = (key: string, events: Farm.Run["events"]) =>
  Effect.flatMap(Ref.make(false), (isLogged) =>
    Stream.runForEach(
      events,
      Effect.fnUntraced(function* (event) {
        yield* Effect.logDebug(`run ${key}`, event)
        if (event._tag !== "PacketSkipped" || (yield* Ref.getAndSet(isLogged, true))) return
        const { attempts, id } = event
        yield* Effect.logWarning(`run ${key} continues without packet ${id}: ${attempts.at(-1)?.message}`)
      })
    )
  )

/** Adds a run to the pool until the scope closes, and returns its workers, those that join included. */
const workersOf = Effect.fnUntraced(function* (
  { table }: Context,
  { job }: Prepared,
  { refusals, spec }: HostedRun,
  priority: number
) {
  const joining = yield* Queue.unbounded<Worker, Cause.Done>()
  const run: AgentTable.PoolRun = {
    ...{ key: spec.key, job: spec.job, priority, refusals, virtualMillis: 0, packetMillis: 0, taskCount: 0 },
    ...{ packet: JsonText.keepingLarge(JsonText.make(job.packet)), result: JsonText.make(job.result) },
    onJoin: (worker) => Queue.offerUnsafe(joining, worker)
  }
  const workers = yield* Effect.acquireRelease(
    Effect.sync(() => AgentTable.addRun(table, run)),
    () => Effect.sync(() => AgentTable.removeRun(table, run))
  )
  return { workers, joining: Stream.fromQueue(joining) }
})

const encodeOutput = (codecs: CheckpointCodecs<unknown, unknown>) =>
  Schema.encodeUnknownEffect(JsonText.codec(codecs.output))

/** The failure of a run: a reason of `FarmError`, or `InvalidOutput`. */
interface Failure {
  readonly kind: string
  readonly message: string
}

const failureOf = ({ message, reason }: FarmError): Failure => ({ kind: reason._tag, message })

const failedError = (key: string, { kind, message }: Failure) =>
  new ClusterError({ reason: new RunFailed({ key, kind, detail: message }) })

/** The reasons for which a run stops before its end. */
type Stop = "cancelled" | "fenced"

/** Works on a run until it ends or is stopped. When it returns, the workers have stopped and the state is saved. */
const work = Effect.fnUntraced(function* (
  context: Context,
  hosted: HostedRun,
  prepared: Prepared,
  record: RunStore.RunRecord,
  settings: RunSettings
) {
  const { codecs, input, job } = prepared
  const fenced = Deferred.makeUnsafe<void>()
  const pool = yield* workersOf(context, prepared, hosted, settings.priority ?? 1)
  const units = unitsOf(Effect.flatMap(Ref.get(hosted.progress), (progress) => progress ?? Effect.undefined))
  const running = yield* Farm.start(job, input, {
    ...optionsOf(settings),
    workers: Effect.succeed(pool),
    checkpoint: yield* RunStore.checkpoint(context.store, record, units, fenced),
    checkpointInterval: context.checkpointInterval
  }).pipe(Effect.mapError(failureOf))
  yield* Ref.set(hosted.progress, progressOf(running))
  yield* Effect.forkScoped(logEvents(record.key, running.events))
  const encode = encodeOutput(codecs)
  const output = Effect.gen(function* () {
    const found = yield* Effect.mapError(running.output, failureOf)
    const text = yield* Effect.mapError(encode(found), ({ message }): Failure => {
      return { kind: "InvalidOutput", message: `the output does not fit its schema: ${message}` }
    })
    const bytes = JsonText.byteLength(text)
    if (bytes <= maxTextBytes) return { text, skipped: (yield* running.failures).length }
    return yield* Effect.fail<Failure>({
      kind: "TooLarge",
      message: `the output is too large: ${bytes} bytes (limit ${maxTextBytes}); let the work store it, and return its place`
    })
  })
  const stopped = (stop: Stop, by: Deferred.Deferred<void>) => Effect.as(Deferred.await(by), stop)
  return yield* Effect.raceAllFirst([output, stopped("cancelled", hosted.cancelled), stopped("fenced", fenced)])
}, Effect.scoped)

/**
 * Waits for a database that does not answer: a failure would be the reply for ever. The cluster stops this host of the
 * pool meanwhile, if that takes long.
 */
const untilAvailable = <A>(self: Effect.Effect<A, ClusterError>) =>
  RunStore.untilAvailable(self, ({ reason }) => reason._tag === "PoolUnavailable")

/** Returns the reply of a run that this host must not write any more; waits if another host works on it. */
const replyElsewhere = Effect.fnUntraced(function* ({ metrics, store }: Context, record: RunStore.RunRecord) {
  metrics.writeRefused()
  const latest = yield* untilAvailable(store.find(record))
  if (latest === undefined || latest.state === "running") return yield* Effect.never
  return yield* replyOf(latest)
})

/** Ends a run in the table, and then lets the reply follow: it is what a client acts on. */
const end = Effect.fnUntraced(function* <A>(
  context: Context,
  record: RunStore.RunRecord,
  change: RunStore.RunEnd,
  reply: Effect.Effect<A, ClusterError>
) {
  const isMine = yield* untilAvailable(context.store.end(record, change))
  return isMine ? yield* reply : yield* replyElsewhere(context, record)
})

/** Works on a run that this host has begun, or taken over, and ends it. */
const workToEnd = Effect.fnUntraced(function* (
  context: Context,
  hosted: HostedRun,
  record: RunStore.RunRecord,
  settings: RunSettings
): Effect.fn.Return<string, ClusterError> {
  const { key } = record
  const fail = (error: ClusterError) => {
    const change = { state: "failed", error: writeError(error) } as const
    return Effect.andThen(Effect.logWarning(error.message), end(context, record, change, Effect.fail(error)))
  }
  const prepared = yield* Effect.result(prepare(context, record))
  if (prepared._tag === "Failure") return yield* fail(prepared.failure)
  const result = yield* Effect.result(work(context, hosted, prepared.success, record, settings))
  if (result._tag === "Failure") return yield* fail(failedError(key, result.failure))
  const outcome = result.success
  if (outcome === "fenced") return yield* replyElsewhere(context, record)
  if (outcome === "cancelled") {
    return yield* end(context, record, { state: "cancelled" }, Effect.fail(cancelledError(key)))
  }
  const { skipped, text } = outcome
  return yield* end(context, record, { state: "done", output: text, skipped }, Effect.succeed(text))
})

/** Runs, or continues, a run to its end. The reply is that of the run, whichever host has ended it. */
export const execute = Effect.fnUntraced(function* (
  context: Context,
  hosted: HostedRun,
  settings: RunSettings
): Effect.fn.Return<string, ClusterError> {
  const { metrics, store } = context
  const record = yield* untilAvailable(store.begin(hosted.spec))
  if (record.state !== "running") return yield* replyOf(record)
  const { done, epoch, key } = record
  if (epoch > 1) yield* Effect.logInfo(`run ${key} continues at unit ${done}`)
  return yield* Effect.acquireUseRelease(
    Effect.sync(() => metrics.runBegan(epoch)),
    () => workToEnd(context, hosted, record, settings),
    () => Effect.sync(() => metrics.runEnded(epoch))
  )
})

type WorkerState = RunStatus["workers"][number]["state"]

const finite = (value: number | undefined) => (value !== undefined && Number.isFinite(value) ? value : undefined)

const hostStatusOf =
  (all: Progress["workers"]) =>
  ({ busyMillis, failures, host, packets, ready, share, workers }: Progress["hosts"][number]) => {
    const mayReturn = all.some((worker) => worker.host === host && worker.state === "lost")
    const state: WorkerState = ready > 0 ? "ready" : mayReturn ? "lost" : "gone"
    return { host: host ?? "", state, ready, workers, packets, share, busyMillis, failures }
  }

const workerStatusOf = ({ busyMillis, host = "", name, packets, share, state }: Progress["workers"][number]) => ({
  ...{ name, host, state, packets, share, busyMillis }
})

/** Returns the state of a run that is on this host. */
export const status = Effect.fnUntraced(function* ({ progress, refusals, spec }: HostedRun) {
  const read = yield* Ref.get(progress)
  if (read === undefined) return waiting(spec.key, spec.attempt)
  const { done, efficiency, elapsedMillis, packets, retries, skipped, unitsPerSecond, ...stats } = yield* read
  const [knownTotal, eta] = [finite(stats.total), finite(stats.etaMillis)]
  const known: RunStatus = {
    ...{ key: spec.key, state: "running", attempt: spec.attempt },
    ...{ done, packets, skipped, retries, unitsPerSecond, elapsedMillis, efficiency },
    ...{ workers: stats.workers.map(workerStatusOf), hosts: stats.hosts.map(hostStatusOf(stats.workers)) },
    refusals: [...refusals.values()],
    ...(knownTotal === undefined ? {} : { total: knownTotal }),
    ...(eta === undefined ? {} : { etaMillis: eta })
  }
  return known
})

const idle = {
  ...{ done: 0, packets: 0, skipped: 0, retries: 0, unitsPerSecond: 0, elapsedMillis: 0, efficiency: 0 },
  ...{ workers: [], hosts: [], refusals: [] }
}

/** Returns the state of a run whose message was not read, or that does not exist. */
const waiting = (key: string, attempt: number, state: RunStatus["state"] = "waiting"): RunStatus => ({
  ...idle,
  ...{ key, state, attempt }
})

/** Returns the state of a run that is not on this host, from its record: of one that has ended, with its whole time. */
export const statusOf = (key: string, record: RunStore.RunRecord | undefined): Effect.Effect<RunStatus> =>
  Effect.gen(function* () {
    if (record === undefined) return waiting(key, 1, "unknown")
    const { attempt, createdMillis, error, skipped, state, updatedMillis } = record
    if (state === "running") return { ...waiting(key, attempt), ...unitsOfRecord(record) }
    const shown = error === undefined ? undefined : yield* Effect.orDie(readError(error))
    return {
      ...waiting(key, state === "done" ? attempt : attempt + 1, state),
      ...unitsOfRecord(record),
      ...{ skipped, elapsedMillis: updatedMillis - createdMillis },
      ...(shown === undefined ? {} : { error: shown.message })
    }
  })

const unitsOfRecord = ({ done, total }: RunStore.RunRecord) => ({ done, ...(total === undefined ? {} : { total }) })

/** Returns the output in a checkpoint, as JSON text, and the units in it. */
const savedOutput = Effect.fnUntraced(function* (context: Context, record: RunStore.RunRecord, text: string) {
  const { codecs, input, job } = yield* prepare(context, record)
  const owner = { input, kind: "run", path: RunStore.pathOf(record) } as const
  const { output, splitUnits, unfinished } = yield* FarmCheckpoint.make(job, codecs, owner).read(text)
  const done = unfinished.reduce((rest, { units }) => rest - units, splitUnits)
  return { output: yield* encodeOutput(codecs)(output), done }
})

/** Reads the output of a run as far as it is saved: what a later host continues with. */
export const partialOutput = Effect.fnUntraced(function* (
  context: Context,
  name: RunStore.RunName
): Effect.fn.Return<PartialOutput, ClusterError> {
  const record = yield* context.store.find(name)
  if (record === undefined) return { state: "unknown", done: 0 }
  const { output, state } = record
  const units = { state, ...unitsOfRecord(record) }
  if (output !== undefined) return { ...units, output }
  const checkpoint = yield* context.store.read(name)
  if (checkpoint === undefined) return { ...units, done: 0 }
  const saved = yield* Effect.mapError(savedOutput(context, record, checkpoint), ({ message }) => invalidRun(message))
  return { ...units, ...saved }
})
