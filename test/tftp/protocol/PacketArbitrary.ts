/** Generators of valid packets, and of packets changed by a faulty network or peer. */
import * as Arbitrary from "effect/Arbitrary"
import * as Schema from "effect/Schema"
import * as NameText from "../../../src/tftp/protocol/NameText.ts"
import * as Packet from "../../../src/tftp/protocol/Packet.ts"
import * as CorruptedPacket from "../../support/CorruptedPacket.ts"

const to = (maximum: number) => Schema.Int.check(Schema.isBetween({ minimum: 0, maximum }))

/** Generates bytes, significant ones more often. */
const byte = Arbitrary.map(Arbitrary.all([Arbitrary.schema(to(0xff)), Arbitrary.schema(to(3))]), ([byte, choice]) =>
  choice === 0 ? byte & 7 : byte
)

export const bytes = (maxLength: number) =>
  Arbitrary.map(Arbitrary.array(byte, { maxLength }), (bytes) => Uint8Array.from(bytes))

/** Generates text that a packet may contain, of at most 20 characters. */
export const line = Arbitrary.map(Arbitrary.schema(Schema.String), (text) =>
  text
    .slice(0, 20)
    .toWellFormed()
    .replaceAll(/\p{Cc}/gu, "")
)

const word = Arbitrary.map(line, (text) => `x${text}`)

/** Generates names of any bytes but NUL. */
const name = Arbitrary.map(bytes(20), (bytes) => `x${NameText.fromBytes(bytes.filter((byte) => byte !== 0))}`)

const word16 = to(0xffff)

const options = Arbitrary.array(Arbitrary.all([word, line]), { maxLength: 3 })

const requests = Arbitrary.map(
  Arbitrary.all([
    Arbitrary.schema(Schema.Literals(["RRQ", "WRQ"])),
    name,
    Arbitrary.schema(Schema.Literals(["octet", "netascii"])),
    options
  ]),
  ([_tag, filename, mode, options]): Packet.Packet => ({ _tag, filename, mode, options })
)
const blocks = Arbitrary.map(
  Arbitrary.all([Arbitrary.schema(word16), bytes(80)]),
  ([block, bytes]): Packet.Packet => ({ _tag: "DATA", block, bytes })
)
const acks = Arbitrary.map(Arbitrary.schema(word16), (block): Packet.Packet => ({ _tag: "ACK", block }))
const failures = Arbitrary.map(
  Arbitrary.all([Arbitrary.schema(word16), line]),
  ([code, message]): Packet.Packet => ({ _tag: "ERROR", code, message })
)
const optionAcks = Arbitrary.map(options, (options): Packet.Packet => ({ _tag: "OACK", options }))

/** Generates packets of all kinds, with equal frequency. */
export const packets: Arbitrary.Arbitrary<Packet.Packet> = Arbitrary.flatMap(
  Arbitrary.schema(to(4)),
  (kind) => [requests, blocks, acks, failures, optionAcks].at(kind)!
)

/** Generates packets with a few bytes changed, removed or inserted. */
export const mutated = CorruptedPacket.mutated(
  Arbitrary.map(packets, Packet.encode),
  Arbitrary.all([Arbitrary.schema(to(2)), Arbitrary.schema(word16), byte])
)
