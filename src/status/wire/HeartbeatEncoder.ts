/** Encodes and signs a peer's own heartbeats. */
import * as Clock from "effect/Clock"
import * as Effect from "effect/Effect"
import { identity } from "effect/Function"
import * as Result from "effect/Result"
import * as Schema from "effect/Schema"
import type * as Hmac from "../../network/Hmac.ts"
import * as TerminalText from "../../network/TerminalText.ts"
import type { Identity } from "../Identity.ts"
import type { Dialect, Heartbeat } from "../Peer.ts"
import { StatusError } from "../StatusError.ts"
import * as CoursePacket from "./CoursePacket.ts"
import * as StatusPacket from "./StatusPacket.ts"

/** Conversion between the course's two numbers and a payload. */
export interface CourseFormat<A> {
  readonly from: (place: { readonly x: number; readonly y: number }) => A
  readonly to: (payload: A) => { readonly x: number; readonly y: number }
  /** Sends the course's packets, which have no goodbye and no signature. Default false. */
  readonly send?: boolean | undefined
}

interface Options<A> {
  readonly name: string
  readonly cluster: string
  readonly identity: Identity
  readonly key: Hmac.Hmac | undefined
  readonly schema: Schema.Codec<A, unknown>
  readonly payload: A
  readonly course?: CourseFormat<A> | undefined
  /** Requested interval in milliseconds. */
  readonly interval: number
}

/** An encoder of heartbeats with a current payload. */
export interface HeartbeatEncoder<A> {
  /** Decodes the payload of any peer; fails with the reason. Never throws, even if the schema does. */
  readonly decode: (payload: Uint8Array, dialect: Dialect) => Result.Result<A, string>
  readonly sendsGoodbye: boolean
  /** Returns the next packet, as bytes and as a heartbeat for the own table. The interval is in milliseconds. */
  readonly nextPacket: (
    interval: number,
    goodbye: boolean
  ) => Effect.Effect<{ readonly bytes: Uint8Array; readonly heartbeat: Omit<Heartbeat, "from"> }>
  /** Replaces the payload. */
  readonly publish: (payload: A) => Effect.Effect<void, StatusError>
}

/** Packets of one incarnation: sequence numbers have 32 bits, so the next packet begins a new incarnation. */
const sequenceModulus = 2 ** 32

/** Length of a decoding error, which may quote a peer's text. */
const maxReasonChars = 200

const encoder = new TextEncoder()
const decoder = new TextDecoder("utf-8", { fatal: true })

const oneLine = (message: string) => message.replaceAll(/\s+/g, " ")

const fail = (reason: StatusError["reason"], message: string) =>
  Effect.fail(new StatusError({ reason, message: oneLine(message) }))

const maxPayloadBytes = StatusPacket.limits.payloadBytes

const formatByteCount = (count: number) => `${count.toLocaleString("en-US")} bytes`

/** Makes the decoder of payloads in both dialects. */
const makeDecode = <A>(
  schema: Schema.Codec<unknown, unknown>,
  course: CourseFormat<A> | undefined
): HeartbeatEncoder<A>["decode"] => {
  const decodeJson = Schema.decodeUnknownResult(schema) as (input: unknown) => Result.Result<A, Schema.SchemaError>
  const parsers = {
    course: (payload: Uint8Array): Result.Result<A, string> => {
      const packet = CoursePacket.decode(payload)
      return packet === undefined || course === undefined
        ? Result.fail("not a packet of the course's format")
        : Result.succeed(course.from(packet))
    },
    "effect-inet": (payload: Uint8Array): Result.Result<A, string> => {
      const text = Result.try(() => JSON.parse(decoder.decode(payload)) as unknown)
      if (Result.isFailure(text)) return Result.fail("not JSON")
      return Result.mapError(decodeJson(text.success), ({ message }) => message)
    }
  }
  return (payload, dialect) => {
    // The app's schema or function may throw on a peer's input.
    const tried = Result.try({ try: () => parsers[dialect](payload), catch: String })
    return Result.mapError(Result.flatMap(tried, identity), (why) =>
      TerminalText.escape(oneLine(why).slice(0, maxReasonChars).toWellFormed())
    )
  }
}

/** Makes an encoder. Fails if the name, another option or the payload does not fit into a packet. */
export const make = Effect.fnUntraced(function* <A>(
  options: Options<A>
): Effect.fn.Return<HeartbeatEncoder<A>, StatusError> {
  const { cluster, course, identity: ownIdentity, key, name } = options
  const jsonCodec = Schema.toCodecJson(options.schema)
  const encode = Schema.encodeUnknownResult(jsonCodec)
  const courseToSend = course?.send === true ? course : undefined
  if (key !== undefined && courseToSend !== undefined) {
    return yield* fail("InvalidOption", "the course's packets cannot be signed: leave out the key")
  }
  if (/[\p{Cc}\p{Cs}]/u.test(name + cluster)) {
    const found = TerminalText.escape(`${name} ${cluster}`.trim().toWellFormed())
    return yield* fail("InvalidOption", `a name must not contain control characters or lone surrogates: ${found}`)
  }

  const makePacket = (payload: Uint8Array, count: number, interval: number, time: number, goodbye: boolean) => ({
    cluster,
    id: ownIdentity.id,
    name,
    incarnation: ownIdentity.incarnation + Math.floor(count / sequenceModulus),
    sequence: count % sequenceModulus,
    interval,
    time,
    goodbye,
    payload
  })

  /** Encodes a payload; fails if it does not fit into a packet. */
  const encodePayload = Effect.fnUntraced(function* (payload: A) {
    const encoded = encode(payload)
    if (Result.isFailure(encoded)) return yield* fail("InvalidPayload", encoded.failure.message)
    if (courseToSend !== undefined) {
      const packet = CoursePacket.encode({ name, ...courseToSend.to(payload) })
      if (Result.isSuccess(packet)) return packet.success
      return yield* fail(
        packet.failure.reason === "Number" ? "InvalidPayload" : "InvalidOption",
        packet.failure.message
      )
    }
    const bytes = encoder.encode(JSON.stringify(encoded.success))
    const packet = StatusPacket.encode(makePacket(bytes, 0, options.interval, 0, false), key !== undefined)
    if (Result.isSuccess(packet)) return bytes
    return packet.failure.reason === "Oversized"
      ? yield* fail(
          "InvalidPayload",
          `payload too large: ${formatByteCount(bytes.length)} as JSON; up to ${formatByteCount(maxPayloadBytes)} always fit`
        )
      : yield* fail("InvalidOption", packet.failure.message)
  })

  let payloadBytes = yield* encodePayload(options.payload)
  let packetsSent = 0

  /** The encoding cannot fail here: `encodePayload` has checked it. */
  const nextPacket: HeartbeatEncoder<A>["nextPacket"] = Effect.fnUntraced(function* (interval, goodbye) {
    const time = Math.floor(Math.max(0, yield* Clock.currentTimeMillis))
    const packet = makePacket(payloadBytes, ++packetsSent, interval, time, goodbye)
    if (courseToSend !== undefined) {
      return { bytes: payloadBytes, heartbeat: { ...packet, dialect: "course", incarnation: 0, sequence: undefined } }
    }
    const { bytes, covered } = Result.getOrThrow(StatusPacket.encode(packet, key !== undefined))
    if (key !== undefined) bytes.set(yield* key.sign(bytes.subarray(0, covered)), covered)
    return { bytes, heartbeat: { ...packet, dialect: "effect-inet" } }
  })

  return {
    decode: makeDecode(jsonCodec, course),
    sendsGoodbye: courseToSend === undefined,
    nextPacket,
    publish: Effect.fnUntraced(function* (payload) {
      payloadBytes = yield* encodePayload(payload)
    })
  }
})
