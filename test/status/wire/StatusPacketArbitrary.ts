/** Valid status packets, and their corruptions by a faulty network or peer. */
import * as Arbitrary from "effect/Arbitrary"
import * as Result from "effect/Result"
import * as Schema from "effect/Schema"
import * as StatusPacket from "../../../src/status/wire/StatusPacket.ts"
import * as CorruptedPacket from "../../support/CorruptedPacket.ts"

const between = (minimum: number, maximum: number) =>
  Arbitrary.schema(Schema.Int.check(Schema.isBetween({ minimum, maximum })))

const encoder = new TextEncoder()

/** Text of at most `most` bytes, with characters of one to four bytes. */
const text = (most: number) =>
  Arbitrary.map(
    Arbitrary.all([
      Arbitrary.schema(Schema.String),
      Arbitrary.array(
        Arbitrary.schema(Schema.Literals(["a", "ß", "\u0000", "\u001b", "日", "🖧", "\ufeff", "\ufffd"])),
        {
          maxLength: 70
        }
      )
    ]),
    ([any, chars]) => {
      let fits = ""
      for (const char of [...any.toWellFormed(), ...chars]) {
        if (encoder.encode(fits + char).length > most) break
        fits += char
      }
      return fits
    }
  )

const bytes = (maxLength: number) =>
  Arbitrary.map(Arbitrary.array(between(0, 255), { maxLength }), (bytes) => Uint8Array.from(bytes))

/** Arbitrary datagrams: mostly noise, some with a valid beginning. */
export const datagrams = Arbitrary.map(
  Arbitrary.all([bytes(120), Arbitrary.schema(Schema.Boolean)]),
  ([bytes, hasMagic]) => {
    if (hasMagic) bytes.set([0, 0x45, 0x49, 0x53, 1].slice(0, bytes.length))
    return bytes
  }
)

const id = Arbitrary.map(
  Arbitrary.array(Arbitrary.schema(Schema.Literals([..."0123456789abcdef"])), { minLength: 15, maxLength: 15 }),
  (digits) => `${digits.join("")}1`
)

const count = (most: number) =>
  Arbitrary.map(Arbitrary.all([between(0, most), between(0, 9)]), ([any, choice]) =>
    choice === 0 ? 0 : choice === 1 ? most : any
  )

export const packets: Arbitrary.Arbitrary<StatusPacket.StatusPacket> = Arbitrary.map(
  Arbitrary.all([
    Arbitrary.all([text(63), id, Arbitrary.map(text(62), (text) => `n${text}`)]),
    Arbitrary.all([count(Number.MAX_SAFE_INTEGER), count(2 ** 32 - 1), between(10, 3_600_000)]),
    Arbitrary.all([count(Number.MAX_SAFE_INTEGER), Arbitrary.schema(Schema.Boolean), bytes(200)])
  ]),
  ([[cluster, id, name], [incarnation, sequence, interval], [time, goodbye, payload]]) => ({
    cluster,
    id,
    name,
    incarnation,
    sequence,
    interval,
    time,
    goodbye,
    payload
  })
)

export const encoded = (packet: StatusPacket.StatusPacket, signed = false) =>
  Result.getOrThrow(StatusPacket.encode(packet, signed)).bytes

/** Valid packets as bytes, half of them with a random signature. */
export const valid: Arbitrary.Arbitrary<Uint8Array> = Arbitrary.map(
  Arbitrary.all([packets, Arbitrary.schema(Schema.Boolean), between(0, 255)]),
  ([packet, signed, noise]) => {
    const bytes = encoded(packet, signed)
    return signed ? bytes.fill(noise, bytes.length - StatusPacket.signatureBytes) : bytes
  }
)

/** Packets with a few bytes changed, removed or inserted. */
export const mutated = CorruptedPacket.mutated(
  valid,
  Arbitrary.all([between(0, 2), between(0, 0xffff), between(0, 255)])
)
