/**
 * The text of a checkpoint in parts: it may have many megabytes, and is written while workers call. The event loop has
 * a turn after each part.
 */
import * as Effect from "effect/Effect"
import { crc32c } from "../../network/server/Crc32c.ts"
import * as ByteEstimate from "../ByteEstimate.ts"

/** The characters of a part: some 10 ms of work to write it and to add up its checksum. */
export const partChars = 2 ** 19

/** The work on an element of a checkpoint besides its characters, in characters. */
const elementChars = 256

/** Splits a text into parts of at most this number of characters, and one more where a character has two. */
export function* split(text: string, maxChars = partChars): Generator<string> {
  for (let from = 0; from < text.length; ) {
    let to = from + maxChars
    if (isFirstOfPair(text.charCodeAt(to - 1))) to++
    yield text.slice(from, to)
    from = to
  }
}

const isFirstOfPair = (code: number) => code >= 0xd800 && code < 0xdc00

/** Writes a value of JSON as `JSON.stringify` does, in parts: those of a large one are its members, or of a string. */
export function* json(value: unknown, maxChars = partChars): Generator<string> {
  if (typeof value === "string") return yield* jsonString(value, maxChars)
  const isSmall = typeof value !== "object" || value === null || ByteEstimate.estimate(value) <= maxChars
  if (isSmall) return yield JSON.stringify(value) ?? "null"
  const isArray = Array.isArray(value)
  let separator = ""
  yield isArray ? "[" : "{"
  for (const [key, member] of Object.entries(value)) {
    if (!isArray && member === undefined) continue
    yield isArray ? separator : `${separator}${JSON.stringify(key)}:`
    yield* json(member, maxChars)
    separator = ","
  }
  yield isArray ? "]" : "}"
}

function* jsonString(text: string, maxChars: number): Generator<string> {
  if (text.length <= maxChars) return yield JSON.stringify(text)
  yield '"'
  for (const part of split(text, maxChars)) yield JSON.stringify(part).slice(1, -1)
  yield '"'
}

/** Takes all elements of an iterator. The event loop has a turn after each part. Fails with what `next` throws. */
export const takeAll = Effect.fnUntraced(function* <A>(
  elements: Iterator<A>,
  charsOf: (element: A) => number
): Effect.fn.Return<ReadonlyArray<A>, unknown> {
  const taken: Array<A> = []
  /** Takes the elements of a part; true if there are more. */
  const takePart = () => {
    for (let chars = 0; chars < partChars; ) {
      const { done, value } = elements.next()
      if (done === true) return false
      taken.push(value)
      chars += elementChars + charsOf(value)
    }
    return true
  }
  while (yield* Effect.try({ try: takePart, catch: (cause) => cause })) yield* Effect.yieldNow
  return taken
})

/** Joins small parts, up to the size of one. */
function* joined(parts: Iterable<string>): Generator<string> {
  let small: Array<string> = []
  let chars = 0
  for (const part of parts) {
    small.push(part)
    chars += part.length
    if (chars < partChars) continue
    yield small.join("")
    small = []
    chars = 0
  }
  if (chars > 0) yield small.join("")
}

/** The checksum of parts that were taken. */
interface Checksum {
  value: number
}

const encoder = new TextEncoder()

function* added(parts: Iterable<string>, checksum: Checksum): Generator<string> {
  for (const part of parts) {
    checksum.value = crc32c(encoder.encode(part), checksum.value)
    yield part
  }
}

/** Takes the parts of a text. Returns them, the small ones joined, with their CRC-32C as eight hexadecimal digits. */
export const takeText = Effect.fnUntraced(function* (parts: Iterable<string>) {
  const checksum: Checksum = { value: 0 }
  const taken = yield* takeAll(added(joined(parts), checksum), ({ length }) => length)
  return { parts: taken, sum: checksum.value.toString(16).padStart(8, "0") }
})
