/** Encoded packets and results as JSON text: in this form they travel between hosts and agents. */
import * as Schema from "effect/Schema"
import { type ErrorText, errorText, tooLarge } from "../farm/FarmError.ts"
import { maxTextBytes } from "./FarmPool.ts"

/** The conversion of encoded values, such as `Work.packet` encodes them, to JSON text and back. Both may throw. */
export interface JsonText {
  readonly write: (encoded: unknown) => string
  readonly read: (text: string) => unknown
}

/** Makes the conversion for the encoded side of a schema: dates, bigints and bytes in it keep their types. */
export const make = <A>(schema: Schema.Codec<A, unknown>): JsonText => {
  const codec = Schema.toCodecJson(Schema.toEncoded(schema))
  const encode = Schema.encodeUnknownSync(codec)
  const decode = Schema.decodeUnknownSync(codec)
  return {
    write: (encoded) => JSON.stringify(encode(encoded)),
    read: (text) => decode(JSON.parse(text))
  }
}

/** A value that cannot be sent: its text is over the limit, or it has none. */
export interface Refused {
  readonly kind: "TooLarge" | "Unsendable"
  readonly error: ErrorText
}

/** A text and its bytes, or an error. The bytes of an error are those that the attempt has cost. */
export interface Written {
  readonly bytes: number
  readonly text: string | Refused
}

/** The values in one packet or result that are looked at. */
const maxValues = 10_000

/** Returns bytes that the text of a value has at least: its characters, and Base64 for its bytes. */
const leastBytes = (encoded: unknown): number => {
  const values = [encoded]
  let bytes = 0
  for (let at = 0; at < values.length && at < maxValues; at++) {
    const value = values[at]
    if (typeof value === "string") bytes += value.length
    else if (value instanceof Uint8Array) bytes += Math.ceil((4 * value.length) / 3)
    else if (typeof value === "object" && value !== null && !ArrayBuffer.isView(value)) {
      for (const member of Object.values(value)) values.push(member)
    }
  }
  return bytes
}

/** Writes a packet or a result for the other side. One that is too large by its bytes alone is not written. */
export const writeWithin = (json: JsonText, what: "packet" | "result", encoded: unknown): Written => {
  try {
    const least = leastBytes(encoded)
    if (least > maxTextBytes) {
      return { bytes: 0, text: { kind: "TooLarge", error: tooLarge(what, least, maxTextBytes) } }
    }
    const text = json.write(encoded)
    const bytes = byteLength(text)
    if (bytes <= maxTextBytes) return { bytes, text }
    return { bytes, text: { kind: "TooLarge", error: tooLarge(what, bytes, maxTextBytes) } }
  } catch (cause) {
    return { bytes: 0, text: { kind: "Unsendable", error: errorText(cause) } }
  }
}

/** Keeps the texts of large packets as long as the packets: a second attempt, or another agent, has the same text. */
export const keepingLarge = ({ read, write }: JsonText): JsonText => {
  const kept = new WeakMap<object, string>()
  return {
    read,
    write: (encoded) => {
      if (typeof encoded !== "object" || encoded === null) return write(encoded)
      const known = kept.get(encoded)
      if (known !== undefined) return known
      const text = write(encoded)
      if (text.length > estimatedChars) kept.set(encoded, text)
      return text
    }
  }
}

const encoder = new TextEncoder()

/** Characters up to which the bytes of a text are estimated: counting them costs more than a tiny packet. */
const estimatedChars = 4_096

/** Returns the bytes of a text in UTF-8; of a short one three for each character, the most that it may have. */
export const byteLength = (text: string): number =>
  text.length <= estimatedChars ? 3 * text.length : encoder.encode(text).length
