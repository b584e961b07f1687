/** Encoded packets and results as JSON text: in this form they travel between hosts and agents. */
import * as Schema from "effect/Schema"

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

const encoder = new TextEncoder()

/** Characters up to which the bytes of a text are estimated: counting them costs more than a tiny packet. */
const estimatedChars = 4_096

/** Returns the bytes of a text in UTF-8; of a short one three for each character, the most that it may have. */
export const byteLength = (text: string): number =>
  text.length <= estimatedChars ? 3 * text.length : encoder.encode(text).length
