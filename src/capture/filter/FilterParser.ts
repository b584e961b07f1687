/**
 * Parser of display filters: recursive descent over the tokens of a text. Pure.
 *
 * ```
 * or         = and { ("or" | "||") and }
 * and        = not { ("and" | "&&") not }
 * not        = ("not" | "!") not | "(" or ")" | test
 * test       = field
 *            | field "&" number [ comparison value ]
 *            | field comparison ( value | field )
 *            | field ("contains" | "matches") value
 *            | field [ "not" ] "in" "{" value [ ".." value ] { "," value [ ".." value ] } "}"
 * comparison = "==" | "!=" | ">" | "<" | ">=" | "<=" | "eq" | "ne" | "gt" | "lt" | "ge" | "le"
 * ```
 */
import * as Result from "effect/Result"
import type { FieldType } from "../../network/dissect/FieldDissector.ts"
import { FilterError } from "./FilterError.ts"
import type { Expression, Operator, Range } from "./FilterExpression.ts"
import { type Token, tokens } from "./FilterLexer.ts"
import * as FilterRegExp from "./FilterRegExp.ts"
import * as FilterValue from "./FilterValue.ts"
import * as NameDistance from "./NameDistance.ts"

/** Types of the known fields by name. */
export type FieldTypes = ReadonlyMap<string, FieldType>

/** Maximum depth of parentheses and negations. */
const maxDepth = 100

const operators: ReadonlyMap<string, Operator> = new Map<string, Operator>([
  ...(["==", "!=", ">", "<", ">=", "<="] as const).map((symbol) => [symbol, symbol] as const),
  ["eq", "=="],
  ["ne", "!="],
  ["gt", ">"],
  ["lt", "<"],
  ["ge", ">="],
  ["le", "<="]
])

/** Words that are operators: they are not fields or values. */
const keywords = new Set(["and", "or", "not", "xor", "in", "contains", "matches", "eq", "ne", "gt", "lt", "ge", "le"])

/** Position in the tokens, which parsing advances. */
interface Cursor {
  readonly all: ReadonlyArray<Token>
  readonly types: FieldTypes
  at: number
}

/** Failures leave the recursion as exceptions of this class, and become results in `parse`. */
class Failure extends Error {
  readonly error: FilterError
  constructor(error: FilterError) {
    super()
    this.error = error
  }
}

const fail = ({ position, raw, _tag }: Token, expected: string, fix?: string): never => {
  throw new Failure(new FilterError({ position, expected, found: _tag === "Word" ? JSON.stringify(raw) : raw, fix }))
}

const peek = (cursor: Cursor): Token => cursor.all[cursor.at]!

const take = (cursor: Cursor): Token => {
  const token = peek(cursor)
  if (token._tag !== "End") cursor.at++
  return token
}

const isOneOf = ({ _tag, text }: Token, ...texts: ReadonlyArray<string>) =>
  (_tag === "Symbol" || _tag === "Word") && texts.includes(text)

const takeIf = (cursor: Cursor, ...texts: ReadonlyArray<string>): boolean => {
  if (!isOneOf(peek(cursor), ...texts)) return false
  cursor.at++
  return true
}

const expectSymbol = (cursor: Cursor, symbol: string, expected = `"${symbol}"`) => {
  if (!takeIf(cursor, symbol)) fail(peek(cursor), expected)
}

const fieldType = (cursor: Cursor, token: Token): FieldType => {
  const type = cursor.types.get(token.text)
  if (type !== undefined) return type
  const nearest = NameDistance.nearest(token.text, cursor.types.keys(), 3)
  return fail(token, "the name of a field", nearest.length === 0 ? undefined : `nearest names: ${nearest.join(", ")}`)
}

const takeField = (cursor: Cursor): readonly [field: string, type: FieldType] => {
  const token = peek(cursor)
  if (token._tag !== "Word" || keywords.has(token.text)) fail(token, 'a field, "not" or "("')
  const type = fieldType(cursor, token)
  cursor.at++
  return [token.text, type]
}

const takeValue = (cursor: Cursor, field: string, type: FieldType): FilterValue.Value => {
  const token = peek(cursor)
  const value =
    token._tag === "Quoted"
      ? FilterValue.fromText(type, token.text)
      : token._tag === "Word" && !keywords.has(token.text)
        ? FilterValue.syntax[type].parse(token.text)
        : undefined
  if (value === undefined || (value instanceof Uint8Array && value.length === 0))
    return fail(token, `a value of ${field}: ${FilterValue.syntax[type].expected}`)
  cursor.at++
  return value
}

const isNetwork = (value: FilterValue.Value) =>
  typeof value === "object" && "prefixLength" in value && value.prefixLength < 8 * value.address.length

const requireOrdered = (token: Token, value: FilterValue.Value) => {
  if (isNetwork(value)) fail(token, "an address, because networks have no order", "compare networks by == and !=")
}

const compare = (cursor: Cursor, field: string, type: FieldType, mask?: number): Expression => {
  const operator = operators.get(take(cursor).text)!
  const token = peek(cursor)
  const otherType = token._tag === "Word" ? cursor.types.get(token.text) : undefined
  if (mask === undefined && otherType !== undefined && type !== "protocol") {
    if (otherType !== type) fail(token, `a field of type ${type}, as ${field}`)
    cursor.at++
    return { _tag: "CompareFields", field, operator, other: token.text }
  }
  const value = takeValue(cursor, field, type)
  if (operator !== "==" && operator !== "!=") requireOrdered(token, value)
  return mask === undefined
    ? { _tag: "Compare", field, operator, value }
    : { _tag: "Compare", field, mask, operator, value }
}

const maskTest = (cursor: Cursor, field: string, type: FieldType, operator: Token): Expression => {
  if (type !== "number") fail(operator, `an operator for ${field}, which is not a number`)
  const token = take(cursor)
  const mask = token._tag === "Word" ? FilterValue.parseNumber(token.text) : undefined
  if (mask === undefined || mask > 0xffff_ffff) return fail(token, "a mask of at most 32 bits, such as 0x12")
  return isOperator(peek(cursor)) ? compare(cursor, field, type, mask) : { _tag: "AnyBit", field, mask }
}

const isOperator = ({ _tag, text }: Token) => (_tag === "Symbol" || _tag === "Word") && operators.has(text)

const takeRange = (cursor: Cursor, field: string, type: FieldType): Range => {
  const first = peek(cursor)
  const from = takeValue(cursor, field, type)
  if (!takeIf(cursor, "..")) return { from }
  requireOrdered(first, from)
  const last = peek(cursor)
  const to = takeValue(cursor, field, type)
  requireOrdered(last, to)
  return { from, to }
}

const membership = (cursor: Cursor, field: string, type: FieldType): Expression => {
  expectSymbol(cursor, "{", '"{" and values: {80, 443, 8000..8100}')
  const ranges = [takeRange(cursor, field, type)]
  while (takeIf(cursor, ",")) ranges.push(takeRange(cursor, field, type))
  expectSymbol(cursor, "}", '"," or "}"')
  return { _tag: "In", field, ranges }
}

/** Fields in which the contents of a protocol are searched: `tcp contains "GET"`. */
const payloads: ReadonlyMap<string, string> = new Map([
  ["tcp", "tcp.payload"],
  ["udp", "udp.payload"]
])

const textTest = (cursor: Cursor, field: string, type: FieldType, operator: Token): Expression => {
  if (type !== "text" && type !== "bytes") {
    const fix = type === "protocol" ? "search in tcp.payload or udp.payload" : undefined
    fail(operator, `an operator for ${field}, which is neither text nor bytes`, fix)
  }
  const token = peek(cursor)
  if (operator.text === "contains") {
    const value = takeValue(cursor, field, type)
    return typeof value === "string" || value instanceof Uint8Array
      ? { _tag: "Contains", field, value }
      : fail(token, "a text")
  }
  const pattern = token._tag === "Quoted" ? token.text : fail(token, 'a regular expression in quotes, such as "^GET"')
  const problem = FilterRegExp.problemOf(pattern)
  if (problem !== undefined) fail(token, problem)
  cursor.at++
  return { _tag: "Matches", field, pattern }
}

const test = (cursor: Cursor): Expression => {
  const [field, type] = takeField(cursor)
  const operator = peek(cursor)
  if (isOperator(operator)) {
    if (type === "protocol") fail(operator, `no comparison: ${field} is a protocol, and only exists or not`)
    return compare(cursor, field, type)
  }
  if (takeIf(cursor, "&")) return maskTest(cursor, field, type, operator)
  if (takeIf(cursor, "in")) return membership(cursor, field, type)
  if (isOneOf(operator, "not", "!") && isOneOf(cursor.all[cursor.at + 1]!, "in")) {
    cursor.at += 2
    return { _tag: "Not", part: membership(cursor, field, type) }
  }
  if (takeIf(cursor, "contains", "matches", "~")) {
    const payload = payloads.get(field)
    return textTest(cursor, payload ?? field, payload === undefined ? type : "bytes", operator)
  }
  return { _tag: "Exists", field }
}

const negation = (cursor: Cursor, depth: number): Expression => {
  if (depth > maxDepth) fail(peek(cursor), `at most ${maxDepth} parentheses and negations inside each other`)
  if (takeIf(cursor, "not", "!")) return { _tag: "Not", part: negation(cursor, depth + 1) }
  if (!takeIf(cursor, "(")) return test(cursor)
  const inner = disjunction(cursor, depth + 1)
  expectSymbol(cursor, ")", 'an operator or ")"')
  return inner
}

/** Parses parts between words of one meaning; a single part stays itself. */
const joined = (
  cursor: Cursor,
  depth: number,
  _tag: "And" | "Or",
  words: ReadonlyArray<string>,
  part: (cursor: Cursor, depth: number) => Expression
): Expression => {
  const first = part(cursor, depth)
  if (!isOneOf(peek(cursor), ...words)) return first
  const parts = [first]
  while (takeIf(cursor, ...words)) parts.push(part(cursor, depth))
  return { _tag, parts }
}

const conjunction = (cursor: Cursor, depth: number): Expression => joined(cursor, depth, "And", ["and", "&&"], negation)

const disjunction = (cursor: Cursor, depth: number): Expression =>
  joined(cursor, depth, "Or", ["or", "||"], conjunction)

/** Parses a text to an expression over the given fields. Never throws. */
export const parse = (text: string, types: FieldTypes): Result.Result<Expression, FilterError> => {
  const all = tokens(text)
  if (Result.isFailure(all)) return Result.fail(all.failure)
  const cursor: Cursor = { all: all.success, types, at: 0 }
  try {
    const expression = disjunction(cursor, 0)
    const rest = peek(cursor)
    return rest._tag === "End" ? Result.succeed(expression) : fail(rest, '"and", "or" or the end')
  } catch (failure) {
    if (failure instanceof Failure) return Result.fail(failure.error)
    throw failure
  }
}
