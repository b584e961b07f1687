/** The errors of a farm. */
import * as Data from "effect/Data"

/** The failure of one attempt at a packet. @category models @since 0.1.0 */
export interface Attempt {
  /** The name of the worker. */
  readonly worker: string
  /**
   * `Threw`: the work threw. `InvalidResult`: the result does not fit its schema. `Lost`: the worker failed while it
   * worked on the packet. `Expired`: the lease ended without a result.
   */
  readonly kind: "Threw" | "InvalidResult" | "Lost" | "Expired"
  readonly message: string
}

const textOf = (cause: unknown) => (cause instanceof Error ? `${cause.name}: ${cause.message}` : String(cause))

const maxPacketChars = 200

const truncatedJson = (value: unknown) => {
  const text = JSON.stringify(value, (_, one) => (typeof one === "bigint" ? String(one) : one)) ?? String(value)
  return text.length > maxPacketChars ? `${text.slice(0, maxPacketChars)}...` : text
}

/** Invalid options of a farm or of a pool. @category errors @since 0.1.0 */
export class InvalidOptions extends Data.TaggedClass("InvalidOptions")<{ readonly message: string }> {}

/** A job module that could not be loaded, or that does not export a job. @category errors @since 0.1.0 */
export class ModuleLoadFailed extends Data.TaggedClass("ModuleLoadFailed")<{
  readonly module: string
  readonly detail: string
}> {
  get message(): string {
    return `${this.module}: ${this.detail}`
  }
}

/** A worker that could not be started or reached. @category errors @since 0.1.0 */
export class Unreachable extends Data.TaggedClass("Unreachable")<{ readonly worker: string; readonly detail: string }> {
  get message(): string {
    return `${this.worker}: ${this.detail}`
  }
}

/** A worker that has loaded another job, or another version of it. @category errors @since 0.1.0 */
export class WrongJob extends Data.TaggedClass("WrongJob")<{
  readonly worker: string
  /** The name and version of the job that the worker has loaded. */
  readonly has: string
  readonly wanted: string
}> {
  get message(): string {
    return `wrong job on ${this.worker}: it has ${this.has}, not ${this.wanted}; load the same module on both sides`
  }
}

/** The permanent failure of all workers while packets are unfinished. @category errors @since 0.1.0 */
export class NoWorkers extends Data.TaggedClass("NoWorkers")<{
  /** The name of each worker with its last error. */
  readonly causes: ReadonlyArray<string>
}> {
  get message(): string {
    return `no worker is left: ${this.causes.join("; ")}`
  }
}

/** A packet that failed on every attempt. @category errors @since 0.1.0 */
export class PoisonPacket extends Data.TaggedClass("PoisonPacket")<{
  readonly id: number
  /** The packet as `Work.packet` encodes it. */
  readonly packet: unknown
  readonly attempts: ReadonlyArray<Attempt>
}> {
  get message(): string {
    const causes = this.attempts.map(({ message, worker }) => `${worker}: ${message}`)
    const times = causes.length === 1 ? "once" : `${causes.length} times`
    return `packet ${this.id} ${truncatedJson(this.packet)} failed ${times}: ${causes.join("; ")}`
  }
}

/** A `split` that threw, or returned a packet that does not fit its schema. @category errors @since 0.1.0 */
export class SplitFailed extends Data.TaggedClass("SplitFailed")<{ readonly id: number; readonly cause: unknown }> {
  get message(): string {
    return `cannot split off packet ${this.id}: ${textOf(this.cause)}`
  }
}

/** A `merge` that threw. @category errors @since 0.1.0 */
export class MergeFailed extends Data.TaggedClass("MergeFailed")<{
  readonly id: number
  /** The packet as `Work.packet` encodes it. */
  readonly packet: unknown
  readonly cause: unknown
}> {
  get message(): string {
    return `cannot merge the result of packet ${this.id} ${truncatedJson(this.packet)}: ${textOf(this.cause)}`
  }
}

/** A checkpoint of another job or input, or one that cannot be read or written. @category errors @since 0.1.0 */
export class CheckpointFailed extends Data.TaggedClass("CheckpointFailed")<{
  readonly path: string
  readonly detail: string
}> {
  get message(): string {
    return `${this.path}: ${this.detail}`
  }
}

/** The reasons of a `FarmError`. @category errors @since 0.1.0 */
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

/** The error of a farm, with its reason. @category errors @since 0.1.0 */
export class FarmError extends Data.TaggedError("FarmError")<{ readonly reason: Reason }> {
  override get message(): string {
    return this.reason.message
  }
}
