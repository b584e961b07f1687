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
 *    | <-------------- Working, Done, Failed, Stopped, Pong    |
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
 * ```
 *
 * Every `Work` ends with exactly one `Done`, `Failed` or `Stopped` with its id; a result that is too long is a
 * `Failed`. A side that receives nothing for the `lease` of the `Hello` closes the connection, and the work on it is
 * lost.
 *
 * A shared key authenticates both sides during the handshake (see `Auth`). Nothing is encrypted, and later messages are
 * not signed: use a tunnel across networks that others control.
 */
import * as Data from "effect/Data"
import * as Result from "effect/Result"
import * as Schema from "effect/Schema"

/** The version of the messages; preamble, frames and `Hello` are the same in all. @category constants @since 0.1.0 */
export const version = 1

/**
 * The first bytes that a farm sends. Read as a range of two little-endian int32, they begin and end below zero and end
 * before they begin. Clients of the course's protocol do not request such a range, so a server can tell the two apart.
 *
 * @category constants
 * @since 0.1.0
 */
export const preamble: Uint8Array = Uint8Array.of(0x45, 0x46, 0x49, 0xff, 0x4e, 0x45, 0x54, 0x80)

/**
 * The most bytes in a frame: during the handshake, and by default after it.
 *
 * @category constants
 * @since 0.1.0
 */
export const frameLimitBytes = { handshake: 4_096, session: 1 << 20 } as const

const Id = Schema.Natural
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

/** A message of either side. @category schemas @since 0.1.0 */
export const Message = Schema.Union([
  Hello,
  Schema.TaggedStruct("Challenge", { nonce: Schema.String }),
  Schema.TaggedStruct("Proof", { proof: Schema.String }),
  Welcome,
  Schema.TaggedStruct("Refused", {
    reason: Schema.Literals(["Version", "Job", "Key", "Busy", "Broken"]),
    message: Schema.String
  }),
  Schema.TaggedStruct("Work", { id: Id, packet: Schema.optionalKey(Schema.Unknown) }),
  Schema.TaggedStruct("Cancel", { ids: Schema.Array(Id) }),
  Schema.TaggedStruct("Done", { id: Id, result: Schema.optionalKey(Schema.Unknown), millis: Millis }),
  Schema.TaggedStruct("Failed", { id: Id, message: Schema.String }),
  Schema.TaggedStruct("Stopped", { id: Id }),
  /** These packets were begun, and are worked on still. */
  Schema.TaggedStruct("Working", { ids: Schema.Array(Id) }),
  Schema.TaggedStruct("Ping", {}),
  Schema.TaggedStruct("Pong", {})
])

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
  readonly reason: FrameTooLong | Malformed | Unexpected | Refused | Timeout
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

/**
 * Encodes a message as a frame. Fails with `Malformed` if it is not JSON, as with a bigint, and with `FrameTooLong`.
 *
 * @category encoding
 * @since 0.1.0
 */
export const encode = (
  message: Message,
  max: number = frameLimitBytes.session
): Result.Result<Uint8Array, ProtocolError> => {
  let text: string
  try {
    text = JSON.stringify(message)
  } catch (cause) {
    return malformed(cause)
  }
  const payload = encoder.encode(text)
  if (payload.length > max) return failure(new FrameTooLong({ length: payload.length, max }))
  const frame = new Uint8Array(headerBytes + payload.length)
  new DataView(frame.buffer).setUint32(0, payload.length)
  frame.set(payload, headerBytes)
  return Result.succeed(frame)
}

const decodeMessage = Schema.decodeUnknownResult(Message)

/** Decodes the payload of a frame. @category decoding @since 0.1.0 */
export const decode = (payload: Uint8Array): Result.Result<Message, ProtocolError> => {
  try {
    const value: unknown = JSON.parse(new TextDecoder("utf-8", { fatal: true }).decode(payload))
    const message = decodeMessage(value)
    return Result.isSuccess(message) ? Result.succeed(message.success) : malformed(message.failure)
  } catch (cause) {
    return malformed(cause)
  }
}

/** An incremental decoder of frames. @category models @since 0.1.0 */
export interface Decoder {
  /** Adds bytes and returns the messages that they complete. After an error it returns that error only. */
  readonly push: (bytes: Uint8Array) => Result.Result<ReadonlyArray<Message>, ProtocolError>
  /** Sets the limit for the frames that follow. */
  readonly setMaxFrameBytes: (max: number) => void
}

/** Makes a decoder, which buffers at most twice the bytes of a frame. @category decoding @since 0.1.0 */
export const decoder = (max: number = frameLimitBytes.handshake): Decoder => {
  let maxFrameBytes = max
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
      if (length > maxFrameBytes) return failure(new FrameTooLong({ length, max: maxFrameBytes }))
      if (bufferedBytes - at < headerBytes + length) break
      const message = decode(buffer.subarray(at + headerBytes, at + headerBytes + length))
      if (Result.isFailure(message)) return Result.fail(message.failure)
      messages.push(message.success)
      at += headerBytes + length
    }
    const rest = buffer.subarray(at, bufferedBytes)
    if (buffer.length > 1 << 16 && rest.length < buffer.length / 4) buffer = new Uint8Array(2 * rest.length + 512)
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
    setMaxFrameBytes: (max) => {
      maxFrameBytes = max
    }
  }
}
