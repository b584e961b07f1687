/**
 * The protocol between a farm and a worker server over TCP: its messages and their encoding. Decoding returns messages
 * or a typed error for any bytes.
 *
 * ```
 *   farm                                                     server
 *    | preamble, Hello --------------------------------------> |
 *    | <-------------------- Challenge (a server with a key)   |
 *    | Proof ------------------------------------------------> |
 *    | <------------------------------- Welcome, or Refused    |
 *    | Work, Cancel, Ping -----------------------------------> |
 *    | <-------------- Done, Failed, Stopped, Working, Pong    |
 *
 *   the preamble, once
 *   +------+------+------+------+------+------+------+------+
 *   | 'E'  | 'F'  | 'I'  | 0xff | 'N'  | 'E'  | 'T'  | 0x80 |
 *   +------+------+------+------+------+------+------+------+
 *
 *   a frame
 *   +------+------+------+------+----------- ~ -------------+
 *   | length n, big endian      | n bytes: JSON in UTF-8    |
 *   +------+------+------+------+----------- ~ -------------+
 *
 *   a frame with a packet, a result, or a further part of it; numbers are big endian
 *   +----------+------+-----------------+--------------------+---------- ~ ----------+
 *   | length n | 0x01 | Work: id, int32 |                    | n - 5 bytes of packet |
 *   | length n | 0x02 | Done: id, int32 | milliseconds, f64  | n - 13 bytes of result|
 *   | length n | 0x03 |                 |                    | n - 1 bytes of either |
 *   +----------+------+-----------------+--------------------+---------- ~ ----------+
 * ```
 *
 * A packet or result longer than 64 KiB is sent in parts: the first byte of every frame but its last has the bit 0x80.
 * Its bytes are the binary form that effect's `SchemaBinary` derives from the schemas of the job.
 *
 * Every `Work` ends with exactly one `Done`, `Failed` or `Stopped` with its id; a result that is too long is a
 * `Failed`. `Working` names the packets that are being worked on: whenever these change, and once a second. A side that
 * receives nothing for the `lease` of the `Hello` closes the connection, and the work on it is lost.
 *
 * A shared key authenticates both sides during the handshake (see `Auth`). Nothing is encrypted, and later messages are
 * not signed: use a tunnel across networks that others control.
 */
import * as Bytes from "effect/Bytes"
import * as Data from "effect/Data"
import * as Result from "effect/Result"
import * as Schema from "effect/Schema"
import { ErrorText } from "../FarmError.ts"

/** The version of the messages; preamble, frames and `Hello` are the same in all. @category constants @since 0.1.0 */
export const version = 2

/**
 * The first bytes that a farm sends. Read as a range of two little-endian int32, they begin and end below zero and end
 * before they begin. Clients of the course's protocol do not request such a range, so a server can tell the two apart.
 *
 * @category constants
 * @since 0.1.0
 */
export const preamble: Uint8Array = Uint8Array.of(0x45, 0x46, 0x49, 0xff, 0x4e, 0x45, 0x54, 0x80)

/** The most bytes in a frame: during the handshake, and after it. @category constants @since 0.1.0 */
export const frameLimitBytes = { handshake: 4_096, session: 1 << 20 } as const

/** The most bytes in a packet, and in a result, by default. @category constants @since 0.1.0 */
export const defaultMaxPacketBytes: number = 16 << 20

const Id = Schema.Int.check(Schema.isBetween({ minimum: 0, maximum: 0xffffffff }))
const Millis = Schema.Finite.check(Schema.isGreaterThanOrEqualTo(0))
const optionalText = Schema.optionalKey(Schema.String)

const Hello = Schema.TaggedStruct("Hello", {
  version: Schema.Natural,
  job: Schema.String,
  jobVersion: Schema.Finite,
  /** The time in milliseconds after which silence ends the connection. */
  lease: Schema.Finite.check(Schema.isBetween({ minimum: 1, maximum: 3_600_000 })),
  /** Present if the farm has a key. */
  nonce: optionalText
})

const Welcome = Schema.TaggedStruct("Welcome", {
  threads: Schema.Int.check(Schema.isBetween({ minimum: 1, maximum: 1_024 })),
  /** Packets that the farm may have in flight for each thread. */
  capacity: Schema.Int.check(Schema.isBetween({ minimum: 1, maximum: 65_536 })),
  proof: optionalText
})

const Work = Schema.TaggedStruct("Work", { id: Id, packet: Schema.Uint8Array })

const Done = Schema.TaggedStruct("Done", { id: Id, result: Schema.Uint8Array, millis: Millis })

/** The messages whose frames are JSON. */
const Control = Schema.Union([
  Hello,
  Schema.TaggedStruct("Challenge", { nonce: Schema.String }),
  Schema.TaggedStruct("Proof", { proof: Schema.String }),
  Welcome,
  Schema.TaggedStruct("Refused", {
    reason: Schema.Literals(["Version", "Job", "Key", "Busy", "Broken"]),
    message: Schema.String
  }),
  Schema.TaggedStruct("Cancel", { ids: Schema.Array(Id) }),
  Schema.TaggedStruct("Failed", {
    id: Id,
    error: ErrorText,
    kind: Schema.optionalKey(Schema.Literals(["TooLarge", "Unsendable"]))
  }),
  Schema.TaggedStruct("Stopped", { id: Id }),
  Schema.TaggedStruct("Working", { ids: Schema.Array(Id) }),
  Schema.TaggedStruct("Ping", {}),
  Schema.TaggedStruct("Pong", {})
])

/** A message of either side. @category schemas @since 0.1.0 */
export const Message = Schema.Union([Control, Work, Done])

/** A message with a packet or a result. */
type PacketMessage = typeof Work.Type | typeof Done.Type

/** @category models @since 0.1.0 */
export type Message = typeof Message.Type

/** @category models @since 0.1.0 */
export type Hello = typeof Hello.Type

/** @category models @since 0.1.0 */
export type Welcome = typeof Welcome.Type

const maxTextChars = 200

/**
 * Makes one line of at most 200 characters from a peer's text, for logs and errors.
 *
 * @category conversions
 * @since 0.1.0
 */
export const singleLine = (text: string): string => {
  const line = text.slice(0, maxTextChars + 1).replace(/[\p{Cc}\p{Zl}\p{Zp}]+/gu, " ")
  return line.length > maxTextChars ? `${line.slice(0, maxTextChars)}...` : line
}

/** A frame over the length limit. @category errors @since 0.1.0 */
export class FrameTooLong extends Data.TaggedClass("FrameTooLong")<{ readonly length: number; readonly max: number }> {
  get message(): string {
    return `frame too long: ${this.length} bytes (limit ${this.max})`
  }
}

/** A packet or result over the length limit. @category errors @since 0.1.0 */
export class PacketTooLong extends Data.TaggedClass("PacketTooLong")<{
  readonly length: number
  readonly max: number
}> {
  get message(): string {
    return `packet or result too long: ${this.length} bytes (limit ${this.max}); split the work, or raise the limit`
  }
}

/** Bytes that are not a message, or a message that cannot be encoded. @category errors @since 0.1.0 */
export class Malformed extends Data.TaggedClass("Malformed")<{ readonly detail: string }> {
  get message(): string {
    return `malformed message: ${this.detail}`
  }
}

/** A message that is not allowed in this state, or has an invalid id. @category errors @since 0.1.0 */
export class Unexpected extends Data.TaggedClass("Unexpected")<{ readonly detail: string }> {
  get message(): string {
    return `protocol violation: ${this.detail}`
  }
}

/** A peer that is refused, or cannot be authenticated. @category errors @since 0.1.0 */
export class Refused extends Data.TaggedClass("Refused")<{
  readonly reason: Extract<Message, { readonly _tag: "Refused" }>["reason"]
  readonly message: string
}> {}

/** A peer that sent nothing for a time. @category errors @since 0.1.0 */
export class Timeout extends Data.TaggedClass("Timeout")<{ readonly millis: number }> {
  get message(): string {
    return `timed out: no message within ${this.millis / 1_000} s`
  }
}

/** A violation of the protocol by the peer. @category errors @since 0.1.0 */
export class ProtocolError extends Data.TaggedError("ProtocolError")<{
  readonly reason: FrameTooLong | PacketTooLong | Malformed | Unexpected | Refused | Timeout
}> {
  override get message(): string {
    return this.reason.message
  }
}

const failure = (reason: ProtocolError["reason"]) => Result.fail(new ProtocolError({ reason }))

const malformed = (cause: unknown) =>
  failure(new Malformed({ detail: singleLine(cause instanceof Error ? cause.message : String(cause)) }))

const encoder = new TextEncoder()
const headerBytes = 4

/** The first byte of a JSON frame. */
const jsonByte = "{".charCodeAt(0)

/** The first byte of the other frames, and its bit for a part that another one follows. */
const kinds = { Work: 0x01, Done: 0x02, rest: 0x03, more: 0x80 } as const

/** The bytes between the first one and the packet or result. */
const fieldBytes = { Work: 4, Done: 12, rest: 0 } as const

/** The most bytes of a packet or result in one frame. */
const maxPartBytes = 1 << 16

/** Makes the start of a frame: its length, its kind, and the fields of the first part. */
const startOfPart = (message: PacketMessage | undefined, hasMore: boolean, partBytes: number) => {
  const kind = message?._tag ?? "rest"
  const start = new Uint8Array(headerBytes + 1 + fieldBytes[kind])
  const view = new DataView(start.buffer)
  view.setUint32(0, start.length - headerBytes + partBytes)
  view.setUint8(headerBytes, kinds[kind] | (hasMore ? kinds.more : 0))
  if (message !== undefined) view.setUint32(headerBytes + 1, message.id)
  if (message?._tag === "Done") view.setFloat64(headerBytes + 5, message.millis)
  return start
}

const encodeParts = (message: PacketMessage, bytes: Uint8Array): ReadonlyArray<Uint8Array> => {
  const buffers: Array<Uint8Array> = []
  let at = 0
  do {
    const part = bytes.subarray(at, at + maxPartBytes)
    const hasMore = at + part.length < bytes.length
    buffers.push(startOfPart(at === 0 ? message : undefined, hasMore, part.length), part)
    at += part.length
  } while (at < bytes.length)
  return buffers
}

/**
 * Encodes a message as the buffers of its frames, which are sent in this order. Fails with `FrameTooLong` for a control
 * message beyond the limit of a frame, and with `PacketTooLong` for a packet or result of more than `maxPacketBytes`.
 *
 * @category encoding
 * @since 0.1.0
 */
export const encode = (
  message: Message,
  maxPacketBytes: number = defaultMaxPacketBytes
): Result.Result<ReadonlyArray<Uint8Array>, ProtocolError> => {
  if (message._tag === "Work" || message._tag === "Done") {
    const bytes = message._tag === "Work" ? message.packet : message.result
    return bytes.length > maxPacketBytes
      ? failure(new PacketTooLong({ length: bytes.length, max: maxPacketBytes }))
      : Result.succeed(encodeParts(message, bytes))
  }
  const payload = encoder.encode(JSON.stringify(message))
  const max = frameLimitBytes.session
  if (payload.length > max) return failure(new FrameTooLong({ length: payload.length, max }))
  const frame = new Uint8Array(headerBytes + payload.length)
  new DataView(frame.buffer).setUint32(0, payload.length)
  frame.set(payload, headerBytes)
  return Result.succeed([frame])
}

/** Encodes a message that is always within the limits. Throws for another one. @category encoding @since 0.1.0 */
export const encodeUnsafe = (message: Message): Uint8Array => Bytes.concat(Result.getOrThrow(encode(message)))

const decodeControlMessage = Schema.decodeUnknownResult(Control)

const decodeControl = (payload: Uint8Array): Result.Result<Message, ProtocolError> => {
  try {
    const value: unknown = JSON.parse(new TextDecoder("utf-8", { fatal: true }).decode(payload))
    const message = decodeControlMessage(value)
    return Result.isSuccess(message) ? Result.succeed(message.success) : malformed(message.failure)
  } catch (cause) {
    return malformed(cause)
  }
}

/** A packet or result of which parts are missing. */
interface Partial {
  readonly first: PacketMessage
  readonly parts: ReadonlyArray<Uint8Array>
  readonly bytes: number
}

/** Reads the first part of a packet or result. */
const decodeFirst = (kind: number, frame: Uint8Array): Partial | undefined => {
  const tag = kind === kinds.Work ? "Work" : kind === kinds.Done ? "Done" : undefined
  if (tag === undefined || frame.length < 1 + fieldBytes[tag]) return undefined
  const view = new DataView(frame.buffer, frame.byteOffset, frame.length)
  const id = view.getUint32(1)
  // The frame is a view of the buffer of the decoder, which is used again.
  const part = frame.slice(1 + fieldBytes[tag])
  if (tag === "Work") return { first: { _tag: tag, id, packet: part }, parts: [part], bytes: part.length }
  const millis = view.getFloat64(5)
  return millis >= 0 && Number.isFinite(millis)
    ? { first: { _tag: tag, id, result: part, millis }, parts: [part], bytes: part.length }
    : undefined
}

const whole = ({ first, parts }: Partial): Message => {
  if (parts.length === 1) return first
  const bytes = Bytes.concat(parts)
  return first._tag === "Work" ? { ...first, packet: bytes } : { ...first, result: bytes }
}

/** The limits of a decoder. @category models @since 0.1.0 */
export interface Limits {
  readonly frameBytes: number
  readonly packetBytes: number
}

/** The limits during the handshake. */
const handshakeLimits: Limits = { frameBytes: frameLimitBytes.handshake, packetBytes: frameLimitBytes.handshake }

/** An incremental decoder of frames. @category models @since 0.1.0 */
export interface Decoder {
  /** Adds bytes and returns the messages that they complete. After an error it returns that error only. */
  readonly push: (bytes: Uint8Array) => Result.Result<ReadonlyArray<Message>, ProtocolError>
  /** Sets the limits for the frames that follow. */
  readonly setLimits: (limits: Limits) => void
}

/** Makes a decoder of messages from whole frames, which keeps the parts of one packet. */
const messageDecoder = () => {
  let partial: Partial | undefined
  return (frame: Uint8Array, maxPacketBytes: number): Result.Result<Message | undefined, ProtocolError> => {
    const [start = 0] = frame
    if (start === jsonByte) return decodeControl(frame)
    const kind = start & ~kinds.more
    if ((kind === kinds.rest) !== (partial !== undefined)) return malformed(`a part of kind ${kind} out of order`)
    const current: Partial | undefined =
      partial === undefined
        ? decodeFirst(kind, frame)
        : { ...partial, parts: [...partial.parts, frame.slice(1)], bytes: partial.bytes + frame.length - 1 }
    if (current === undefined) return malformed(`an unknown or incomplete frame (first byte ${start})`)
    if (current.bytes > maxPacketBytes) {
      return failure(new PacketTooLong({ length: current.bytes, max: maxPacketBytes }))
    }
    const hasMore = (start & kinds.more) !== 0
    partial = hasMore ? current : undefined
    return Result.succeed(hasMore ? undefined : whole(current))
  }
}

/**
 * Makes a decoder, which buffers at most twice the bytes of a frame, and one packet or result.
 *
 * @category decoding
 * @since 0.1.0
 */
export const decoder = (initialLimits: Limits = handshakeLimits): Decoder => {
  const decodeFrame = messageDecoder()
  let limits = initialLimits
  let buffer = new Uint8Array(512)
  let bufferedBytes = 0
  let failed: Result.Result<ReadonlyArray<Message>, ProtocolError> | undefined

  const append = (bytes: Uint8Array) => {
    if (bufferedBytes + bytes.length > buffer.length) {
      const larger = new Uint8Array(Math.max(bufferedBytes + bytes.length, 2 * buffer.length))
      larger.set(buffer.subarray(0, bufferedBytes))
      buffer = larger
    }
    buffer.set(bytes, bufferedBytes)
    bufferedBytes += bytes.length
  }
  const push = (bytes: Uint8Array): Result.Result<ReadonlyArray<Message>, ProtocolError> => {
    append(bytes)
    const view = new DataView(buffer.buffer)
    const messages: Array<Message> = []
    let at = 0
    while (bufferedBytes - at >= headerBytes) {
      const length = view.getUint32(at)
      if (length > limits.frameBytes) return failure(new FrameTooLong({ length, max: limits.frameBytes }))
      if (bufferedBytes - at < headerBytes + length) break
      const frame = buffer.subarray(at + headerBytes, at + headerBytes + length)
      const message = decodeFrame(frame, limits.packetBytes)
      if (Result.isFailure(message)) return Result.fail(message.failure)
      if (message.success !== undefined) messages.push(message.success)
      at += headerBytes + length
    }
    const rest = buffer.subarray(at, bufferedBytes)
    if (buffer.length > 1 << 18 && rest.length < buffer.length / 4) buffer = new Uint8Array(2 * rest.length + 512)
    buffer.set(rest)
    bufferedBytes = rest.length
    return Result.succeed(messages)
  }
  return {
    push: (bytes) => {
      if (failed !== undefined) return failed
      const result = push(bytes)
      if (Result.isFailure(result)) failed = result
      return result
    },
    setLimits: (next) => {
      limits = next
    }
  }
}
