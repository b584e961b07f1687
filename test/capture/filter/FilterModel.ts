/** Meaning of display filters in the plainest form, on numbers of any size and on lists of values. */
import type { Expression, Operator } from "../../../src/capture/filter/DisplayFilter.ts"
import type { Value } from "../../../src/capture/filter/FilterValue.ts"
import type { FieldValue } from "../../../src/network/dissect/FieldDissector.ts"

type Fields = ReadonlyMap<string, ReadonlyArray<FieldValue>>

/** A value as text whose order is that of the values. */
const orderOf = (value: FieldValue | Value): string | number | bigint => {
  if (typeof value === "boolean") return value ? 1 : 0
  if (value instanceof Uint8Array) return Buffer.from(value).toString("hex")
  if (typeof value !== "object") return value
  return "nanos" in value ? value.nanos : Buffer.from(value.address).toString("hex")
}

const bits = (bytes: Uint8Array) => Array.from(bytes, (byte) => byte.toString(2).padStart(8, "0")).join("")

const isEqual = (found: FieldValue, value: FieldValue | Value) =>
  typeof value === "object" && "prefixLength" in value
    ? bits(found as Uint8Array).startsWith(bits(value.address).slice(0, value.prefixLength))
    : orderOf(found) === orderOf(value)

const compares = (found: FieldValue, operator: Operator, value: FieldValue | Value) => {
  const [one, other] = [orderOf(found), orderOf(value)]
  switch (operator) {
    case "==":
    case "!=":
      return isEqual(found, value)
    case "<":
      return one < other
    case ">":
      return one > other
    case "<=":
      return one <= other
    default:
      return one >= other
  }
}

const masked = (found: FieldValue, mask: number) => Number(BigInt(found as number) & BigInt(mask))

const textOf = (value: FieldValue | string | Uint8Array) =>
  value instanceof Uint8Array ? Buffer.from(value).toString("latin1") : (value as string)

/** Returns whether a filter is true for fields. */
export const isTrue = (expression: Expression, fields: Fields): boolean => {
  const values = "field" in expression ? (fields.get(expression.field) ?? []) : []
  switch (expression._tag) {
    case "And":
      return expression.parts.every((part) => isTrue(part, fields))
    case "Or":
      return expression.parts.some((part) => isTrue(part, fields))
    case "Not":
      return !isTrue(expression.part, fields)
    case "Exists":
      return values.length > 0
    case "AnyBit":
      return values.some((value) => masked(value, expression.mask) !== 0)
    case "Compare": {
      const { mask, operator, value } = expression
      const passes = (found: FieldValue) => compares(mask === undefined ? found : masked(found, mask), operator, value)
      return operator === "!=" ? values.length > 0 && !values.some(passes) : values.some(passes)
    }
    case "CompareFields": {
      const { operator, other } = expression
      const others = fields.get(other) ?? []
      const isSome = values.some((one) => others.some((two) => compares(one, operator, two)))
      return operator === "!=" ? values.length > 0 && others.length > 0 && !isSome : isSome
    }
    case "Contains":
      return values.some((value) => textOf(value).includes(textOf(expression.value)))
    case "Matches":
      return values.some((value) => new RegExp(expression.pattern, "i").test(textOf(value)))
    default: {
      const { ranges } = expression
      const isIn = (found: FieldValue) =>
        ranges.some(({ from, to }) =>
          to === undefined ? isEqual(found, from) : compares(found, ">=", from) && compares(found, "<=", to)
        )
      return values.some(isIn)
    }
  }
}
