/**
 * The bytes of packets and results on the wire, derived from the schemas of their job. A value that structured clone
 * can send to a thread and its schema describes (NaN, bigint, Date, Uint8Array) arrives as it was sent. Text is
 * UTF-8: half a surrogate pair becomes U+FFFD.
 */
import * as SchemaBinary from "effect/encoding/SchemaBinary"
import * as Result from "effect/Result"
import * as Schema from "effect/Schema"
import type { Work } from "../Job.ts"
import * as Protocol from "./Protocol.ts"

/** The part of a job that the ends of a connection need. @category models @since 0.1.0 */
export interface WireJob extends Pick<Work<never, never>, "name" | "version"> {
  readonly packet: Schema.Constraint
  readonly result: Schema.Constraint
}

/** The codec of one kind of payload: of encoded values, as a farm and its threads have them. */
export interface Payload {
  /** Encodes a value. Fails with one line for a value that does not fit its schema. */
  readonly encode: (value: unknown) => Result.Result<Uint8Array, string>
  readonly decode: (bytes: Uint8Array) => Result.Result<unknown, string>
}

/** The codecs of the packets and results of a job. */
export interface PayloadCodec {
  readonly packet: Payload
  readonly result: Payload
}

const payload = (schema: Schema.Constraint): Payload => {
  // The encoded side of a schema needs no services.
  const codec = SchemaBinary.toCodec(Schema.toEncoded(schema) as Schema.Codec<unknown>)
  const encode = Schema.encodeUnknownResult(codec)
  const decode = Schema.decodeUnknownResult(codec)
  const oneLine = (cause: { readonly message: string }) => Protocol.singleLine(cause.message)
  return {
    encode: (value) => Result.mapError(encode(value), oneLine),
    decode: (bytes) => Result.mapError(decode(bytes), oneLine)
  }
}

/** Makes the codecs of a job. */
export const make = ({ packet, result }: Pick<WireJob, "packet" | "result">): PayloadCodec => ({
  packet: payload(packet),
  result: payload(result)
})
