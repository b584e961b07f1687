/**
 * Status packet of a peer: one datagram, as bytes and as a value. Pure; numbers are big-endian, texts are UTF-8.
 *
 * ```
 *  0       4         5       6   8    16            24         28         32
 * +-------+---------+-------+---+----+-------------+----------+----------+------+
 * | magic | version | flags | 0 | id | incarnation | sequence | interval | time |
 * +-------+---------+-------+---+----+-------------+----------+----------+------+
 *  40      1 byte                 1 byte              2 bytes                  32 bytes, if signed
 *         +--------+---------+   +--------+------+   +--------+---------+   +-------------+
 *         | length | cluster |   | length | name |   | length | payload |   | HMAC-SHA256 |
 *         +--------+---------+   +--------+------+   +--------+---------+   +-------------+
 * ```
 *
 * The magic begins with a NUL. The course's packet begins with a name, so the two formats cannot be confused.
 *
 * **Example** (Encode and decode a packet)
 *
 * ```ts
 * import * as Result from "effect/Result"
 * import { StatusPacket } from "effect-inet/status"
 *
 * const packet = {
 *   cluster: "lab",
 *   id: "00c0ffee0badcafe",
 *   name: "web1",
 *   incarnation: 1,
 *   sequence: 42,
 *   interval: 1_000,
 *   time: 0,
 *   goodbye: false,
 *   payload: new TextEncoder().encode('{"jobs":3}')
 * }
 *
 * const { bytes } = Result.getOrThrow(StatusPacket.encode(packet))
 * bytes.length // => 61
 * const decoded = Result.getOrThrow(StatusPacket.decode(bytes))
 * decoded.packet.name // => "web1"
 * decoded.packet.sequence // => 42
 * ```
 */
import * as Data from "effect/Data"
import * as Result from "effect/Result"
import * as Quantity from "../../network/Quantity.ts"
import * as TerminalText from "../../network/TerminalText.ts"

/** Version of this format. @category constants @since 0.1.0 */
export const version = 1

/** Magic: a NUL, then `EIS`. @category constants @since 0.1.0 */
export const magic = 0x00454953

/** Limits of a packet. @category constants @since 0.1.0 */
export const limits = {
  /** A datagram. With UDP and IPv6 headers it fits into an Ethernet frame, also inside a VLAN and a tunnel. */
  packetBytes: 1_400,
  /** A name of a peer or a cluster. */
  nameBytes: 63,
  /** The payload that fits with names of any length and a signature. */
  payloadBytes: 1_400 - 44 - 2 * 63 - 32,
  intervalMillis: { min: 10, max: 3_600_000 }
} as const

/** Bytes before the texts. */
const headerBytes = 40

/** Size of an HMAC-SHA256 (RFC 2104, RFC 6234). @category constants @since 0.1.0 */
export const signatureBytes = 32

const flagBits = { goodbye: 1, signed: 2 } as const

/** Status of a peer at one moment. @category models @since 0.1.0 */
export interface StatusPacket {
  /** Name of the cluster, at most 63 bytes. Default "". */
  readonly cluster: string
  /** 64 bits as 16 lower-case hexadecimal digits; the same after a restart. */
  readonly id: string
  /** Name, 1 to 63 bytes. A received name is untrusted input: print it with `TerminalText.escape`. */
  readonly name: string
  /** Number that grows with each start of the peer, 0 to 2^53 - 1. */
  readonly incarnation: number
  /** Number that grows with each packet of an incarnation, 0 to 2^32 - 1. */
  readonly sequence: number
  /** Milliseconds until the next packet at most, as announced by the peer: 10 to 3,600,000. */
  readonly interval: number
  /** Sender's clock, milliseconds since 1970: used only to detect replayed packets. */
  readonly time: number
  /** True in the last packet of a peer that leaves. */
  readonly goodbye: boolean
  /**
   * Payload of the app: up to 1,198 bytes always fit, more if the names are short or the packet is unsigned. Decoding
   * returns a view of the datagram, not a copy.
   */
  readonly payload: Uint8Array
}

/** A decoded packet and the parts needed to verify its signature. @category models @since 0.1.0 */
export interface Decoded {
  readonly packet: StatusPacket
  /** HMAC-SHA256 and the bytes it covers; undefined in an unsigned packet. */
  readonly signed: { readonly tag: Uint8Array; readonly covered: Uint8Array } | undefined
}

const problems = {
  BadMagic: "not a status packet (bad magic)",
  Version: `unsupported version, expected ${version}`,
  Truncated: "truncated packet",
  Oversized: `packet of more than ${limits.packetBytes} bytes, or with trailing bytes`,
  Name: `a name must be 1 to ${limits.nameBytes} bytes of UTF-8, a cluster 0 to ${limits.nameBytes}`,
  Id: "an id must be 16 lower-case hexadecimal digits, not all 0",
  Number: "an incarnation and a time must be integers of 0 to 2^53 - 1, a sequence of 0 to 2^32 - 1",
  Interval: "an interval must be a whole number of milliseconds, 10 to 3,600,000",
  Flags: "unknown flags or reserved bytes"
}

/** Reason why bytes are not a valid packet, or a value cannot be encoded. @category models @since 0.1.0 */
export type Problem = keyof typeof problems

/** Bytes that are not a valid packet, or a value that cannot be encoded. @category errors @since 0.1.0 */
export class StatusPacketError extends Data.TaggedError("StatusPacketError")<{
  readonly reason: Problem
  /** The rejected value. */
  readonly found: string
}> {
  override get message(): string {
    return `${problems[this.reason]}: ${TerminalText.escape(this.found)}`
  }
}

/** Length of the rejected value in a message. */
const maxQuotedChars = 80

const fail = (reason: Problem, found: string | number) =>
  Result.fail(new StatusPacketError({ reason, found: `${found}`.slice(0, maxQuotedChars).toWellFormed() }))

const encoder = new TextEncoder()
const decoder = new TextDecoder("utf-8", { fatal: true, ignoreBOM: true })

const zeroId = "0".repeat(16)

const isId = (id: string) => /^[0-9a-f]{16}$/.test(id) && id !== zeroId

const isIntegerUpTo = (value: number, max: number) => Number.isInteger(value) && value >= 0 && value <= max

const isInterval = (millis: number) =>
  isIntegerUpTo(millis, limits.intervalMillis.max) && millis >= limits.intervalMillis.min

/**
 * Encodes a packet, with space for a signature at its end if `signed`; `covered` is the number of bytes to sign. Fails
 * if a name, a number or the payload is out of range.
 *
 * @category encoding
 * @since 0.1.0
 */
export const encode = (
  packet: StatusPacket,
  signed = false
): Result.Result<{ readonly bytes: Uint8Array<ArrayBuffer>; readonly covered: number }, StatusPacketError> => {
  const { id, incarnation, interval, payload, sequence, time } = packet
  const cluster = encoder.encode(packet.cluster)
  const name = encoder.encode(packet.name)
  if (!isId(id)) return fail("Id", id)
  if (cluster.length > limits.nameBytes) return fail("Name", `cluster ${packet.cluster}`)
  if (name.length === 0 || name.length > limits.nameBytes) return fail("Name", `name ${packet.name}`)
  if (!isInterval(interval)) return fail("Interval", interval)
  if (!isIntegerUpTo(incarnation, Number.MAX_SAFE_INTEGER)) return fail("Number", `incarnation ${incarnation}`)
  if (!isIntegerUpTo(time, Number.MAX_SAFE_INTEGER)) return fail("Number", `time ${time}`)
  if (!isIntegerUpTo(sequence, 0xffff_ffff)) return fail("Number", `sequence ${sequence}`)
  const covered = headerBytes + 4 + cluster.length + name.length + payload.length
  const length = covered + (signed ? signatureBytes : 0)
  if (length > limits.packetBytes) return fail("Oversized", Quantity.format(length, "byte"))
  const bytes = new Uint8Array(length)
  const view = new DataView(bytes.buffer)
  view.setUint32(0, magic)
  view.setUint8(4, version)
  view.setUint8(5, (packet.goodbye ? flagBits.goodbye : 0) | (signed ? flagBits.signed : 0))
  view.setUint32(8, Number.parseInt(id.slice(0, 8), 16))
  view.setUint32(12, Number.parseInt(id.slice(8), 16))
  setUint64(view, 16, incarnation)
  view.setUint32(24, sequence)
  view.setUint32(28, interval)
  setUint64(view, 32, time)
  let at = headerBytes
  for (const text of [cluster, name]) {
    view.setUint8(at, text.length)
    bytes.set(text, at + 1)
    at += 1 + text.length
  }
  view.setUint16(at, payload.length)
  bytes.set(payload, at + 2)
  return Result.succeed({ bytes, covered })
}

const uint32Modulus = 2 ** 32

const setUint64 = (view: DataView, at: number, value: number) => {
  view.setUint32(at, Math.floor(value / uint32Modulus))
  view.setUint32(at + 4, value % uint32Modulus)
}

const getUint16 = (bytes: Uint8Array, at: number) => (bytes[at]! << 8) | bytes[at + 1]!

const getUint32 = (bytes: Uint8Array, at: number) =>
  ((bytes[at]! << 24) | (bytes[at + 1]! << 16) | (bytes[at + 2]! << 8) | bytes[at + 3]!) >>> 0

const getUint64 = (bytes: Uint8Array, at: number) => getUint32(bytes, at) * uint32Modulus + getUint32(bytes, at + 4)

const hex = (value: number) => value.toString(16).padStart(8, "0")

/**
 * Slots of a cache, a power of 2. The same few peers send the same names again and again: a cache of decoded texts
 * saves a process with 200 peers about a seventh of its CPU time.
 */
const memoSlots = 1_024

interface MemoEntry<A> {
  readonly key: Uint8Array
  readonly value: A
}

/** Caches results of `read` for short byte ranges: as pure as `read`, and bounded. */
const memo = <A>(read: (bytes: Uint8Array) => A) => {
  const slots = new Array<MemoEntry<A> | undefined>(memoSlots)
  return (bytes: Uint8Array, from: number, to: number): A => {
    let hash = to - from
    for (let i = from; i < to; i++) hash = Math.imul(hash ^ bytes[i]!, 0x01000193)
    const slot = (hash ^ (hash >>> 15)) & (memoSlots - 1)
    const entry = slots[slot]
    if (entry !== undefined && bytesEqualAt(entry.key, bytes, from, to)) return entry.value
    const key = new Uint8Array(bytes.subarray(from, to))
    const value = read(key)
    slots[slot] = { key, value }
    return value
  }
}

const bytesEqualAt = (key: Uint8Array, bytes: Uint8Array, from: number, to: number) => {
  if (key.length !== to - from) return false
  for (let i = 0; i < key.length; i++) if (key[i] !== bytes[from + i]) return false
  return true
}

/** Undefined for invalid UTF-8. */
const textAt = memo((bytes): string | undefined => {
  try {
    return decoder.decode(bytes)
  } catch {
    return undefined
  }
})

const idAt = memo((bytes) => hex(getUint32(bytes, 0)) + hex(getUint32(bytes, 4)))

/** Returns true if a datagram begins with the magic, in any version. @category guards @since 0.1.0 */
export const isStatus = (bytes: Uint8Array): boolean =>
  bytes[0] === 0x00 && bytes[1] === 0x45 && bytes[2] === 0x49 && bytes[3] === 0x53

/**
 * Decodes a datagram; never throws. The caller, who has the key, verifies the signature.
 *
 * @category decoding
 * @since 0.1.0
 */
export const decode = (bytes: Uint8Array): Result.Result<Decoded, StatusPacketError> => {
  const { length } = bytes
  if (length < 5 || !isStatus(bytes)) return fail("BadMagic", Quantity.format(length, "byte"))
  if (bytes[4] !== version) return fail("Version", bytes[4]!)
  if (length > limits.packetBytes) return fail("Oversized", Quantity.format(length, "byte"))
  if (length < headerBytes + 4) return fail("Truncated", Quantity.format(length, "byte"))
  const flags = bytes[5]!
  if (flags > 3 || getUint16(bytes, 6) !== 0) return fail("Flags", `${flags} ${getUint16(bytes, 6)}`)
  const id = idAt(bytes, 8, 16)
  if (id === zeroId) return fail("Id", id)
  const incarnation = getUint64(bytes, 16)
  const sequence = getUint32(bytes, 24)
  const interval = getUint32(bytes, 28)
  const time = getUint64(bytes, 32)
  if (incarnation > Number.MAX_SAFE_INTEGER) return fail("Number", `incarnation ${incarnation}`)
  if (time > Number.MAX_SAFE_INTEGER) return fail("Number", `time ${time}`)
  if (!isInterval(interval)) return fail("Interval", interval)
  const clusterLength = bytes[headerBytes]!
  const nameAt = headerBytes + 1 + clusterLength
  if (clusterLength > limits.nameBytes) return fail("Name", `cluster of ${Quantity.format(clusterLength, "byte")}`)
  if (length < nameAt + 3) return fail("Truncated", Quantity.format(length, "byte"))
  const nameLength = bytes[nameAt]!
  const payloadAt = nameAt + 3 + nameLength
  if (nameLength === 0 || nameLength > limits.nameBytes)
    return fail("Name", `name of ${Quantity.format(nameLength, "byte")}`)
  if (length < payloadAt) return fail("Truncated", Quantity.format(length, "byte"))
  const covered = payloadAt + getUint16(bytes, payloadAt - 2)
  const isSigned = (flags & flagBits.signed) !== 0
  const expected = covered + (isSigned ? signatureBytes : 0)
  if (length !== expected) return fail(length < expected ? "Truncated" : "Oversized", Quantity.format(length, "byte"))
  const cluster = textAt(bytes, headerBytes + 1, nameAt)
  const name = textAt(bytes, nameAt + 1, payloadAt - 2)
  if (cluster === undefined || name === undefined) return fail("Name", "invalid UTF-8")
  const goodbye = (flags & flagBits.goodbye) !== 0
  const payload = bytes.subarray(payloadAt, covered)
  return Result.succeed({
    packet: { cluster, id, name, incarnation, sequence, interval, time, goodbye, payload },
    signed: isSigned ? { tag: bytes.subarray(covered), covered: bytes.subarray(0, covered) } : undefined
  })
}
