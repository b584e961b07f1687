/** What a peer says of itself: its present payload, as the next packet, signed where there is a key. */
import * as Clock from "effect/Clock"
import * as Effect from "effect/Effect"
import { identity } from "effect/Function"
import * as Result from "effect/Result"
import * as Schema from "effect/Schema"
import type * as Hmac from "../../network/Hmac.ts"
import { printable } from "../../network/TerminalText.ts"
import type { Identity } from "../Identity.ts"
import type { Dialect, Heartbeat } from "../Peer.ts"
import { StatusError } from "../StatusError.ts"
import * as CoursePacket from "./CoursePacket.ts"
import * as StatusPacket from "./StatusPacket.ts"

/** How the course's two numbers and a payload become each other. */
export interface Course<A> {
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
  readonly course?: Course<A> | undefined
  /** Milliseconds, as asked for. */
  readonly interval: number
}

/** One who has something to say. */
interface Voice<A> {
  /** Reads what any peer says, or says why that cannot be done. Never throws, whatever the schema does. */
  readonly decode: (payload: Uint8Array, dialect: Dialect) => Result.Result<A, string>
  readonly hasGoodbye: boolean
  /** The next packet, as bytes and as others will take it; the interval is in milliseconds. */
  readonly say: (
    interval: number,
    goodbye: boolean
  ) => Effect.Effect<{ readonly bytes: Uint8Array; readonly beat: Omit<Heartbeat, "from"> }>
  /** Says something else from now on. */
  readonly publish: (payload: A) => Effect.Effect<void, StatusError>
}

/** Sequences have 32 bits: after so many packets a peer begins another life, rather than none at all. */
const turn = 2 ** 32

/** Characters of a complaint about a payload; what a peer wrote may be in it. */
const most = 200

const encoder = new TextEncoder()
const decoder = new TextDecoder("utf-8", { fatal: true })

const oneLine = (message: string) => message.replaceAll(/\s+/g, " ")

const fail = (reason: StatusError["reason"], message: string) =>
  Effect.fail(new StatusError({ reason, message: oneLine(message) }))

const limit = StatusPacket.limits.payload

const bytesLong = (count: number) => `${count.toLocaleString("en-US")} bytes`

/** Fails for what no packet can carry, and names it. */
export const make = Effect.fnUntraced(function* <A>(options: Options<A>): Effect.fn.Return<Voice<A>, StatusError> {
  const { cluster, course, identity: life, key, name } = options
  const json = Schema.toCodecJson(options.schema)
  const encode = Schema.encodeUnknownResult(json)
  const read = Schema.decodeUnknownResult(json) as (input: unknown) => Result.Result<A, Schema.SchemaError>
  const sends = course?.send === true ? course : undefined
  if (key !== undefined && sends !== undefined) {
    return yield* fail("Option", "packets of the course cannot be signed: leave out the key")
  }
  if (/[\p{Cc}\p{Cs}]/u.test(name + cluster)) {
    const found = printable(`${name} ${cluster}`.trim().toWellFormed())
    return yield* fail("Option", `a name must have no control characters and no half characters: ${found}`)
  }

  const parse = (payload: Uint8Array): Result.Result<A, string> => {
    const text = Result.try(() => JSON.parse(decoder.decode(payload)) as unknown)
    if (Result.isFailure(text)) return Result.fail("not JSON")
    return Result.mapError(read(text.success), ({ message }) => message)
  }
  const place = (payload: Uint8Array): Result.Result<A, string> => {
    const packet = CoursePacket.decode(payload)
    return packet === undefined || course === undefined
      ? Result.fail("not a packet of the course")
      : Result.succeed(course.from(packet))
  }
  const readers = { course: place, "effect-inet": parse }
  const decode: Voice<A>["decode"] = (payload, dialect) => {
    // What an app's schema or function throws, a peer has provoked.
    const tried = Result.try({ try: () => readers[dialect](payload), catch: String })
    return Result.mapError(Result.flatMap(tried, identity), (why) =>
      printable(oneLine(why).slice(0, most).toWellFormed())
    )
  }

  const packetOf = (payload: Uint8Array, count: number, interval: number, time: number, goodbye: boolean) => ({
    cluster,
    id: life.id,
    name,
    incarnation: life.incarnation + Math.floor(count / turn),
    sequence: count % turn,
    interval,
    time,
    goodbye,
    payload
  })

  /** A payload as bytes, once it is sure that they fit into a packet. */
  const weigh = Effect.fnUntraced(function* (payload: A) {
    const encoded = encode(payload)
    if (Result.isFailure(encoded)) return yield* fail("Payload", encoded.failure.message)
    if (sends !== undefined) {
      const packet = CoursePacket.encode({ name, ...sends.to(payload) })
      if (Result.isSuccess(packet)) return packet.success
      return yield* fail(packet.failure.reason === "Number" ? "Payload" : "Option", packet.failure.message)
    }
    const bytes = encoder.encode(JSON.stringify(encoded.success))
    const packet = StatusPacket.encode(packetOf(bytes, 0, options.interval, 0, false), key !== undefined)
    if (Result.isSuccess(packet)) return bytes
    return packet.failure.reason === "Oversized"
      ? yield* fail("Payload", `the payload has ${bytesLong(bytes.length)} as JSON: ${bytesLong(limit)} always fit`)
      : yield* fail("Option", packet.failure.message)
  })

  let present = yield* weigh(options.payload)
  let said = 0

  /** What has been tried with `weigh` cannot fail any more. */
  const say: Voice<A>["say"] = Effect.fnUntraced(function* (interval, goodbye) {
    const time = Math.floor(Math.max(0, yield* Clock.currentTimeMillis))
    const packet = packetOf(present, ++said, interval, time, goodbye)
    if (sends !== undefined) {
      return { bytes: present, beat: { ...packet, dialect: "course", incarnation: 0, sequence: undefined } }
    }
    const { bytes, covered } = Result.getOrThrow(StatusPacket.encode(packet, key !== undefined))
    if (key !== undefined) bytes.set(yield* key.sign(bytes.subarray(0, covered)), covered)
    return { bytes, beat: { ...packet, dialect: "effect-inet" } }
  })

  return {
    decode,
    hasGoodbye: sends === undefined,
    say,
    publish: Effect.fnUntraced(function* (payload) {
      present = yield* weigh(payload)
    })
  }
})
