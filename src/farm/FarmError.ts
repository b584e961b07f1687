/** The errors of a farm, which can be encoded for another thread or process. */
import * as Schema from "effect/Schema"
import * as TerminalText from "../network/TerminalText.ts"
import * as SchemaDefect from "./SchemaDefect.ts"

/** An error as it crosses a thread or a wire. @category errors @since 0.1.0 */
export interface ErrorText {
  readonly name: string
  readonly message: string
  readonly stack?: string
  readonly code?: string | number
  /** The other enumerable properties of the error itself, such as the data of a `Data.TaggedError`. */
  readonly fields?: Schema.JsonObject
  readonly cause?: ErrorText
}

/** @category schemas @since 0.1.0 */
export const ErrorText: Schema.Codec<ErrorText> = Schema.Struct({
  name: Schema.String,
  message: Schema.String,
  stack: Schema.optionalKey(Schema.String),
  code: Schema.optionalKey(Schema.Union([Schema.String, Schema.Finite])),
  fields: Schema.optionalKey(Schema.JsonObject),
  cause: Schema.optionalKey(Schema.suspend((): Schema.Codec<ErrorText> => ErrorText))
})

/** The causes that `errorText` follows: a chain of causes may be a ring. */
const maxCauses = 8

/** The most characters of a message and of a stack, and those of a name and of a code. */
const maxTextChars = 8_192
const maxNameChars = 256

/** The most fields of an error, their characters, how deep they are followed, and their characters in a message. */
const maxFields = 64
const maxFieldsChars = 2_048
const maxFieldsDepth = 4
const maxShownFieldsChars = 200

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

const sizeOnly = (value: ArrayBuffer | SharedArrayBuffer | ArrayBufferView) =>
  `${value.constructor.name}(${value.byteLength} bytes)`

const isBuffer = (value: unknown): value is ArrayBuffer | SharedArrayBuffer | ArrayBufferView =>
  value instanceof ArrayBuffer || value instanceof SharedArrayBuffer || ArrayBuffer.isView(value)

/** The characters that may still be copied from the fields of one error. */
interface Room {
  chars: number
}

const copyText = (text: string, room: Room) => {
  const copy = TerminalText.truncate(text, Math.min(maxNameChars, room.chars))
  room.chars -= copy.length
  return copy
}

/** Copies a value as JSON, or undefined if JSON has none, it is too deep, or the room is full. */
const copyJson = (value: unknown, room: Room, path: ReadonlyArray<object>): Schema.Json | undefined => {
  room.chars -= 4
  if (room.chars <= 0) return undefined
  switch (typeof value) {
    case "string":
      return copyText(value, room)
    case "boolean":
      return value
    case "number":
      return Number.isFinite(value) ? value : String(value)
    case "bigint":
      return copyText(String(value), room)
    case "object":
      return value === null ? null : copyObject(value, room, path)
    default:
      return undefined
  }
}

/** Copies an object, whose methods and traps may throw. */
const copyObject = (value: object, room: Room, path: ReadonlyArray<object>): Schema.Json | undefined => {
  if (path.includes(value)) return "[Circular]"
  if (path.length === maxFieldsDepth) return undefined
  const within = [...path, value]
  try {
    if (isBuffer(value)) return sizeOnly(value)
    if (value instanceof Error) return copyText(formatThrown(value), room)
    const toJson = propertyOf(value, "toJSON")
    if (typeof toJson === "function") return copyJson(Reflect.apply(toJson, value, []), room, within)
    return Array.isArray(value) ? copyArray(value, room, within) : copyEntries(value, room, within)
  } catch {
    return undefined
  }
}

const copyArray = (values: ReadonlyArray<unknown>, room: Room, path: ReadonlyArray<object>) => {
  const copies: Array<Schema.Json> = []
  for (let at = 0; at < values.length && room.chars > 0; at++) copies.push(copyJson(values[at], room, path) ?? null)
  return copies
}

/** A name that would set the prototype of an object. */
const prototypeKey = "__proto__"

const copyEntries = (value: object, room: Room, path: ReadonlyArray<object>) => {
  const entries: Array<readonly [string, Schema.Json]> = []
  for (const key of Object.keys(value)) {
    if (key === prototypeKey || key.length > maxNameChars) continue
    room.chars -= key.length
    const copy = copyJson(propertyOf(value, key), room, path)
    if (room.chars <= 0) break
    if (copy !== undefined) entries.push([key, copy])
  }
  return Object.fromEntries(entries)
}

/** The properties that `ErrorText` has by itself, and the one that would set the prototype. */
const notFields = new Set(["_tag", "name", "message", "stack", "cause", prototypeKey])

/** Returns the fields of what was thrown, without those that the others leave no room for; none if it is a list. */
const fieldsOf = (thrown: object): Schema.JsonObject => {
  const entries: Array<readonly [string, Schema.Json]> = []
  let chars = maxFieldsChars
  try {
    if (Array.isArray(thrown) || isBuffer(thrown)) return {}
    for (const key of Object.keys(thrown).slice(0, maxFields)) {
      if (notFields.has(key) || key.length > maxNameChars) continue
      const room = { chars: chars - key.length }
      const copy = copyJson(propertyOf(thrown, key), room, [thrown])
      if (copy === undefined || room.chars <= 0) continue
      entries.push([key, copy])
      chars = room.chars
    }
  } catch {
    return {}
  }
  return Object.fromEntries(entries)
}

/** Formats an error that has no message by its tag or name, and by its fields: `Flaky {"at":3}`. */
const formatUnnamed = (title: string | undefined, fields: Schema.JsonObject | undefined) => {
  const json = fields === undefined ? "" : TerminalText.truncate(JSON.stringify(fields), maxShownFieldsChars)
  return `${title ?? ""} ${json}`.trim() || "an error without a message"
}

/** Returns the message of an object that was thrown, unless it has none or only says that it is an object. */
const ownMessage = (thrown: object) => {
  const message = propertyOf(thrown, "message")
  if (typeof message === "string") return message
  const text = formatThrown(thrown)
  return text.startsWith("[object ") ? "" : text
}

/**
 * Returns what was thrown in the form that crosses threads and wires: its name, message, stack, code, fields and up to
 * 8 causes. A value that is not an error becomes the message. An error without a message gets one from its tag and
 * fields. Fields are copied as JSON: texts instead of numbers that JSON has not, and sizes instead of buffers. Texts
 * are truncated, and fields beyond 2,048 characters left out.
 *
 * **Example** (An error of Effect, which has data instead of a message)
 *
 * ```ts
 * import * as Data from "effect/Data"
 * import { FarmError } from "effect-inet/farm"
 *
 * class Flaky extends Data.TaggedError("Flaky")<{ readonly at: number }> {}
 *
 * const { fields, message } = FarmError.errorText(new Flaky({ at: 3 }))
 * const text = { message, fields }
 * text // => { message: 'Flaky {"at":3}', fields: { at: 3 } }
 * ```
 *
 * @category conversions
 * @since 0.1.0
 */
export const errorText = (thrown: unknown): ErrorText => errorTextWithin(thrown, maxCauses)

const errorTextWithin = (thrown: unknown, causes: number): ErrorText => {
  if (typeof thrown !== "object" || thrown === null) {
    return { name: "Error", message: TerminalText.truncate(formatThrown(thrown), maxTextChars) || "an empty text" }
  }
  const [name, tag, stack, code] = ["name", "_tag", "stack", "code"].map((key) => propertyOf(thrown, key))
  const cause = propertyOf(thrown, "cause")
  const title = [name, tag].find((text) => typeof text === "string" && text !== "") as string | undefined
  const fields = fieldsOf(thrown)
  const hasFields = Object.keys(fields).length > 0
  const shortTitle = title === undefined ? undefined : TerminalText.truncate(title, maxNameChars)
  return {
    name: shortTitle ?? "Error",
    message:
      TerminalText.truncate(ownMessage(thrown), maxTextChars) ||
      formatUnnamed(shortTitle, hasFields ? fields : undefined),
    ...(typeof stack === "string" ? { stack: TerminalText.truncate(stack, maxTextChars) } : {}),
    ...(typeof code === "string" ? { code: TerminalText.truncate(code, maxNameChars) } : {}),
    ...(typeof code === "number" ? { code: Number.isFinite(code) ? code : String(code) } : {}),
    ...(hasFields ? { fields } : {}),
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

const textOf = (thrown: unknown) => {
  const cause = SchemaDefect.unwrap(thrown)
  return cause instanceof Error && cause.message !== "" ? `${cause.name}: ${cause.message}` : errorText(cause).message
}

const maxPacketChars = 200

/** Replaces a value that JSON has not, and a buffer, which would fill the memory: `value` is what `toJSON` returned. */
function printable(this: Readonly<Record<string, unknown>>, key: string, value: unknown) {
  const original = this[key]
  if (typeof value === "bigint") return String(value)
  return isBuffer(original) ? sizeOnly(original) : value
}

/** Formats a packet, which need not be JSON: it may refer to itself. */
const formatJson = (value: unknown) => {
  try {
    return JSON.stringify(value, printable) ?? formatThrown(value)
  } catch {
    return formatThrown(value)
  }
}

const truncatedJson = (value: unknown) => TerminalText.truncate(formatJson(value), maxPacketChars)

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

/**
 * The error of a farm, with its reason. The message has the texts of others as they are, also control characters, such
 * as those of an error that the work threw: `TerminalText.escape` of the network makes it safe for a terminal. The
 * commands and their logs do so.
 *
 * @category errors
 * @since 0.1.0
 */
export class FarmError extends Schema.TaggedError<FarmError>()("FarmError", { reason: Reason }) {
  override get message(): string {
    return this.reason.message
  }
}
