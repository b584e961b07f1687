/** Why a farm failed. */
import * as Data from "effect/Data"

/** What became of one attempt at a packet. @category models @since 0.1.0 */
export interface Attempt {
  readonly worker: string
  /** `Threw`: the work did. `Invalid`: the result does not fit its schema. */
  readonly kind: "Threw" | "InvalidResult" | "Lost" | "Expired"
  readonly message: string
}

const textOf = (cause: unknown) => (cause instanceof Error ? `${cause.name}: ${cause.message}` : String(cause))

const truncatedJson = (value: unknown) => {
  const text = JSON.stringify(value, (_, one) => (typeof one === "bigint" ? String(one) : one)) ?? String(value)
  return text.length > 200 ? `${text.slice(0, 200)}...` : text
}

/** An option, or what a pool was asked for, makes no sense. @category errors @since 0.1.0 */
export class InvalidOptions extends Data.TaggedClass("InvalidOptions")<{ readonly message: string }> {}

/** The module of a job could not be loaded, or exports no job. @category errors @since 0.1.0 */
export class ModuleLoadFailed extends Data.TaggedClass("ModuleLoadFailed")<{
  readonly module: string
  readonly detail: string
}> {
  get message(): string {
    return `${this.module}: ${this.detail}`
  }
}

/** A worker could not be started or reached. @category errors @since 0.1.0 */
export class Unreachable extends Data.TaggedClass("Unreachable")<{ readonly worker: string; readonly detail: string }> {
  get message(): string {
    return `${this.worker}: ${this.detail}`
  }
}

/** A worker has loaded another job, or another version of it. @category errors @since 0.1.0 */
export class WrongJob extends Data.TaggedClass("WrongJob")<{
  readonly worker: string
  /** Name and version. */
  readonly has: string
  readonly wanted: string
}> {
  get message(): string {
    return `${this.worker} has the job ${this.has}, not ${this.wanted}: give it the same module`
  }
}

/** All workers are gone for good, and work is left. @category errors @since 0.1.0 */
export class NoWorkers extends Data.TaggedClass("NoWorkers")<{
  /** What each worker said last: its name and why. */
  readonly causes: ReadonlyArray<string>
}> {
  get message(): string {
    return `no worker is left: ${this.causes.join("; ")}`
  }
}

/** A packet failed on every attempt. @category errors @since 0.1.0 */
export class PoisonPacket extends Data.TaggedClass("PoisonPacket")<{
  readonly id: number
  /** As it is encoded. */
  readonly packet: unknown
  readonly attempts: ReadonlyArray<Attempt>
}> {
  get message(): string {
    const causes = this.attempts.map(({ message, worker }) => `${worker}: ${message}`)
    const often = causes.length === 1 ? "once" : `${causes.length} times`
    return `packet ${this.id} ${truncatedJson(this.packet)} failed ${often}: ${causes.join("; ")}`
  }
}

/** `split` threw, or gave a packet that does not fit its schema. @category errors @since 0.1.0 */
export class SplitFailed extends Data.TaggedClass("SplitFailed")<{ readonly id: number; readonly cause: unknown }> {
  get message(): string {
    return `packet ${this.id} cannot be cut: ${textOf(this.cause)}`
  }
}

/** `merge` threw. @category errors @since 0.1.0 */
export class MergeFailed extends Data.TaggedClass("MergeFailed")<{
  readonly id: number
  /** As it is encoded. */
  readonly packet: unknown
  readonly cause: unknown
}> {
  get message(): string {
    return `the result of packet ${this.id} ${truncatedJson(this.packet)} cannot be merged: ${textOf(this.cause)}`
  }
}

/** A checkpoint is another job's, or cannot be read or written. @category errors @since 0.1.0 */
export class CheckpointFailed extends Data.TaggedClass("CheckpointFailed")<{
  readonly path: string
  readonly detail: string
}> {
  get message(): string {
    return `${this.path}: ${this.detail}`
  }
}

/** Why it failed. @category errors @since 0.1.0 */
export type Reason =
  | InvalidOptions
  | ModuleLoadFailed
  | Unreachable
  | WrongJob
  | NoWorkers
  | PoisonPacket
  | SplitFailed
  | MergeFailed
  | CheckpointFailed

/** A farm's error. @category errors @since 0.1.0 */
export class FarmError extends Data.TaggedError("FarmError")<{ readonly reason: Reason }> {
  override get message(): string {
    return this.reason.message
  }
}
