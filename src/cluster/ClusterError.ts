/** The errors of a farm on a cluster, which can be encoded for another process and for the database. */
import * as Schema from "effect/Schema"

const messagesOf = (error: unknown): ReadonlyArray<string> =>
  error instanceof Error ? [error.message, ...messagesOf(error.cause)] : []

/**
 * Formats an error with the messages of its causes, each once: many errors of the cluster have no message of their own.
 *
 * @category conversions
 * @since 0.1.0
 */
export const messageWithCauses = (error: Error): string => {
  const messages = new Set(messagesOf(error).filter((message) => message !== ""))
  return messages.size === 0 ? error.name : [...messages].join(": ")
}

/** A run that was cancelled. @category errors @since 0.1.0 */
export class RunCancelled extends Schema.TaggedClass<RunCancelled>()("RunCancelled", { key: Schema.String }) {
  get message(): string {
    return `run ${this.key} was cancelled; run the same key again to continue it`
  }
}

/** A run that failed as `Farm.run` does; `kind` is the tag of that reason. @category errors @since 0.1.0 */
export class RunFailed extends Schema.TaggedClass<RunFailed>()("RunFailed", {
  key: Schema.String,
  kind: Schema.String,
  detail: Schema.String
}) {
  get message(): string {
    return `run ${this.key} failed: ${this.detail}; run the same key again to continue it`
  }
}

/** A key that belongs to a run of another job, version or input. @category errors @since 0.1.0 */
export class KeyInUse extends Schema.TaggedClass<KeyInUse>()("KeyInUse", {
  key: Schema.String,
  /** The job, version and input of the run with this key. */
  has: Schema.String,
  wanted: Schema.String
}) {
  get message(): string {
    return `run ${this.key} exists already: it is ${this.has}, not ${this.wanted}; choose another key`
  }
}

/** A host without a module of the job, or with another version of it. @category errors @since 0.1.0 */
export class JobMissing extends Schema.TaggedClass<JobMissing>()("JobMissing", {
  wanted: Schema.String,
  /** The jobs of the host, with their versions. */
  has: Schema.Array(Schema.String)
}) {
  get message(): string {
    const jobs = this.has.length === 0 ? "no job" : this.has.join(", ")
    return `the host of the pool has ${jobs}, not ${this.wanted}; start hosts and workers with the same modules`
  }
}

/** Invalid options, or an input that does not fit the schema of its job. @category errors @since 0.1.0 */
export class InvalidRun extends Schema.TaggedClass<InvalidRun>()("InvalidRun", { message: Schema.String }) {}

/** A pool without a host, or a database that does not answer. @category errors @since 0.1.0 */
export class PoolUnavailable extends Schema.TaggedClass<PoolUnavailable>()("PoolUnavailable", {
  pool: Schema.String,
  detail: Schema.String
}) {
  get message(): string {
    return `pool ${this.pool} is not available: ${this.detail}`
  }
}

/** The reasons of a `ClusterError`. @category errors @since 0.1.0 */
export const Reason = Schema.Union([RunCancelled, RunFailed, KeyInUse, JobMissing, InvalidRun, PoolUnavailable])

/** @category errors @since 0.1.0 */
export type Reason = typeof Reason.Type

/** The error of a farm on a cluster, with its reason. @category errors @since 0.1.0 */
export class ClusterError extends Schema.TaggedError<ClusterError>()("ClusterError", { reason: Reason }) {
  override get message(): string {
    return this.reason.message
  }
}

/** Makes the error of a run that cannot begin. @category constructors @since 0.1.0 */
export const invalidRun = (message: string): ClusterError => new ClusterError({ reason: new InvalidRun({ message }) })

/** Makes the error of a job, such as `primes 1`, that cannot be stored. @category constructors @since 0.1.0 */
export const withoutCodecs = (job: string): ClusterError =>
  invalidRun(`the job ${job} has no codecs for checkpoints; define \`checkpoint\` in the job`)

/** Makes the error of an input that its job refuses. @category constructors @since 0.1.0 */
export const unfitInput =
  (job: string) =>
  ({ message }: { readonly message: string }): ClusterError =>
    invalidRun(`the input does not fit the job ${job}: ${message}`)
