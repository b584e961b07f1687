/** The errors of a farm, which can be encoded for another thread or process. */
import * as Schema from "effect/Schema"

/** An error as it crosses a thread or a wire. @category errors @since 0.1.0 */
export interface ErrorText {
  readonly name: string
  readonly message: string
  readonly stack?: string
  readonly code?: string | number
  readonly cause?: ErrorText
}

/** @category schemas @since 0.1.0 */
export const ErrorText: Schema.Codec<ErrorText> = Schema.Struct({
  name: Schema.String,
  message: Schema.String,
  stack: Schema.optionalKey(Schema.String),
  code: Schema.optionalKey(Schema.Union([Schema.String, Schema.Finite])),
  cause: Schema.optionalKey(Schema.suspend((): Schema.Codec<ErrorText> => ErrorText))
})

/** The causes that `errorText` follows: a chain of causes may be a ring. */
const maxCauses = 8

/** The most characters of a message and of a stack, and those of a name and of a code. */
const maxTextChars = 8_192
const maxNameChars = 256

const truncate = (text: string, maxChars: number) => (text.length > maxChars ? `${text.slice(0, maxChars)}...` : text)

/** Returns a property of what was thrown, whose getter may throw. */
const propertyOf = (thrown: object, key: string): unknown => {
  try {
    return Reflect.get(thrown, key)
  } catch {
    return undefined
  }
}

const formatThrown = (thrown: unknown) => {
  try {
    return String(thrown)
  } catch {
    return `a value that cannot be printed (${typeof thrown})`
  }
}

/**
 * Returns what was thrown in the form that crosses threads and wires: its name, message, stack, code and causes, of
 * which it follows 8. Texts are truncated. A value that is not an error becomes the message.
 *
 * **Example** (The text of a system error)
 *
 * ```ts
 * import { FarmError } from "effect-inet/farm"
 *
 * const { code, message, name } = FarmError.errorText(Object.assign(new Error("not found"), { code: "ENOENT" }))
 * const text = { name, message, code }
 * text // => { name: "Error", message: "not found", code: "ENOENT" }
 * ```
 *
 * @category conversions
 * @since 0.1.0
 */
export const errorText = (thrown: unknown): ErrorText => errorTextWithin(thrown, maxCauses)

const errorTextWithin = (thrown: unknown, causes: number): ErrorText => {
  if (typeof thrown !== "object" || thrown === null) {
    return { name: "Error", message: truncate(formatThrown(thrown), maxTextChars) }
  }
  const [name, message, stack, code] = ["name", "message", "stack", "code"].map((key) => propertyOf(thrown, key))
  const cause = propertyOf(thrown, "cause")
  return {
    name: typeof name === "string" ? truncate(name, maxNameChars) : "Error",
    message: truncate(typeof message === "string" ? message : formatThrown(thrown), maxTextChars),
    ...(typeof stack === "string" ? { stack: truncate(stack, maxTextChars) } : {}),
    ...(typeof code === "string" ? { code: truncate(code, maxNameChars) } : {}),
    ...(typeof code === "number" ? { code: Number.isFinite(code) ? code : String(code) } : {}),
    ...(cause === undefined || causes === 0 ? {} : { cause: errorTextWithin(cause, causes - 1) })
  }
}

/**
 * Returns the error of a packet or result that exceeds the limit of a worker, for a `Failed` of the kind `TooLarge`.
 *
 * @category constructors
 * @since 0.1.0
 */
export const tooLarge = (what: "packet" | "result", bytes: number, maxBytes: number): ErrorText => ({
  name: "TooLarge",
  message: `the ${what} is too large: ${bytes} bytes (limit ${maxBytes}); split the job into smaller packets`
})

/** Formats the message of an error as one line. @category conversions @since 0.1.0 */
export const singleLine = ({ message }: { readonly message: string }): string => message.replace(/\s*\n\s*/g, ", ")

/** The failure of one attempt at a packet. @category errors @since 0.1.0 */
export const Attempt = Schema.Struct({
  /** The name of the worker. */
  worker: Schema.String,
  /**
   * `Threw`: the work threw. `InvalidResult`: the result does not fit its schema. `Lost`: the worker failed while it
   * worked on the packet. `Expired`: the worker fell silent while it worked on it. `TimedOut`: the work took longer
   * than the timeout. `TooLarge`: packet or result exceed the limit of the worker. `Unsendable`: packet or result
   * cannot be cloned. `Outvoted`: hosts differ in the result.
   */
  kind: Schema.Literals([
    ...(["Threw", "InvalidResult", "Lost", "Expired", "TimedOut"] as const),
    ...(["TooLarge", "Unsendable", "Outvoted"] as const)
  ]),
  /** One line. */
  message: Schema.String,
  /** The error that the work threw. */
  error: Schema.optionalKey(ErrorText)
})

/** @category models @since 0.1.0 */
export type Attempt = typeof Attempt.Type

const textOf = (cause: unknown) => (cause instanceof Error ? `${cause.name}: ${cause.message}` : String(cause))

const maxPacketChars = 200

const sizeOnly = (value: ArrayBuffer | SharedArrayBuffer | ArrayBufferView) =>
  `${value.constructor.name}(${value.byteLength} bytes)`

/** Replaces a value that JSON has not, and a buffer, which would fill the memory: `value` is what `toJSON` returned. */
function printable(this: Readonly<Record<string, unknown>>, key: string, value: unknown) {
  const original = this[key]
  if (typeof value === "bigint") return String(value)
  if (original instanceof ArrayBuffer || original instanceof SharedArrayBuffer) return sizeOnly(original)
  return ArrayBuffer.isView(original) ? sizeOnly(original) : value
}

/** Formats a packet, which need not be JSON: it may refer to itself. */
const formatJson = (value: unknown) => {
  try {
    return JSON.stringify(value, printable) ?? formatThrown(value)
  } catch {
    return formatThrown(value)
  }
}

const truncatedJson = (value: unknown) => truncate(formatJson(value), maxPacketChars)

/** Invalid options of a farm or of a pool. @category errors @since 0.1.0 */
export class InvalidOptions extends Schema.TaggedClass<InvalidOptions>()("InvalidOptions", {
  message: Schema.String
}) {}

/** A job module that could not be loaded, or that does not export a job. @category errors @since 0.1.0 */
export class ModuleLoadFailed extends Schema.TaggedClass<ModuleLoadFailed>()("ModuleLoadFailed", {
  module: Schema.String,
  detail: Schema.String
}) {
  get message(): string {
    return `${this.module}: ${this.detail}`
  }
}

/** A worker that has loaded another job, or another version of it. @category errors @since 0.1.0 */
export class WrongJob extends Schema.TaggedClass<WrongJob>()("WrongJob", {
  worker: Schema.String,
  /** The name and version of the job that the worker has loaded. */
  has: Schema.String,
  wanted: Schema.String
}) {
  get message(): string {
    return `wrong job on ${this.worker}: it has ${this.has}, not ${this.wanted}; load the same module on both sides`
  }
}

/** The permanent failure of all workers while packets are unfinished. @category errors @since 0.1.0 */
export class NoWorkers extends Schema.TaggedClass<NoWorkers>()("NoWorkers", {
  /** The name of each worker with its last error. */
  causes: Schema.Array(Schema.String)
}) {
  get message(): string {
    return `no worker is left: ${this.causes.length === 0 ? "none has joined" : this.causes.join("; ")}`
  }
}

/** A packet that failed on every attempt. @category errors @since 0.1.0 */
export class PoisonPacket extends Schema.TaggedClass<PoisonPacket>()("PoisonPacket", {
  id: Schema.Number,
  /** The packet as `Work.packet` encodes it. */
  packet: Schema.Unknown,
  attempts: Schema.Array(Attempt)
}) {
  get message(): string {
    const causes = this.attempts.map(({ message, worker }) => `${worker}: ${message}`)
    const times = causes.length === 1 ? "once" : `${causes.length} times`
    return `packet ${this.id} ${truncatedJson(this.packet)} failed ${times}: ${causes.join("; ")}`
  }
}

/** A `split` that threw, or returned a packet that does not fit its schema. @category errors @since 0.1.0 */
export class SplitFailed extends Schema.TaggedClass<SplitFailed>()("SplitFailed", {
  id: Schema.Number,
  cause: Schema.Defect()
}) {
  get message(): string {
    return `cannot split off packet ${this.id}: ${textOf(this.cause)}`
  }
}

/** A `merge` that threw. @category errors @since 0.1.0 */
export class MergeFailed extends Schema.TaggedClass<MergeFailed>()("MergeFailed", {
  id: Schema.Number,
  /** The packet as `Work.packet` encodes it. */
  packet: Schema.Unknown,
  cause: Schema.Defect()
}) {
  get message(): string {
    return `cannot merge the result of packet ${this.id} ${truncatedJson(this.packet)}: ${textOf(this.cause)}`
  }
}

/** A checkpoint of another job or input, or one that cannot be read or written. @category errors @since 0.1.0 */
export class CheckpointFailed extends Schema.TaggedClass<CheckpointFailed>()("CheckpointFailed", {
  path: Schema.String,
  detail: Schema.String
}) {
  get message(): string {
    return `${this.path}: ${this.detail}`
  }
}

/** The reasons of a `FarmError`. @category errors @since 0.1.0 */
export const Reason = Schema.Union([
  InvalidOptions,
  ModuleLoadFailed,
  WrongJob,
  NoWorkers,
  PoisonPacket,
  SplitFailed,
  MergeFailed,
  CheckpointFailed
])

/** @category errors @since 0.1.0 */
export type Reason = typeof Reason.Type

/** The error of a farm, with its reason. @category errors @since 0.1.0 */
export class FarmError extends Schema.TaggedError<FarmError>()("FarmError", { reason: Reason }) {
  override get message(): string {
    return this.reason.message
  }
}
