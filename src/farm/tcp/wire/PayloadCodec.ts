/**
 * The bytes of packets and results on the wire, derived from the schemas of their job. A value that structured clone
 * can send to a thread and its schema describes (NaN, bigint, Date, Uint8Array) arrives as it was sent. Text is
 * UTF-8: half a surrogate pair becomes U+FFFD.
 *
 * ```
 *   +---------+----------- ~ ------------+------------- ~ -------------+----------- ~ -----------+
 *   | count n | n times: slot, length    | the value without the bytes | the bytes, one after    |
 *   | uint8   | uint8, uint32 big endian | of the slots: SchemaBinary  | the other               |
 *   +---------+----------- ~ ------------+------------- ~ -------------+----------- ~ -----------+
 * ```
 *
 * A slot is a property of the schema that has bytes. Those of 4 KiB or more travel beside the value: SchemaBinary takes
 * 150 us to encode 64 KiB, and 90 us to decode them.
 */
import * as SchemaBinary from "effect/encoding/SchemaBinary"
import * as Result from "effect/Result"
import * as Schema from "effect/Schema"
import type * as SchemaAST from "effect/SchemaAST"
import type { Work } from "../../Job.ts"
import { singleLine } from "./ProtocolError.ts"

/** The part of a job that the ends of a connection need. @category models @since 0.1.0 */
export interface WireJob extends Pick<Work<never, never>, "name" | "version"> {
  readonly packet: Schema.Constraint
  readonly result: Schema.Constraint
}

/** The codec of one kind of payload: of encoded values, as a farm and its threads have them. */
export interface Payload {
  /** Encodes a value as buffers, one after the other. Fails with one line for a value that does not fit its schema. */
  readonly encode: (value: unknown) => Result.Result<ReadonlyArray<Uint8Array>, string>
  readonly decode: (bytes: Uint8Array) => Result.Result<unknown, string>
}

/** The codecs of the packets and results of a job. */
export interface PayloadCodec {
  readonly packet: Payload
  readonly result: Payload
}

/** The names of the properties that lead from a value to its bytes; none for a value that is the bytes. */
type Path = ReadonlyArray<PropertyKey>

/** The fewest bytes that travel beside a value. */
const minDetachedBytes = 4_096

/** The most slots of a schema, and of the properties on the way to one: further bytes travel in the value. */
const maxSlots = 32
const maxDepth = 4

const slotBytes = 5

const empty = new Uint8Array(0)

/** Bytes without checks of their own. */
const bytesOnly = Schema.toEncoded(Schema.Uint8Array).ast

/** Returns the slots of a schema. Checks could concern the bytes, so that they do not travel beside such a value. */
const slotsOf = (ast: SchemaAST.AST): ReadonlyArray<Path> => {
  const paths: Array<Path> = []
  const visit = (at: SchemaAST.AST, path: Path) => {
    if (at === bytesOnly) paths.push(path)
    else if (at._tag === "Objects" && at.checks === undefined && path.length < maxDepth) {
      for (const { name, type } of at.propertySignatures) visit(type, [...path, name])
    }
  }
  visit(ast, [])
  return paths.slice(0, maxSlots)
}

const isObject = (value: unknown): value is Readonly<Record<PropertyKey, unknown>> =>
  typeof value === "object" && value !== null && Object.getPrototypeOf(value) === Object.prototype

const get = (value: unknown, path: Path): unknown =>
  path.reduce<unknown>((at, name) => (isObject(at) ? at[name] : undefined), value)

/** Returns the value with another one at the path, where it has one. */
const set = (value: unknown, [name, ...rest]: Path, replacement: Uint8Array): unknown =>
  name === undefined ? replacement : isObject(value) ? { ...value, [name]: set(value[name], rest, replacement) } : value

/** Bytes that travel beside a value. */
interface Detached {
  readonly slot: number
  readonly bytes: Uint8Array
}

const detach = (slots: ReadonlyArray<Path>, value: unknown) => {
  const detached: Array<Detached> = []
  let rest = value
  for (const [slot, path] of slots.entries()) {
    const bytes = get(value, path)
    if (!(bytes instanceof Uint8Array) || bytes.length < minDetachedBytes) continue
    // A copy, as a thread gets one: a source may use its buffer again before the bytes are sent.
    detached.push({ slot, bytes: new Uint8Array(bytes) })
    rest = set(rest, path, empty)
  }
  return { detached, rest }
}

const join = (detached: ReadonlyArray<Detached>, value: Uint8Array): ReadonlyArray<Uint8Array> => {
  const table = new Uint8Array(1 + slotBytes * detached.length)
  const view = new DataView(table.buffer)
  table[0] = detached.length
  for (const [index, { bytes, slot }] of detached.entries()) {
    view.setUint8(1 + slotBytes * index, slot)
    view.setUint32(2 + slotBytes * index, bytes.length)
  }
  return [table, value, ...detached.map(({ bytes }) => bytes)]
}

/** Separates the value from the bytes beside it; `undefined` if their table is not that of such a schema. */
const separate = (slots: ReadonlyArray<Path>, payload: Uint8Array) => {
  const [count = 0] = payload
  const valueAt = 1 + slotBytes * count
  if (payload.length < valueAt) return undefined
  const view = new DataView(payload.buffer, payload.byteOffset, payload.length)
  const detached: Array<Detached> = []
  let end = payload.length
  for (let index = count - 1; index >= 0; index--) {
    const slot = view.getUint8(1 + slotBytes * index)
    const start = end - view.getUint32(2 + slotBytes * index)
    if (start < valueAt || slot >= (detached[0]?.slot ?? slots.length)) return undefined
    // A copy: the payload is a view of much that arrived with it.
    detached.unshift({ slot, bytes: new Uint8Array(payload.subarray(start, end)) })
    end = start
  }
  return { detached, value: payload.subarray(valueAt, end) }
}

const payload = (schema: Schema.Constraint): Payload => {
  const encoded = Schema.toEncoded(schema)
  // The encoded side of a schema needs no services.
  const codec = SchemaBinary.toCodec(encoded as Schema.Codec<unknown>)
  const slots = slotsOf(encoded.ast)
  const encode = Schema.encodeUnknownResult(codec)
  const decode = Schema.decodeUnknownResult(codec)
  const oneLine = (cause: { readonly message: string }) => singleLine(cause.message)
  return {
    encode: (value) => {
      const { detached, rest } = detach(slots, value)
      return Result.mapBoth(encode(rest), {
        onFailure: oneLine,
        onSuccess: (bytes) => join(detached, bytes)
      })
    },
    decode: (bytes) => {
      const parts = separate(slots, bytes)
      if (parts === undefined) return Result.fail("its table of bytes does not fit the schema")
      return Result.mapBoth(decode(parts.value), {
        onFailure: oneLine,
        onSuccess: (value) =>
          parts.detached.reduce<unknown>((whole, { bytes, slot }) => set(whole, slots[slot]!, bytes), value)
      })
    }
  }
}

/** Makes the codecs of a job. */
export const make = ({ packet, result }: Pick<WireJob, "packet" | "result">): PayloadCodec => ({
  packet: payload(packet),
  result: payload(result)
})
