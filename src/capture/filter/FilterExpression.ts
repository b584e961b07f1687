/** Display filters as data, and their text form. Pure. */
import * as FilterValue from "./FilterValue.ts"

/** Operator between a field and a value. @category models @since 0.1.0 */
export type Operator = "==" | "!=" | ">" | "<" | ">=" | "<="

/** A range of values, both ends included, or a single value. @category models @since 0.1.0 */
export interface Range {
  readonly from: FilterValue.Value
  readonly to?: FilterValue.Value | undefined
}

/**
 * A filter as data. `And` and `Or` have two parts or more.
 *
 * @category models
 * @since 0.1.0
 */
export type Expression =
  | { readonly _tag: "Exists"; readonly field: string }
  | {
      readonly _tag: "Compare"
      readonly field: string
      /** Bits of the field that are compared; all if undefined. */
      readonly mask?: number | undefined
      readonly operator: Operator
      readonly value: FilterValue.Value
    }
  | { readonly _tag: "CompareFields"; readonly field: string; readonly operator: Operator; readonly other: string }
  /** True if one of the bits of the mask is set. */
  | { readonly _tag: "AnyBit"; readonly field: string; readonly mask: number }
  | { readonly _tag: "Contains"; readonly field: string; readonly value: string | Uint8Array }
  | { readonly _tag: "Matches"; readonly field: string; readonly pattern: string }
  | { readonly _tag: "In"; readonly field: string; readonly ranges: ReadonlyArray<Range> }
  | { readonly _tag: "And"; readonly parts: ReadonlyArray<Expression> }
  | { readonly _tag: "Or"; readonly parts: ReadonlyArray<Expression> }
  | { readonly _tag: "Not"; readonly part: Expression }

/** Strength with which an expression holds its parts together; a weaker one inside a stronger one has parentheses. */
const strength: Readonly<Record<Expression["_tag"], number>> = {
  Or: 1,
  And: 2,
  Not: 3,
  Exists: 4,
  Compare: 4,
  CompareFields: 4,
  AnyBit: 4,
  Contains: 4,
  Matches: 4,
  In: 4
}

const within = (part: Expression, minStrength: number): string => {
  const text = format(part)
  return strength[part._tag] < minStrength ? `(${text})` : text
}

const formatRange = ({ from, to }: Range) =>
  to === undefined ? FilterValue.format(from) : `${FilterValue.format(from)} .. ${FilterValue.format(to)}`

const masked = (field: string, mask: number | undefined) =>
  mask === undefined ? field : `${field} & 0x${mask.toString(16)}`

/** Formats an expression as text that parses to it. */
export const format = (expression: Expression): string => {
  switch (expression._tag) {
    case "Exists":
      return expression.field
    case "Compare": {
      const { field, mask, operator, value } = expression
      return `${masked(field, mask)} ${operator} ${FilterValue.format(value)}`
    }
    case "CompareFields":
      return `${expression.field} ${expression.operator} ${expression.other}`
    case "AnyBit":
      return masked(expression.field, expression.mask)
    case "Contains":
      return `${expression.field} contains ${FilterValue.format(expression.value)}`
    case "Matches":
      return `${expression.field} matches ${FilterValue.format(expression.pattern)}`
    case "In":
      return `${expression.field} in {${expression.ranges.map(formatRange).join(", ")}}`
    case "And":
      return expression.parts.map((part) => within(part, strength.Not)).join(" and ")
    case "Or":
      return expression.parts.map((part) => within(part, strength.And)).join(" or ")
    default:
      return `not ${within(expression.part, strength.Not)}`
  }
}

/** Yields the names of all fields of an expression. */
export function* fieldsOf(expression: Expression): Generator<string> {
  switch (expression._tag) {
    case "And":
    case "Or":
      for (const part of expression.parts) yield* fieldsOf(part)
      return
    case "Not":
      return yield* fieldsOf(expression.part)
    case "CompareFields":
      yield expression.other
      return yield expression.field
    default:
      yield expression.field
  }
}
