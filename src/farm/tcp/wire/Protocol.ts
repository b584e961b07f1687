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
 *    | <------ Done, Failed, Stopped, Working, Threads, Pong   |
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
 * A packet or result longer than 256 KiB is sent in parts of 256 KiB and a last one: the first byte of every frame but
 * the last has the bit 0x80. Its bytes are derived from the schemas of the job (see `PayloadCodec`).
 *
 * Every `Work` ends with exactly one `Done`, `Failed` or `Stopped` with its id; a result that is too long is a
 * `Failed`. `Working` names the packets that are being worked on: whenever these change, and once a second. `Threads`
 * follows when the server has more threads than it said before. `Pong` answers a `Ping`, and once a second the bytes of
 * a long packet that is still arriving. A side that receives no bytes for the `lease` of the `Hello` closes the
 * connection, and the work on it is lost.
 *
 * The farm has at most `capacity` packets for each thread in flight, and at most `maxInFlightBytes` bytes of packets,
 * or one packet that is longer. A packet is in flight until its outcome.
 *
 * With a shared key both sides authenticate each other during the handshake (see `Auth`), and everything after the
 * `Welcome` is sealed (see `SealedConnection`). Without one, nothing is encrypted or signed.
 */
import * as Bytes from "effect/Bytes"
import * as Result from "effect/Result"
import * as Schema from "effect/Schema"
import { ErrorText } from "../../FarmError.ts"
import * as FrameReader from "./FrameReader.ts"
import { FrameTooLong, Malformed, PacketTooLong, ProtocolError, singleLine } from "./ProtocolError.ts"

/** The version of the messages; preamble, frames and `Hello` are the same in all. @category constants @since 0.1.0 */
export const version = 3

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

/** The most bytes of packets in flight from one farm, by default. @category constants @since 0.1.0 */
export const defaultMaxInFlightBytes: number = 64 << 20

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

/** The most threads of a server, and packets in flight for each. @category constants @since 0.1.0 */
export const maxima = { threads: 1_024, capacity: 65_536 } as const

const Threads = Schema.Int.check(Schema.isBetween({ minimum: 1, maximum: maxima.threads }))

const Welcome = Schema.TaggedStruct("Welcome", {
  threads: Threads,
  /** Packets that the farm may have in flight for each thread. */
  capacity: Schema.Int.check(Schema.isBetween({ minimum: 1, maximum: maxima.capacity })),
  /** Bytes of packets that the farm may have in flight. */
  maxInFlightBytes: Schema.Int.check(Schema.isGreaterThanOrEqualTo(1)),
  proof: optionalText
})

/** A packet for the server. @category schemas @since 0.1.0 */
export const Work = Schema.TaggedStruct("Work", { id: Id, packet: Schema.Uint8Array })

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
  Schema.TaggedStruct("Threads", { threads: Threads }),
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

const failure = (reason: ProtocolError["reason"]) => Result.fail(new ProtocolError({ reason }))

const malformed = (cause: unknown) =>
  failure(new Malformed({ detail: singleLine(cause instanceof Error ? cause.message : String(cause)) }))

const encoder = new TextEncoder()
const { headerBytes } = FrameReader

/** The first byte of a JSON frame. */
const jsonByte = "{".charCodeAt(0)

/** The first byte of the other frames, and its bit for a part that another one follows. */
const kinds = { Work: 0x01, Done: 0x02, rest: 0x03, more: 0x80 } as const

/** The bytes between the first one and the packet or result. */
const fieldBytes = { Work: 4, Done: 12, rest: 0 } as const

/** The bytes of every part but the last: many small parts would take more memory than their bytes. */
const partBytes = 1 << 18

/** The fields of a message with a packet or a result. */
type PacketFields = Omit<typeof Work.Type, "packet"> | Omit<typeof Done.Type, "result">

/** Makes the start of a frame: its length, its kind, and the fields of the first part. */
const startOfPart = (message: PacketFields | undefined, hasMore: boolean, length: number) => {
  const kind = message?._tag ?? "rest"
  const start = new Uint8Array(headerBytes + 1 + fieldBytes[kind])
  const view = new DataView(start.buffer)
  view.setUint32(0, start.length - headerBytes + length)
  view.setUint8(headerBytes, kinds[kind] | (hasMore ? kinds.more : 0))
  if (message !== undefined) view.setUint32(headerBytes + 1, message.id)
  if (message?._tag === "Done") view.setFloat64(headerBytes + 5, message.millis)
  return start
}

/** Cuts buffers into the parts of a packet or result. */
const encodeParts = (fields: PacketFields, buffers: ReadonlyArray<Uint8Array>, bytes: number) => {
  const frames: Array<Uint8Array> = []
  let next = 0
  let offset = 0
  let left = bytes
  do {
    const length = Math.min(left, partBytes)
    const isFirst = left === bytes
    left -= length
    frames.push(startOfPart(isFirst ? fields : undefined, left > 0, length))
    for (let missing = length; missing > 0; ) {
      const buffer = buffers[next]!
      const piece = buffer.subarray(offset, offset + missing)
      if (piece.length > 0) frames.push(piece)
      missing -= piece.length
      offset += piece.length
      if (offset < buffer.length) continue
      next++
      offset = 0
    }
  } while (left > 0)
  return frames
}

/**
 * Encodes a packet or result, given as buffers, as the buffers of its frames, which are sent in this order. Fails with
 * `PacketTooLong` for one of more than `maxPacketBytes`.
 *
 * @category encoding
 * @since 0.1.0
 */
export const encodePacket = (
  fields: PacketFields,
  buffers: ReadonlyArray<Uint8Array>,
  maxPacketBytes: number = defaultMaxPacketBytes
): Result.Result<ReadonlyArray<Uint8Array>, ProtocolError> => {
  const length = lengthOf(buffers)
  return length > maxPacketBytes
    ? failure(new PacketTooLong({ length, max: maxPacketBytes }))
    : Result.succeed(encodeParts(fields, buffers, length))
}

/** Returns the bytes of buffers together. @category getters @since 0.1.0 */
export const lengthOf = (buffers: ReadonlyArray<Uint8Array>): number =>
  buffers.reduce((sum, { length }) => sum + length, 0)

/**
 * Encodes a message as the buffers of its frames, which are sent in this order. Fails with `FrameTooLong` for a control
 * message beyond the limit of a frame, and with `PacketTooLong` for a packet or result beyond the default limit.
 *
 * @category encoding
 * @since 0.1.0
 */
export const encode = (message: Message): Result.Result<ReadonlyArray<Uint8Array>, ProtocolError> => {
  if (message._tag === "Work") return encodePacket(message, [message.packet])
  if (message._tag === "Done") return encodePacket(message, [message.result])
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

const utf8 = new TextDecoder("utf-8", { fatal: true })

const decodeControl = (payload: Uint8Array): Result.Result<Message, ProtocolError> => {
  try {
    const value: unknown = JSON.parse(utf8.decode(payload))
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
  const part = frame.subarray(1 + fieldBytes[tag])
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

/** An incremental decoder of messages. After an error it returns that error only. @category models @since 0.1.0 */
export interface Decoder {
  /** Adds bytes, which belong to the decoder from then on. */
  readonly append: (bytes: Uint8Array) => void
  /** Decodes the next message, with the limits at this time; `undefined` if it is incomplete. */
  readonly next: () => Result.Result<Message | undefined, ProtocolError>
  /** Adds bytes and returns the messages that they complete. */
  readonly push: (bytes: Uint8Array) => Result.Result<ReadonlyArray<Message>, ProtocolError>
  /** Takes the bytes after the last message. */
  readonly takeUnread: () => Uint8Array
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
        : { ...partial, parts: [...partial.parts, frame.subarray(1)], bytes: partial.bytes + frame.length - 1 }
    if (current === undefined) return malformed(`an unknown or incomplete frame (first byte ${start})`)
    if (current.bytes > maxPacketBytes) {
      return failure(new PacketTooLong({ length: current.bytes, max: maxPacketBytes }))
    }
    const hasMore = (start & kinds.more) !== 0
    const { length } = current.parts.at(-1)!
    if (hasMore && length !== partBytes) return malformed(`a part of ${length} bytes (required ${partBytes})`)
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
  const reader = FrameReader.make()
  const decodeFrame = messageDecoder()
  let limits = initialLimits
  let failed: Result.Result<never, ProtocolError> | undefined

  const decodeNext = (): Result.Result<Message | undefined, ProtocolError> => {
    while (true) {
      const frame = reader.next(limits.frameBytes)
      if (Result.isFailure(frame) || frame.success === undefined)
        return frame as Result.Result<undefined, ProtocolError>
      const message = decodeFrame(frame.success, limits.packetBytes)
      if (Result.isFailure(message) || message.success !== undefined) return message
    }
  }
  const next = (): Result.Result<Message | undefined, ProtocolError> => {
    if (failed !== undefined) return failed
    const message = decodeNext()
    if (Result.isFailure(message)) failed = Result.fail(message.failure)
    return message
  }
  return {
    append: reader.append,
    next,
    push: (bytes) => {
      reader.append(bytes)
      const messages: Array<Message> = []
      while (true) {
        const message = next()
        if (Result.isFailure(message)) return Result.fail(message.failure)
        if (message.success === undefined) return Result.succeed(messages)
        messages.push(message.success)
      }
    },
    takeUnread: reader.takeUnread,
    setLimits: (next) => {
      limits = next
    }
  }
}
