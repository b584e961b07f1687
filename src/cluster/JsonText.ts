/** Encoded packets and results as JSON text: in this form they travel between hosts and agents. */
import * as Schema from "effect/Schema"
import * as ByteEstimate from "../farm/ByteEstimate.ts"
import { type ErrorText, errorText, tooLarge } from "../farm/FarmError.ts"
import { maxTextBytes } from "./FarmPool.ts"

/** The conversion of encoded values, such as `Work.packet` encodes them, to JSON text and back. Both may throw. */
export interface JsonText {
  readonly write: (encoded: unknown) => string
  readonly read: (text: string) => unknown
}

/** Makes the codec between values and their JSON text: dates, bigints, NaN and bytes keep their types. */
export const codec = <A>(schema: Schema.Codec<A, unknown>) => Schema.fromJsonString(Schema.toCodecJson(schema))

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

/** Returns bytes that the text of a value has at least: its characters, and Base64 of bytes. Undefined for others. */
const ownBytes = (value: unknown): number | undefined => {
  if (typeof value === "string") return value.length
  if (value instanceof Uint8Array) return Math.ceil((4 * value.length) / 3)
  return typeof value !== "object" || value === null || ArrayBuffer.isView(value) ? 0 : undefined
}

const leastBytes = (encoded: unknown) => ByteEstimate.sum(encoded, ownBytes, 0)

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
