/**
 * Canonical texts of values: equal for equal values, also in two runs of one seed. Keys are sorted; functions, effects
 * and fibers have their kind only, because their identity differs in each run. What is nested deeply, and what follows
 * very many entries, has a hash in the text.
 */
import * as Cause from "effect/Cause"
import * as Effect from "effect/Effect"
import * as Exit from "effect/Exit"
import * as Fiber from "effect/Fiber"
import * as Predicate from "effect/Predicate"

/** Levels of nested values that are formatted; deeper ones are hashed. */
const maxDepth = 12

/** Entries of a value that are formatted, in all its levels together; further ones are hashed. */
const maxEntries = 100_000

interface State {
  readonly path: Set<object>
  entries: number
}

/** A value taken apart: its whole text, or the values in it with what stands before each. */
type Parts = string | { readonly open: string; readonly close: string; readonly inner: ReadonlyArray<Inner> }

type Inner = readonly [label: string, value: unknown]

const className = (value: object): string => {
  const name = (Object.getPrototypeOf(value) as { readonly constructor?: { readonly name?: string } } | null)
    ?.constructor?.name
  return name === undefined || name === "Object" ? "" : name
}

const compare = ([a]: Inner, [b]: Inner) => (a < b ? -1 : a > b ? 1 : 0)

/** A getter that threw. */
class Thrown {
  readonly error: unknown

  constructor(error: unknown) {
    this.error = error
  }
}

const read = (value: object, key: PropertyKey): unknown => {
  try {
    return Reflect.get(value, key)
  } catch (error) {
    return new Thrown(error)
  }
}

/** Names of an error that come first, in this order; most are not enumerable. */
const errorKeys = ["name", "message", "cause", "errors"]

const keysOf = (value: object): ReadonlyArray<PropertyKey> => {
  const symbols = Object.getOwnPropertySymbols(value).filter((key) =>
    Object.prototype.propertyIsEnumerable.call(value, key)
  )
  const own = [...Object.keys(value).filter((key) => !key.startsWith("~effect")), ...symbols]
  if (!(value instanceof Error)) return own
  const named = errorKeys.filter((key, index) => index < 2 || read(value, key) !== undefined)
  return [...named, ...own.filter((key) => key !== "stack" && !errorKeys.includes(key as string))]
}

const labelled = (value: object, keys: ReadonlyArray<PropertyKey>): ReadonlyArray<Inner> =>
  keys
    .map((key): Inner => [`${typeof key === "symbol" ? String(key) : JSON.stringify(key)}:`, read(value, key)])
    .sort(compare)

const hex = (bytes: Uint8Array) => Array.from(bytes, (byte) => byte.toString(16).padStart(2, "0")).join("")

const list = (open: string, close: string, values: Iterable<unknown>): Parts => ({
  open,
  close,
  inner: Array.from(values, (one): Inner => ["", one])
})

/** Parts of an array; those that are missing, and properties of other names, are named. */
const arrayParts = (value: ReadonlyArray<unknown>): Parts => {
  const keys = Object.keys(value)
  if (keys.length === value.length && (keys.length === 0 || keys.at(-1) === `${keys.length - 1}`)) {
    return list("[", "]", value)
  }
  return { open: `[length ${value.length}:`, close: "]", inner: labelled(value, keysOf(value)) }
}

const sharedBuffer = globalThis.SharedArrayBuffer as SharedArrayBufferConstructor | undefined

const bytesOf = (value: object): string | undefined => {
  if (value instanceof Uint8Array) return `bytes(${hex(value)})`
  if (ArrayBuffer.isView(value))
    return `${className(value)}(${hex(new Uint8Array(value.buffer, value.byteOffset, value.byteLength))})`
  if (value instanceof ArrayBuffer || (sharedBuffer !== undefined && value instanceof sharedBuffer)) {
    return `${className(value)}(${hex(new Uint8Array(value as ArrayBuffer))})`
  }
  return undefined
}

const boxes = [Number, String, Boolean, BigInt, Symbol]

/** Classes that not every host has. */
const classes = (names: ReadonlyArray<string>) =>
  names.flatMap((name) => {
    const found: unknown = Reflect.get(globalThis, name)
    return typeof found === "function" ? [found] : []
  })
const lists = classes(["Headers", "URLSearchParams", "FormData"])
const blobs = classes(["Blob"])

const isPlain = (value: object) => {
  const prototype: unknown = Object.getPrototypeOf(value)
  return prototype === Object.prototype || prototype === null
}

/** Takes apart the values whose class has no properties of its own; returns undefined for others. */
const specialParts = (value: object): Parts | undefined => {
  const bytes = bytesOf(value)
  if (bytes !== undefined) return bytes
  if (value instanceof Thrown) return list("[throws ", "]", [value.error])
  if (value instanceof Date) return `Date(${value.getTime()})`
  if (value instanceof RegExp) return `${value}`
  if (Array.isArray(value)) return arrayParts(value)
  if (value instanceof Set) return list("Set{", "}", value)
  if (value instanceof Map) return list("Map{", "}", Array.from(value).flat())
  if (Exit.isExit(value)) {
    return Exit.isSuccess(value) ? list("Success(", ")", [value.value]) : causeParts("Failure(", ")", value.cause)
  }
  if (Cause.isCause(value)) return causeParts("", "", value)
  if (Fiber.isFiber(value)) return "[Fiber]"
  // Errors of effect are effects, too.
  if (Effect.isEffect(value) && !(value instanceof Error)) return "[Effect]"
  const box = boxes.find((one) => value instanceof one)
  if (box !== undefined) return list(`${box.name}(`, ")", [value.valueOf()])
  // The bytes of a blob are read by a promise only.
  if (blobs.some((one) => value instanceof one)) {
    return `[Blob of ${(value as Blob).size} bytes, which are not compared]`
  }
  return lists.some((one) => value instanceof one)
    ? list(`${className(value)}{`, "}", Array.from(value as Iterable<unknown>))
    : undefined
}

/** Takes apart the errors of a cause; the fibers that interrupted another have numbers that differ in each run. */
const causeParts = (open: string, close: string, cause: Cause.Cause<unknown>): Parts => ({
  open,
  close,
  inner: cause.reasons.map((reason) =>
    Cause.isFailReason(reason)
      ? ["Fail:", reason.error]
      : Cause.isDieReason(reason)
        ? ["Die:", reason.defect]
        : ["Interrupt", noValue]
  )
})

/** Stands for no text. */
const noValue = Symbol("none")

const objectParts = (value: object): Parts => {
  const special = isPlain(value) ? undefined : specialParts(value)
  if (special !== undefined) return special
  const keys = keysOf(value)
  // Values of effect such as Option, Duration and HashMap have no properties, and describe themselves as JSON.
  if (keys.length === 0 && Predicate.hasProperty(value, "toJSON") && typeof value.toJSON === "function") {
    return list(className(value), "", [value.toJSON()])
  }
  return { open: `${className(value)}{`, close: "}", inner: labelled(value, keys) }
}

/** Takes a value apart. Never throws: a proxy may forbid all access. */
const partsOf = (value: unknown): Parts => {
  if (typeof value === "function") return "[Function]"
  if (typeof value === "string") return JSON.stringify(value)
  if (typeof value === "bigint") return `${value}n`
  if (value === noValue) return ""
  if (typeof value === "symbol") return `${String(value)}`
  if (Object.is(value, -0)) return "-0"
  if (typeof value !== "object" || value === null) return `${value}`
  try {
    return objectParts(value)
  } catch {
    return "[unreadable]"
  }
}

const format = (self: State, value: unknown, depth: number): string => {
  if (typeof value !== "object" || value === null) return partsOf(value) as string
  if (self.path.has(value)) return "[Circular]"
  if (depth > maxDepth || self.entries++ > maxEntries) return `[...${hashOf(value)}]`
  const parts = partsOf(value)
  if (typeof parts === "string") return parts
  self.path.add(value)
  const texts = parts.inner.map(([label, one]) => `${label}${format(self, one, depth + 1)}`)
  self.path.delete(value)
  return `${parts.open}${texts.join(",")}${parts.close}`
}

/** Hashes a value of any size and depth; a value that occurs twice is the number of its first occurrence. */
const hashOf = (root: object): string => {
  const seen = new Map<object, number>()
  const left: Array<unknown> = [root]
  let [one, other] = [0x811c9dc5, 0x1000193]
  const add = (text: string) => {
    for (let i = 0; i < text.length; i++) {
      one = Math.imul(one ^ text.charCodeAt(i), 0x01000193)
      other = Math.imul(other, 31) + text.charCodeAt(i)
    }
    one = Math.imul(one ^ 0x100, 0x01000193) ^ (one >>> 15)
    other = (Math.imul(other, 31) + 0x100) | 0
  }
  while (left.length > 0) {
    const value = left.pop()
    if (typeof value === "object" && value !== null) {
      const number = seen.get(value)
      if (number !== undefined) {
        add(`[${number}]`)
        continue
      }
      seen.set(value, seen.size)
    }
    const parts = partsOf(value)
    if (typeof parts === "string") {
      add(parts)
      continue
    }
    add(`${parts.open}${parts.inner.length}${parts.close}`)
    for (const [label] of parts.inner) add(label)
    for (let i = parts.inner.length - 1; i >= 0; i--) left.push(parts.inner[i]![1])
  }
  return [one, other].map((half) => (half >>> 0).toString(16).padStart(8, "0")).join("")
}

/** Formats a value. Never throws. */
export const of = (value: unknown): string => format({ path: new Set(), entries: 0 }, value, 0)

/**
 * Describes an error in a sentence: its name and message, or `unnamed` and the value. Never throws, also for values
 * that JSON cannot hold.
 */
export const describeError = (error: unknown, unnamed: string): string => {
  try {
    if (error instanceof Error) {
      const { message, name } = error
      return name === "Error" ? `${message}` : `${name}: ${message}`
    }
    return `${unnamed} ${JSON.stringify(error)}`
  } catch {
    return `${unnamed} ${of(error)}`
  }
}
