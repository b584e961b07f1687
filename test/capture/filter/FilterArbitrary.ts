/** Generators of display filters over fields of all types, of packets with these fields, and of texts. */
import * as Arbitrary from "effect/Arbitrary"
import * as Schema from "effect/Schema"
import type { Expression, Operator, Range } from "../../../src/capture/filter/DisplayFilter.ts"
import type { Value } from "../../../src/capture/filter/FilterValue.ts"
import type { FieldTable, FieldType, FieldValue } from "../../../src/network/dissect/FieldDissector.ts"

const to = (maximum: number) => Arbitrary.schema(Schema.Int.check(Schema.isBetween({ minimum: 0, maximum })))

const oneOf = <A>(...all: ReadonlyArray<Arbitrary.Arbitrary<A>>): Arbitrary.Arbitrary<A> =>
  Arbitrary.flatMap(to(all.length - 1), (at) => all[at]!)

const pick = <const A>(...all: ReadonlyArray<A>): Arbitrary.Arbitrary<A> =>
  Arbitrary.map(to(all.length - 1), (at) => all[at]!)

/** Types of fields with values. */
const types = ["number", "boolean", "IPv4", "IPv6", "ethernet", "text", "bytes", "seconds"] as const
type ValueType = (typeof types)[number]

/** Two fields of each type, so that fields can be compared. */
const table: FieldTable = Object.fromEntries(
  types.flatMap((type) => ["a", "b"].map((end) => [`${type.toLowerCase()}.${end}`, [type, "generated"] as const]))
)

/** Names of the fields of a type. */
const namesOf = (type: FieldType) => [`${type.toLowerCase()}.a`, `${type.toLowerCase()}.b`] as const

/** Options with the generated fields, of a protocol without packets. */
export const options = { protocols: [{ name: "generated", fields: table }] }

/** Small bytes, so that values are often equal. */
const bytesOf = (length: number) =>
  Arbitrary.map(Arbitrary.array(pick(0, 1, 255), { minLength: length, maxLength: length }), (bytes) =>
    Uint8Array.from(bytes)
  )

const texts4: Arbitrary.Arbitrary<string> = oneOf(
  pick("", "a", "ab", "b", '"', "\\", "\\n", "\n", "\0", "\u{1f600}", "é"),
  Arbitrary.schema(Schema.String)
)

const nanos = Arbitrary.map(pick(-1n, 0n, 1n, 1_500_000_000n, -2_000_000_001n, 10n ** 15n), (nanos) => nanos)

/** Values of a packet, by type. */
const found: Readonly<Record<ValueType, Arbitrary.Arbitrary<FieldValue>>> = {
  number: oneOf(to(4), pick(0xffff_ffff)),
  boolean: pick(true, false),
  IPv4: bytesOf(4),
  IPv6: bytesOf(16),
  ethernet: bytesOf(6),
  text: texts4,
  bytes: Arbitrary.flatMap(to(4), bytesOf),
  seconds: nanos
}

const wholeAddress = (length: number): Arbitrary.Arbitrary<Value> =>
  Arbitrary.map(bytesOf(length), (address) => ({ address, prefixLength: 8 * length }))

const network = (length: number): Arbitrary.Arbitrary<Value> =>
  Arbitrary.map(Arbitrary.all([bytesOf(length), to(8 * length)]), ([address, prefixLength]) => ({
    prefixLength,
    address: address.map((byte, at) => byte & (0xff << (8 - Math.min(8, Math.max(0, prefixLength - 8 * at)))))
  }))

/** Values of a filter that have an order, by type. */
const ordered: Readonly<Record<ValueType, Arbitrary.Arbitrary<Value>>> = {
  number: oneOf(to(4), pick(0xffff_ffff)),
  boolean: to(1),
  IPv4: wholeAddress(4),
  IPv6: wholeAddress(16),
  ethernet: bytesOf(6),
  text: texts4,
  bytes: Arbitrary.flatMap(to(3), (length) => bytesOf(length + 1)),
  seconds: Arbitrary.map(nanos, (nanos) => ({ nanos }))
}

const values: typeof ordered = {
  ...ordered,
  IPv4: oneOf(wholeAddress(4), network(4)),
  IPv6: oneOf(wholeAddress(16), network(16))
}

const field = (type: ValueType) => pick(...namesOf(type))

const mask = oneOf(to(7), pick(0xffff_ffff))

const ranges = (type: ValueType): Arbitrary.Arbitrary<ReadonlyArray<Range>> =>
  Arbitrary.array(
    oneOf<Range>(
      Arbitrary.map(values[type], (from) => ({ from })),
      Arbitrary.map(Arbitrary.all([ordered[type], ordered[type]]), ([from, to]) => ({ from, to }))
    ),
    { minLength: 1, maxLength: 3 }
  )

const operator = pick<Operator>("==", "!=", "<", ">", "<=", ">=")

const textual = pick("text", "bytes" as const)

const tests: Arbitrary.Arbitrary<Expression> = Arbitrary.flatMap(pick(...types), (type) =>
  oneOf<Expression>(
    Arbitrary.map(field(type), (field) => ({ _tag: "Exists", field })),
    Arbitrary.map(
      Arbitrary.all([field(type), pick<Operator>("==", "!="), values[type]]),
      ([field, operator, value]) => ({ _tag: "Compare", field, operator, value })
    ),
    Arbitrary.map(Arbitrary.all([field(type), operator, ordered[type]]), ([field, operator, value]) => ({
      _tag: "Compare",
      field,
      operator,
      value
    })),
    Arbitrary.map(Arbitrary.all([field("number"), mask, operator, to(7)]), ([field, mask, operator, value]) => ({
      _tag: "Compare",
      field,
      mask,
      operator,
      value
    })),
    Arbitrary.map(Arbitrary.all([field("number"), mask]), ([field, mask]) => ({ _tag: "AnyBit", field, mask })),
    Arbitrary.map(Arbitrary.all([field(type), operator, field(type)]), ([field, operator, other]) => ({
      _tag: "CompareFields",
      field,
      operator,
      other
    })),
    Arbitrary.flatMap(textual, (type) =>
      Arbitrary.map(Arbitrary.all([field(type as ValueType), ordered[type as ValueType]]), ([field, value]) => ({
        _tag: "Contains",
        field,
        value: value as string | Uint8Array
      }))
    ),
    Arbitrary.map(
      Arbitrary.all([field("text"), pick("^a", "B$", "\\d", ".", "(a|é)b?", "\\x5c")]),
      ([field, pattern]) => ({
        _tag: "Matches",
        field,
        pattern
      })
    ),
    Arbitrary.map(Arbitrary.all([field(type), ranges(type)]), ([field, ranges]) => ({ _tag: "In", field, ranges }))
  )
)

const nested = (depth: number): Arbitrary.Arbitrary<Expression> => {
  if (depth === 0) return tests
  const part = nested(depth - 1)
  const parts = Arbitrary.array(part, { minLength: 2, maxLength: 3 })
  return oneOf<Expression>(
    tests,
    Arbitrary.map(parts, (parts) => ({ _tag: "And", parts })),
    Arbitrary.map(parts, (parts) => ({ _tag: "Or", parts })),
    Arbitrary.map(part, (part) => ({ _tag: "Not", part }))
  )
}

/** Generates filters of all forms over the generated fields. */
export const expressions: Arbitrary.Arbitrary<Expression> = nested(3)

/** Generates the fields of a packet: of each none, one or several values. */
export const packetFields: Arbitrary.Arbitrary<ReadonlyArray<readonly [string, ReadonlyArray<FieldValue>]>> =
  Arbitrary.map(
    Arbitrary.all(
      types.flatMap((type) =>
        namesOf(type).map((name) =>
          Arbitrary.map(Arbitrary.array(found[type], { maxLength: 2 }), (values) => [name, values] as const)
        )
      )
    ),
    (all) => all.filter(([, values]) => values.length > 0)
  )

/** Generates two addresses that differ in at most one bit, and a length of a prefix. */
export const similarAddresses = Arbitrary.map(
  Arbitrary.all([pick(4, 16), Arbitrary.array(to(255), { minLength: 16, maxLength: 16 }), to(128), to(128)]),
  ([length, bytes, bit, prefixLength]) => {
    const one = Uint8Array.from(bytes.slice(0, length))
    const at = bit % (8 * length + 1)
    const other = one.map((byte, index) => (index === at >> 3 ? byte ^ (0x80 >> (at & 7)) : byte))
    return { one, other, prefixLength: prefixLength % (8 * length + 1) }
  }
)

const pieces = pick(
  ...["tcp", "ip.addr", "number.a", "text.b", "==", "!=", "in", "{", "}", "(", ")", "not", "and", "||", "..", ","],
  ...["10.0.0.0/8", "0x1f", '"a\\x41"', 'r"\\d"', "matches", "contains", "&", "1.5", "-1", '"', "::1", "80", "~", "!"]
)

/** Generates texts of pieces of filters, in any order. */
export const texts: Arbitrary.Arbitrary<string> = Arbitrary.map(
  Arbitrary.all([Arbitrary.array(pieces, { maxLength: 8 }), pick(" ", "")]),
  ([pieces, between]) => pieces.join(between)
)
