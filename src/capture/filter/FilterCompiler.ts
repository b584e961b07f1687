/**
 * Compiler of display filters to closures. A field of a packet has no value, one or several: a comparison is true if it
 * is true for one of them, and `!=` if it is true for all of them, as in Wireshark 4. Pure.
 */

import type { FieldType, FieldValue } from "../../network/dissect/FieldDissector.ts"
import type * as CaptureReader from "../CaptureReader.ts"
import { latin1 } from "../dissect/ByteReader.ts"
import type { Expression, Operator, Range } from "./FilterExpression.ts"
import type { FieldTypes } from "./FilterParser.ts"
import * as FilterRegExp from "./FilterRegExp.ts"
import * as FilterValue from "./FilterValue.ts"
import { layerNames, packetFields, type Some, type Test } from "./PacketFields.ts"

/**
 * Protocols and fields of a packet besides those of its headers: of its payload, and those that follow from the packets
 * before, such as `tcp.stream`.
 *
 * @category models
 * @since 0.1.0
 */
export interface PacketDetails {
  readonly protocols: ReadonlyArray<string>
  readonly fields: ReadonlyMap<string, ReadonlyArray<FieldValue>>
}

/** Details of a packet of which only the headers are known. */
export const noDetails: PacketDetails = { protocols: [], fields: new Map() }

/** Test of a packet. */
export type Predicate = (packet: CaptureReader.CapturedPacket, details: PacketDetails) => boolean

type SomeValue = (packet: CaptureReader.CapturedPacket, details: PacketDetails, test: Test) => boolean

const someOfHeaders: ReadonlyMap<string, Some> = new Map(packetFields.map(({ name, some }) => [name, some]))

const never: Some = () => false

const someOf = (field: string): SomeValue => {
  const some = someOfHeaders.get(field) ?? never
  return (packet, details, test) =>
    some(packet, test) || (details.fields.size > 0 && details.fields.get(field)?.some(test) === true)
}

const always = () => true

const exists = (field: string, type: FieldType | undefined): Predicate => {
  if (field === "frame") return always
  const some = someOf(field)
  const isField: Predicate = (packet, details) => some(packet, details, always)
  if (type !== "protocol") return isField
  return field in layerNames
    ? (packet, details) => packet.layers.includes(field) || details.protocols.includes(field)
    : (packet, details) => details.protocols.includes(field) || isField(packet, details)
}

const accepts: Readonly<Record<Operator, (order: number) => boolean>> = {
  "==": (order) => order === 0,
  // Values of different types differ, too.
  "!=": (order) => order === 0,
  ">": (order) => order > 0,
  "<": (order) => order < 0,
  ">=": (order) => order >= 0,
  "<=": (order) => order <= 0
}

/** Returns the predicate "one value passes", or "there are values, and none passes". */
const quantified = (some: SomeValue, test: Test, isNegated: boolean): Predicate =>
  isNegated
    ? (packet, details) => some(packet, details, always) && !some(packet, details, test)
    : (packet, details) => some(packet, details, test)

const compareField = (
  { field, mask, operator, value }: Extract<Expression, { readonly _tag: "Compare" }>,
  type: FieldType
): Predicate => {
  const accept = accepts[operator]
  const compare = FilterValue.comparison(value)
  const test: Test =
    mask === undefined
      ? (found) => accept(compare(FilterValue.toComparable(type, found)))
      : (found) => typeof found === "number" && accept(compare((found & mask) >>> 0))
  return quantified(someOf(field), test, operator === "!=")
}

const compareFields = (
  { field, operator, other }: Extract<Expression, { readonly _tag: "CompareFields" }>,
  type: FieldType
): Predicate => {
  const accept = accepts[operator]
  const [left, right] = [someOf(field), someOf(other)]
  const somePair: Predicate = (packet, details) =>
    left(packet, details, (one) => {
      const comparable = FilterValue.toComparable(type, one)
      return right(packet, details, (two) =>
        accept(FilterValue.compare(comparable, FilterValue.toComparable(type, two)))
      )
    })
  if (operator !== "!=") return somePair
  return (packet, details) =>
    left(packet, details, always) && right(packet, details, always) && !somePair(packet, details)
}

const inRange = ({ from, to }: Range): ((found: FilterValue.Comparable) => boolean) => {
  const compareFrom = FilterValue.comparison(from)
  if (to === undefined) return (found) => compareFrom(found) === 0
  const compareTo = FilterValue.comparison(to)
  return (found) => compareFrom(found) >= 0 && compareTo(found) <= 0
}

const membership = ({ field, ranges }: Extract<Expression, { readonly _tag: "In" }>, type: FieldType): Predicate => {
  const tests = ranges.map(inRange)
  const test: Test = (found) => {
    const comparable = FilterValue.toComparable(type, found)
    return tests.some((each) => each(comparable))
  }
  return quantified(someOf(field), test, false)
}

const includesBytes = (bytes: Uint8Array, wanted: Uint8Array): boolean => {
  for (let at = bytes.indexOf(wanted[0]!); at !== -1; at = bytes.indexOf(wanted[0]!, at + 1)) {
    if (at + wanted.length > bytes.length) return false
    let length = 1
    while (length < wanted.length && bytes[at + length] === wanted[length]) length++
    if (length === wanted.length) return true
  }
  return false
}

const containsTest = (value: string | Uint8Array): Test =>
  typeof value === "string"
    ? (found) => typeof found === "string" && found.includes(value)
    : (found) => found instanceof Uint8Array && includesBytes(found, value)

const matchesTest = (pattern: string): Test => {
  const isMatch = FilterRegExp.compile(pattern)
  return (found) => (typeof found === "string" ? isMatch(found) : found instanceof Uint8Array && isMatch(latin1(found)))
}

/** Compiles an expression over fields of the given types. */
export const compile = (expression: Expression, types: FieldTypes): Predicate => {
  const typeOf = (field: string) => types.get(field) ?? "text"
  switch (expression._tag) {
    case "Exists":
      return exists(expression.field, types.get(expression.field))
    case "Compare":
      return compareField(expression, typeOf(expression.field))
    case "CompareFields":
      return compareFields(expression, typeOf(expression.field))
    case "AnyBit": {
      const { field, mask } = expression
      return quantified(someOf(field), (found) => typeof found === "number" && (found & mask) !== 0, false)
    }
    case "Contains":
      return quantified(someOf(expression.field), containsTest(expression.value), false)
    case "Matches":
      return quantified(someOf(expression.field), matchesTest(expression.pattern), false)
    case "In":
      return membership(expression, typeOf(expression.field))
    case "And": {
      const parts = expression.parts.map((part) => compile(part, types))
      return (packet, details) => parts.every((part) => part(packet, details))
    }
    case "Or": {
      const parts = expression.parts.map((part) => compile(part, types))
      return (packet, details) => parts.some((part) => part(packet, details))
    }
    default: {
      const part = compile(expression.part, types)
      return (packet, details) => !part(packet, details)
    }
  }
}
