/** JSON that is equal for equal values: keys are sorted, and values without a form in JSON have one. */
import * as Encoding from "effect/encoding/Hex"
import * as CanonicalText from "../check/CanonicalText.ts"

/** Levels of nested values; deeper ones are texts. Values within themselves are replaced by `...`. */
const maxDepth = 32

const isPlain = (value: object) => {
  const prototype: unknown = Object.getPrototypeOf(value)
  return prototype === Object.prototype || prototype === null
}

const compare = ([a]: readonly [string, unknown], [b]: readonly [string, unknown]) => (a < b ? -1 : a > b ? 1 : 0)

/** Stands for a value that JSON would show in part. */
const textOf = (value: object) => ({ value: CanonicalText.of(value) })

/** Returns what an error holds besides its name and message. */
const detailsOf = (error: Error) => {
  const hasDetails = error.cause !== undefined || "errors" in error || Object.keys(error).length > 0
  return hasDetails ? textOf(error) : undefined
}

/** Returns the value that JSON writes instead of an object. */
const toPlain = (value: object, depth: number, outer: ReadonlyArray<object>): unknown => {
  if (outer.includes(value)) return "..."
  if (depth > maxDepth) return textOf(value)
  const inner = [...outer, value]
  const convert = (one: unknown) => canonical(one, depth + 1, inner)
  if (Array.isArray(value)) return Object.keys(value).length === value.length ? value.map(convert) : textOf(value)
  if (value instanceof Uint8Array) return { bytes: Encoding.encode(value) }
  if (value instanceof Error) return { name: value.name, message: value.message, ...detailsOf(value) }
  // Their order is part of the state: a program sees it.
  if (value instanceof Map) return { map: Array.from(value, ([key, one]) => [convert(key), convert(one)]) }
  if (value instanceof Set) return { set: Array.from(value, convert) }
  const { toJSON } = value as { readonly toJSON?: unknown }
  if (typeof toJSON === "function" && !isPlain(value)) return convert(toJSON.call(value))
  const keys = Object.getOwnPropertySymbols(value)
  const isOpaque = !isPlain(value) && Object.keys(value).length === 0
  if (keys.length > 0 || isOpaque || ArrayBuffer.isView(value)) return textOf(value)
  return Object.fromEntries(
    Object.entries(value)
      .filter(([, one]) => one !== undefined && typeof one !== "function")
      .sort(compare)
      .map(([key, one]) => [key, convert(one)])
  )
}

const canonical = (value: unknown, depth: number, outer: ReadonlyArray<object>): unknown => {
  if (typeof value === "bigint") return { bigint: `${value}` }
  if (typeof value === "number" && !Number.isFinite(value)) return { number: `${value}` }
  if (typeof value === "function" || typeof value === "symbol") return String(value.toString())
  if (value === undefined) return null
  return typeof value === "object" && value !== null ? toPlain(value, depth, outer) : value
}

/** Formats a value. Never throws: a value that cannot be read so far is a text. */
export const format = (value: unknown): string => {
  try {
    return JSON.stringify(canonical(value, 0, []))
  } catch {
    return JSON.stringify({ value: CanonicalText.of(value) })
  }
}

/** Encodes a value in UTF-8. */
export const encode = (value: unknown): Uint8Array => new TextEncoder().encode(format(value))
