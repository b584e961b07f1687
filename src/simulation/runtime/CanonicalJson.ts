/** JSON that is equal for equal values: keys are sorted, and values without a form in JSON have one. */
import * as Encoding from "effect/encoding/Hex"

/** Levels of nested values; deeper ones are replaced by `...`, as are values within themselves. */
const maxDepth = 32

const isPlain = (value: object) => {
  const prototype: unknown = Object.getPrototypeOf(value)
  return prototype === Object.prototype || prototype === null
}

const compare = ([a]: readonly [string, unknown], [b]: readonly [string, unknown]) => (a < b ? -1 : a > b ? 1 : 0)

/** Returns the value that JSON writes instead of an object. */
const toPlain = (value: object, depth: number, outer: ReadonlyArray<object>): unknown => {
  if (depth > maxDepth || outer.includes(value)) return "..."
  const inner = [...outer, value]
  const convert = (one: unknown) => canonical(one, depth + 1, inner)
  if (Array.isArray(value)) return value.map(convert)
  if (value instanceof Uint8Array) return { bytes: Encoding.encode(value) }
  if (value instanceof Error) return { name: value.name, message: value.message }
  if (value instanceof Map) {
    const entries = Array.from(value, ([key, one]) => [convert(key), convert(one)] as const)
    return {
      map: entries
        .map((entry) => [JSON.stringify(entry[0]), entry] as const)
        .sort(compare)
        .map(([, entry]) => entry)
    }
  }
  if (value instanceof Set) {
    const members = Array.from(value, convert)
    return {
      set: members
        .map((one) => [JSON.stringify(one), one] as const)
        .sort(compare)
        .map(([, one]) => one)
    }
  }
  const { toJSON } = value as { readonly toJSON?: unknown }
  if (typeof toJSON === "function" && !isPlain(value)) return convert(toJSON.call(value))
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

/** Formats a value. */
export const format = (value: unknown): string => JSON.stringify(canonical(value, 0, []))

/** Encodes a value in UTF-8. */
export const encode = (value: unknown): Uint8Array => new TextEncoder().encode(format(value))
