/**
 * The protocol of a pool: an entity of `effect/cluster` whose id is the name of the pool. It has no effects, so that
 * clients load this module alone.
 *
 * A run is one message, which the database keeps: it is accepted once for each key and attempt, and passes to another
 * host when its host dies. Packets and results are never stored: they travel in `Exchange` calls of the workers.
 */
import * as ClusterSchema from "effect/cluster/ClusterSchema"
import * as Entity from "effect/cluster/Entity"
import * as Rpc from "effect/rpc/Rpc"
import * as Schema from "effect/Schema"
import { ErrorText } from "../farm/FarmError.ts"
import { ClusterError } from "./ClusterError.ts"

/** The name of the pool of those that do not choose one. @category constants @since 0.1.0 */
export const defaultPool = "default"

/**
 * The most bytes of a packet, a result, an input or an output as JSON: a frame of the cluster has 16 MiB.
 *
 * @category constants
 * @since 0.1.0
 */
export const maxTextBytes = 8 * 1_024 * 1_024

/** A job by its name and version. @category schemas @since 0.1.0 */
export const JobName = Schema.Struct({ name: Schema.String, version: Schema.Int })

/** @category models @since 0.1.0 */
export type JobName = typeof JobName.Type

/** Formats a job as in messages: `primes 1`. @category conversions @since 0.1.0 */
export const formatJob = ({ name, version }: JobName): string => `${name} ${version}`

/** The options of a run that its host needs, as in `Farm.Options`. @category schemas @since 0.1.0 */
export const RunSettings = Schema.Struct({
  leaseMillis: Schema.optionalKey(Schema.Finite),
  timeoutMillis: Schema.optionalKey(Schema.Finite),
  maxAttempts: Schema.optionalKey(Schema.Int),
  onPoison: Schema.optionalKey(Schema.Literals(["fail", "skip"])),
  verify: Schema.optionalKey(Schema.Finite),
  targetMillis: Schema.optionalKey(Schema.Finite),
  packetSize: Schema.optionalKey(Schema.Int),
  ordered: Schema.optionalKey(Schema.Boolean),
  /** The weight of the run among those of the pool: one of 2 receives twice the working time of one of 1. */
  priority: Schema.optionalKey(Schema.Finite)
})

/** @category models @since 0.1.0 */
export type RunSettings = typeof RunSettings.Type

/** The message that starts a run, or joins it. The reply is the output as JSON text. @category schemas @since 0.1.0 */
export const Run = Rpc.make("Run", {
  payload: {
    key: Schema.String,
    /** From 1: raised for a run whose last attempt has failed or was cancelled, because replies are kept for ever. */
    attempt: Schema.Int,
    job: JobName,
    /** The input as JSON text, by the job's codec for checkpoints. */
    input: Schema.String,
    settings: RunSettings
  },
  success: Schema.String,
  error: ClusterError,
  // With the input: the reply to another run with this key must not be given.
  primaryKey: ({ attempt, input, job, key }) => `${key}#${attempt}#${formatJob(job)}#${input}`
})
  .annotate(ClusterSchema.Persisted, true)
  // Otherwise a pool that moves waits until the run has ended, or the time limit of the cluster.
  .annotate(ClusterSchema.InterruptOnTermination, true)
  // Otherwise a client that is interrupted would cancel the run for all, and for ever.
  .annotate(ClusterSchema.Uninterruptible, "client")

/** The end of a task, by the number that the host gave it. @category schemas @since 0.1.0 */
export const Outcome = Schema.Union([
  /** The result as JSON text, and the duration of the work. */
  Schema.TaggedStruct("Done", { number: Schema.Int, result: Schema.String, millis: Schema.Finite }),
  /** `kind` as in `Worker.Report`. */
  Schema.TaggedStruct("Failed", {
    number: Schema.Int,
    error: ErrorText,
    kind: Schema.optionalKey(Schema.Literals(["TooLarge", "Unsendable"]))
  }),
  Schema.TaggedStruct("Stopped", { number: Schema.Int })
])

/** @category models @since 0.1.0 */
export type Outcome = typeof Outcome.Type

/** A thread of an agent that does not work on a job any more. @category schemas @since 0.1.0 */
export const LostJob = Schema.Struct({ slot: Schema.Int, job: JobName, message: Schema.String })

/** @category models @since 0.1.0 */
export type LostJob = typeof LostJob.Type

/** A packet for a thread of an agent. @category schemas @since 0.1.0 */
export const Task = Schema.Struct({
  /** A whole number, unique in the session of the agent. */
  number: Schema.Int,
  /** The index of the thread. */
  slot: Schema.Int,
  job: JobName,
  /** The packet as JSON text. */
  packet: Schema.String
})

/** @category models @since 0.1.0 */
export type Task = typeof Task.Type

/** The call of an agent. @category schemas @since 0.1.0 */
export const ExchangeCall = Schema.Struct({
  /** Unique among all agents, also after a restart. */
  agent: Schema.String,
  /** The name in progress and messages. */
  name: Schema.String,
  /** The machine: agents of one machine share it. */
  host: Schema.String,
  /** The session that the host gave the agent; empty in the first call. */
  session: Schema.String,
  sequence: Schema.Int,
  /** The number of threads. */
  slots: Schema.Int,
  /** The jobs of which the agent has a module. */
  jobs: Schema.Array(JobName),
  outcomes: Schema.Array(Outcome),
  lostJobs: Schema.Array(LostJob),
  /** The numbers of the tasks that are worked on. */
  working: Schema.Array(Schema.Int),
  /** True to wait until there is something to do, for a second at most. */
  wait: Schema.Boolean,
  /** True in the last call of an agent, which stops what it has. */
  leaving: Schema.Boolean
})

/** @category models @since 0.1.0 */
export type ExchangeCall = typeof ExchangeCall.Type

/** The answer to an agent. @category schemas @since 0.1.0 */
export const ExchangeAnswer = Schema.Struct({
  /** The session of the agent: it drops the tasks of another one. */
  session: Schema.String,
  tasks: Schema.Array(Task),
  /** The numbers of tasks to stop. */
  cancels: Schema.Array(Schema.Int)
})

/** @category models @since 0.1.0 */
export type ExchangeAnswer = typeof ExchangeAnswer.Type

/**
 * Brings outcomes and takes tasks. It is the heartbeat of an agent as well. A call that is repeated has the same
 * `sequence` and receives the same answer: neither outcomes nor tasks are lost or counted twice.
 *
 * @category schemas
 * @since 0.1.0
 */
export const Exchange = Rpc.make("Exchange", { payload: ExchangeCall, success: ExchangeAnswer })

/** The part of one worker in a run, as in `Progress`. @category schemas @since 0.1.0 */
export const WorkerStatus = Schema.Struct({
  name: Schema.String,
  host: Schema.String,
  state: Schema.Literals(["ready", "lost", "gone"]),
  packets: Schema.Int,
  share: Schema.Finite,
  busyMillis: Schema.Finite
})

/** The part of one host in a run, as in `Progress`: of its workers together. @category schemas @since 0.1.0 */
export const HostStatus = Schema.Struct({
  host: Schema.String,
  /** `ready` if a worker takes packets, `lost` if one may return, else `gone`. */
  state: Schema.Literals(["ready", "lost", "gone"]),
  /** The workers that take packets, of all that the host has had. */
  ready: Schema.Int,
  workers: Schema.Int,
  packets: Schema.Int,
  share: Schema.Finite,
  busyMillis: Schema.Finite,
  failures: Schema.Int
})

/** The states of a run: `waiting` until its host has read the message. @category schemas @since 0.1.0 */
export const RunState = Schema.Literals(["unknown", "waiting", "running", "done", "failed", "cancelled"])

/** @category models @since 0.1.0 */
export type RunState = typeof RunState.Type

/** The state of a run with its progress. @category schemas @since 0.1.0 */
export const RunStatus = Schema.Struct({
  key: Schema.String,
  state: RunState,
  /** The attempt that a client of this key asks for. */
  attempt: Schema.Int,
  /** Units whose results are merged. */
  done: Schema.Finite,
  total: Schema.optionalKey(Schema.Finite),
  packets: Schema.Int,
  /** Packets that were given up. */
  skipped: Schema.Int,
  /** Packets that were sent again after a failed attempt. */
  retries: Schema.Int,
  unitsPerSecond: Schema.Finite,
  elapsedMillis: Schema.Finite,
  etaMillis: Schema.optionalKey(Schema.Finite),
  efficiency: Schema.Finite,
  workers: Schema.Array(WorkerStatus),
  hosts: Schema.Array(HostStatus),
  /** Agents of the pool that cannot work on this run, each with the reason. */
  refusals: Schema.Array(Schema.String),
  /** The error of a run that has failed. */
  error: Schema.optionalKey(Schema.String)
})

/** @category models @since 0.1.0 */
export type RunStatus = typeof RunStatus.Type

/** Reads the state of a run. @category schemas @since 0.1.0 */
export const Watch = Rpc.make("Watch", {
  payload: { key: Schema.String },
  success: RunStatus,
  error: ClusterError
})

/** The output of a run as far as it is saved. @category schemas @since 0.1.0 */
export const PartialOutput = Schema.Struct({
  state: RunState,
  /** Units whose results are in the output. */
  done: Schema.Finite,
  total: Schema.optionalKey(Schema.Finite),
  /** The output as JSON text; absent before the first checkpoint. */
  output: Schema.optionalKey(Schema.String)
})

/** @category models @since 0.1.0 */
export type PartialOutput = typeof PartialOutput.Type

/** Reads the output of a run as far as it is saved. @category schemas @since 0.1.0 */
export const Output = Rpc.make("Output", {
  payload: { key: Schema.String },
  success: PartialOutput,
  error: ClusterError
})

/** Cancels a run; false if there is none to cancel. @category schemas @since 0.1.0 */
export const Cancel = Rpc.make("Cancel", {
  payload: { key: Schema.String },
  success: Schema.Boolean,
  error: ClusterError
})

/** The entity of pools. @category constants @since 0.1.0 */
export const FarmPool = Entity.make("FarmPool", [Run, Exchange, Watch, Output, Cancel])
