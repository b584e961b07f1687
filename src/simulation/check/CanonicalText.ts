/**
 * Canonical texts of values: equal for equal values, also in two runs of one seed. Keys are sorted; functions, effects
 * and fibers have their kind only, because their identity differs in each run.
 */
import * as Cause from "effect/Cause"
import * as Effect from "effect/Effect"
import * as Exit from "effect/Exit"
import * as Fiber from "effect/Fiber"
import * as Predicate from "effect/Predicate"

/** Levels of nested values that are formatted. */
const maxDepth = 12

/** Entries of a value that are formatted, in all its levels together. */
const maxEntries = 100_000

interface State {
  readonly path: Set<object>
  entries: number
}

const className = (value: object): string => {
  const name = (Object.getPrototypeOf(value) as { readonly constructor?: { readonly name?: string } } | null)
    ?.constructor?.name
  return name === undefined || name === "Object" ? "" : name
}

const isHidden = (key: string) => key.startsWith("~") || key === "stack"

/** Returns the own enumerable properties; those of an error also hold its name and message. */
const propertiesOf = (value: object): ReadonlyArray<readonly [string, unknown]> => {
  const own = Object.entries(value).filter(([key]) => !isHidden(key))
  if (!(value instanceof Error)) return own
  const named: Array<readonly [string, unknown]> = [
    ["name", value.name],
    ["message", value.message]
  ]
  const { cause } = value
  return [
    ...named,
    ...(cause === undefined ? [] : [["cause", cause] as const]),
    ...own.filter(([key]) => !["name", "message", "cause"].includes(key))
  ]
}

const hex = (bytes: Uint8Array) => Array.from(bytes, (byte) => byte.toString(16).padStart(2, "0")).join("")

const list = (self: State, depth: number, values: Iterable<unknown>) =>
  Array.from(values, (one) => format(self, one, depth + 1)).join(",")

/** Formats the values whose class has no properties of its own; returns undefined for others. */
const formatSpecial = (self: State, value: object, depth: number): string | undefined => {
  if (value instanceof Uint8Array) return `bytes(${hex(value)})`
  if (ArrayBuffer.isView(value))
    return `bytes(${hex(new Uint8Array(value.buffer, value.byteOffset, value.byteLength))})`
  if (value instanceof Date) return `Date(${value.getTime()})`
  if (value instanceof RegExp) return `${value}`
  if (Array.isArray(value)) return `[${list(self, depth, value)}]`
  if (value instanceof Set) return `Set{${[...value].map((one) => format(self, one, depth + 1)).sort()}}`
  if (value instanceof Map) return `Map{${[...value].map((one) => list(self, depth, one)).sort()}}`
  if (Exit.isExit(value)) {
    return Exit.isSuccess(value)
      ? `Success(${format(self, value.value, depth + 1)})`
      : `Failure(${formatCause(self, value.cause, depth)})`
  }
  if (Cause.isCause(value)) return formatCause(self, value, depth)
  if (Fiber.isFiber(value)) return "[Fiber]"
  // Errors of effect are effects, too.
  return Effect.isEffect(value) && !(value instanceof Error) ? "[Effect]" : undefined
}

/** Formats the errors of a cause; the fibers that interrupted another have numbers that differ in each run. */
const formatCause = (self: State, cause: Cause.Cause<unknown>, depth: number): string =>
  cause.reasons
    .map((reason) =>
      Cause.isFailReason(reason)
        ? `Fail(${format(self, reason.error, depth + 1)})`
        : Cause.isDieReason(reason)
          ? `Die(${format(self, reason.defect, depth + 1)})`
          : "Interrupt"
    )
    .join(",")

const formatObject = (self: State, value: object, depth: number): string => {
  const special = formatSpecial(self, value, depth)
  if (special !== undefined) return special
  const isRecord = value instanceof Error || Object.keys(value).length > 0
  // Values of effect such as Option, Duration and HashMap have no properties, and describe themselves as JSON.
  if (!isRecord && Predicate.hasProperty(value, "toJSON") && typeof value.toJSON === "function") {
    return `${className(value)}${format(self, value.toJSON(), depth + 1)}`
  }
  const properties = propertiesOf(value)
    .map(([key, one]) => `${JSON.stringify(key)}:${format(self, one, depth + 1)}`)
    .sort()
  return `${className(value)}{${properties.join(",")}}`
}

const format = (self: State, value: unknown, depth: number): string => {
  if (typeof value === "function") return "[Function]"
  if (typeof value === "string") return JSON.stringify(value)
  if (typeof value === "bigint") return `${value}n`
  if (typeof value === "symbol") return `${String(value)}`
  if (Object.is(value, -0)) return "-0"
  if (typeof value !== "object" || value === null) return `${value}`
  if (self.path.has(value)) return "[Circular]"
  if (depth > maxDepth || self.entries++ > maxEntries) return "[...]"
  self.path.add(value)
  try {
    return formatObject(self, value, depth)
  } catch {
    return `[${className(value)}]`
  } finally {
    self.path.delete(value)
  }
}

/** Formats a value. Never throws. */
export const of = (value: unknown): string => format({ path: new Set(), entries: 0 }, value, 0)
