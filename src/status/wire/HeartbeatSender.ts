/** What a peer says of itself: its present payload, as the next packet, signed where there is a key. */
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

/** How the course's two numbers and a payload become each other. */
export interface CourseFormat<A> {
  readonly from: (place: { readonly x: number; readonly y: number }) => A
  readonly to: (payload: A) => { readonly x: number; readonly y: number }
  /** Whether this peer writes packets of the course, which have no goodbye and no signature. Default false. */
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
  /** Milliseconds, as asked for. */
  readonly interval: number
}

/** One who has something to say. */
interface HeartbeatSender<A> {
  /** Reads what any peer says, or says why that cannot be done. Never throws, whatever the schema does. */
  readonly decode: (payload: Uint8Array, dialect: Dialect) => Result.Result<A, string>
  readonly sendsGoodbye: boolean
  /** The next packet, as bytes and as others will take it; the interval is in milliseconds. */
  readonly nextPacket: (
    interval: number,
    goodbye: boolean
  ) => Effect.Effect<{ readonly bytes: Uint8Array; readonly heartbeat: Omit<Heartbeat, "from"> }>
  /** Says something else from now on. */
  readonly publish: (payload: A) => Effect.Effect<void, StatusError>
}

/** Sequences have 32 bits: after so many packets a peer begins another life, rather than none at all. */
const sequenceModulus = 2 ** 32

/** Characters of a complaint about a payload; what a peer wrote may be in it. */
const maxReasonChars = 200

const encoder = new TextEncoder()
const decoder = new TextDecoder("utf-8", { fatal: true })

const oneLine = (message: string) => message.replaceAll(/\s+/g, " ")

const fail = (reason: StatusError["reason"], message: string) =>
  Effect.fail(new StatusError({ reason, message: oneLine(message) }))

const maxPayloadBytes = StatusPacket.limits.payloadBytes

const formatByteCount = (count: number) => `${count.toLocaleString("en-US")} bytes`

/** Fails for what no packet can carry, and names it. */
export const make = Effect.fnUntraced(function* <A>(
  options: Options<A>
): Effect.fn.Return<HeartbeatSender<A>, StatusError> {
  const { cluster, course, identity: ownIdentity, key, name } = options
  const jsonCodec = Schema.toCodecJson(options.schema)
  const encode = Schema.encodeUnknownResult(jsonCodec)
  const decodeJson = Schema.decodeUnknownResult(jsonCodec) as (input: unknown) => Result.Result<A, Schema.SchemaError>
  const courseToSend = course?.send === true ? course : undefined
  if (key !== undefined && courseToSend !== undefined) {
    return yield* fail("InvalidOption", "packets of the course cannot be signed: leave out the key")
  }
  if (/[\p{Cc}\p{Cs}]/u.test(name + cluster)) {
    const found = TerminalText.escape(`${name} ${cluster}`.trim().toWellFormed())
    return yield* fail("InvalidOption", `a name must have no control characters and no half characters: ${found}`)
  }

  const parseJson = (payload: Uint8Array): Result.Result<A, string> => {
    const text = Result.try(() => JSON.parse(decoder.decode(payload)) as unknown)
    if (Result.isFailure(text)) return Result.fail("not JSON")
    return Result.mapError(decodeJson(text.success), ({ message }) => message)
  }
  const parseCourse = (payload: Uint8Array): Result.Result<A, string> => {
    const packet = CoursePacket.decode(payload)
    return packet === undefined || course === undefined
      ? Result.fail("not a packet of the course")
      : Result.succeed(course.from(packet))
  }
  const parsers = { course: parseCourse, "effect-inet": parseJson }
  const decode: HeartbeatSender<A>["decode"] = (payload, dialect) => {
    // What an app's schema or function throws, a peer has provoked.
    const tried = Result.try({ try: () => parsers[dialect](payload), catch: String })
    return Result.mapError(Result.flatMap(tried, identity), (why) =>
      TerminalText.escape(oneLine(why).slice(0, maxReasonChars).toWellFormed())
    )
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

  /** A payload as bytes, once it is sure that they fit into a packet. */
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
          `the payload has ${formatByteCount(bytes.length)} as JSON: ${formatByteCount(maxPayloadBytes)} always fit`
        )
      : yield* fail("InvalidOption", packet.failure.message)
  })

  let payloadBytes = yield* encodePayload(options.payload)
  let packetsSent = 0

  /** What has been tried with `weigh` cannot fail any more. */
  const nextPacket: HeartbeatSender<A>["nextPacket"] = Effect.fnUntraced(function* (interval, goodbye) {
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
    decode,
    sendsGoodbye: courseToSend === undefined,
    nextPacket,
    publish: Effect.fnUntraced(function* (payload) {
      payloadBytes = yield* encodePayload(payload)
    })
  }
})
