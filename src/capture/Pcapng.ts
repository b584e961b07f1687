/**
 * Encoder of the pcapng file format (IETF draft `draft-ietf-opsawg-pcapng`): section headers, interfaces, packets and
 * names, in either byte order. `PcapngDecoder` reads it.
 *
 * **Example** (A file of one packet)
 *
 * ```ts
 * import { Pcapng, PcapngDecoder } from "effect-inet/capture"
 * import * as Bytes from "effect/Bytes"
 * import * as Result from "effect/Result"
 *
 * const encode = Pcapng.encode()
 * const packet: Pcapng.Packet = {
 *   _tag: "Packet", interface: 0, at: 5n, bytes: Uint8Array.of(1, 2, 3), originalLength: 3, comments: ["a comment"]
 * }
 * const file = Bytes.concat([
 *   encode({ _tag: "Section", application: "example" }),
 *   encode({ _tag: "Interface", linkType: Pcapng.LINKTYPE_RAW, snapLength: 0, timestampResolution: 9 }),
 *   encode(packet)
 * ])
 * Result.getOrThrow(PcapngDecoder.decode(file))[2] // => packet
 * ```
 */
import * as Data from "effect/Data"
import * as NetAddress from "effect/net/NetAddress"
import * as Result from "effect/Result"
import type { ByteOrder } from "../network/names/ByteOrder.ts"
import {
  blockTypes,
  byteOrderMagic,
  nameRecordTypes,
  nanosPerSecond,
  optionCodes,
  ticksPerSecond
} from "./format/PcapngFormat.ts"

/** Link type of frames that are bare IPv4 or IPv6 packets. @category constants @since 0.1.0 */
export const LINKTYPE_RAW = 101

/** Start of a section, which is independent of the sections before. @category models @since 0.1.0 */
export interface Section {
  readonly _tag: "Section"
  readonly application?: string | undefined
}

/** Description of an interface; the interfaces of a section are numbered from 0. @category models @since 0.1.0 */
export interface Interface {
  readonly _tag: "Interface"
  readonly linkType: number
  /** Maximum number of bytes captured of a packet; 0 means no limit. */
  readonly snapLength: number
  readonly name?: string | undefined
  /** Text about the interface, which programs that merge files keep. */
  readonly description?: string | undefined
  /**
   * Unit of times (`if_tsresol`): 9 means 10^-9 seconds. With the high bit set it is a power of two: 0x8a means 2^-10
   * seconds. The decoder returns 6 if the file does not state it.
   */
  readonly timestampResolution: number
  /** Seconds to add to every time (`if_tsoffset`). Default 0. */
  readonly timestampOffset?: bigint | undefined
}

/** A packet (enhanced, simple or obsolete packet block). @category models @since 0.1.0 */
export interface Packet {
  readonly _tag: "Packet"
  readonly interface: number
  /** Time in nanoseconds. A simple packet block has none: the decoder gives it that of the packet before. */
  readonly at: bigint
  /** Captured bytes, at most `originalLength`. */
  readonly bytes: Uint8Array
  /** Length of the packet on the wire, in bytes. */
  readonly originalLength: number
  readonly comments: ReadonlyArray<string>
  /** Remarks of the decoder, such as a time that the file does not state. The encoder ignores them. */
  readonly notes?: ReadonlyArray<string> | undefined
}

/** Host names by address (name resolution block). @category models @since 0.1.0 */
export interface Names {
  readonly _tag: "Names"
  readonly names: ReadonlyArray<{ readonly address: string; readonly names: ReadonlyArray<string> }>
}

/** A block that the encoder writes. @category models @since 0.1.0 */
export type Block = Section | Interface | Packet | Names

/** Counters of an interface since the capture began (interface statistics block). @category models @since 0.1.0 */
export interface Statistics {
  readonly _tag: "Statistics"
  readonly interface: number
  readonly receivedPackets?: number | undefined
  /** Packets that the interface or the system dropped, so that the file does not have them. */
  readonly droppedPackets?: number | undefined
}

/** A block of a type that the decoder does not know. @category models @since 0.1.0 */
export interface Skipped {
  readonly _tag: "Skipped"
  readonly type: number
  /** Name of the type: `Decryption Secrets Block`, `0x1234 Block`. */
  readonly name: string
  /** Length of the block in bytes. */
  readonly length: number
}

/** A block that the decoder returns. @category models @since 0.1.0 */
export type DecodedBlock = Block | Statistics | Skipped

/**
 * Reason to reject a file: it ends too early, has another format, or violates the format.
 *
 * @category errors
 * @since 0.1.0
 */
export type Reason = "Truncated" | "ClassicPcap" | "NotPcapng" | "Malformed"

/** A decoding failure at the byte `offset` of a file. @category errors @since 0.1.0 */
export class PcapngError extends Data.TaggedError("PcapngError")<{
  readonly reason: Reason
  readonly offset: number
  readonly expected: string
  readonly found: string
}> {
  override get message(): string {
    return `at byte ${this.offset}: expected ${this.expected}, found ${this.found}`
  }
}

const encoder = new TextEncoder()

/** Encodes a text in UTF-8, truncated between two characters to at most `maxBytes`. */
const utf8 = (text: string, maxBytes = 0xffff): Uint8Array => {
  const bytes = encoder.encode(text)
  if (bytes.length <= maxBytes) return bytes
  let end = maxBytes
  while ((bytes[end]! & 0xc0) === 0x80) end--
  return bytes.subarray(0, end)
}

const paddedLength = (length: number) => (length + 3) & ~3

type Option = readonly [code: number, value: Uint8Array]

const textOption = (code: number, value: string | undefined): ReadonlyArray<Option> =>
  value === undefined ? [] : [[code, utf8(value)]]

const optionsLength = (options: ReadonlyArray<Option>) =>
  options.length === 0 ? 0 : options.reduce((sum, [, value]) => sum + 4 + paddedLength(value.length), 4)

/** Creates a block with space for `size` bytes of fields, and writes its lengths and options. */
const makeBlock = (type: number, size: number, littleEndian: boolean, options: ReadonlyArray<Option>) => {
  const length = 12 + paddedLength(size) + optionsLength(options)
  const bytes = new Uint8Array(length)
  const view = new DataView(bytes.buffer)
  view.setUint32(0, type, littleEndian)
  view.setUint32(4, length, littleEndian)
  let at = 8 + paddedLength(size)
  for (const [code, value] of options) {
    view.setUint16(at, code, littleEndian)
    view.setUint16(at + 2, value.length, littleEndian)
    bytes.set(value, at + 4)
    at += 4 + paddedLength(value.length)
  }
  view.setUint32(length - 4, length, littleEndian)
  return { bytes, view }
}

const encodeSection = ({ application }: Section, littleEndian: boolean) => {
  const { bytes, view } = makeBlock(
    blockTypes.section,
    16,
    littleEndian,
    textOption(optionCodes.application, application)
  )
  view.setUint32(8, byteOrderMagic, littleEndian)
  view.setUint16(12, 1, littleEndian)
  // -1: the length of the section is not specified.
  view.setBigInt64(16, -1n, littleEndian)
  return bytes
}

const encodeInterface = (
  { description, linkType, name, timestampOffset = 0n, timestampResolution, snapLength }: Interface,
  littleEndian: boolean
) => {
  const offsetField = new DataView(new ArrayBuffer(8))
  offsetField.setBigInt64(0, timestampOffset, littleEndian)
  const { bytes, view } = makeBlock(blockTypes.interface, 8, littleEndian, [
    ...textOption(optionCodes.interfaceName, name),
    ...textOption(optionCodes.interfaceDescription, description),
    [optionCodes.timestampResolution, Uint8Array.of(timestampResolution)],
    ...(timestampOffset === 0n ? [] : [[optionCodes.timestampOffset, new Uint8Array(offsetField.buffer)] as const])
  ])
  view.setUint16(8, linkType, littleEndian)
  view.setUint32(12, snapLength, littleEndian)
  return bytes
}

const encodePacket = (
  packet: Packet,
  { timestampOffset = 0n, timestampResolution }: Interface,
  littleEndian: boolean
) => {
  const comments = packet.comments.map((comment): Option => [optionCodes.comment, utf8(comment)])
  const { bytes, view } = makeBlock(blockTypes.packet, 20 + packet.bytes.length, littleEndian, comments)
  const nanos = packet.at - timestampOffset * nanosPerSecond
  const ticks = BigInt.asUintN(
    64,
    timestampResolution === 9 ? nanos : (nanos * ticksPerSecond(timestampResolution)) / nanosPerSecond
  )
  view.setUint32(8, packet.interface, littleEndian)
  view.setUint32(12, Number(ticks >> 32n), littleEndian)
  view.setUint32(16, Number(ticks & 0xffffffffn), littleEndian)
  view.setUint32(20, packet.bytes.length, littleEndian)
  view.setUint32(24, packet.originalLength, littleEndian)
  bytes.set(packet.bytes, 28)
  return bytes
}

/** Encodes names; omits an address that is not an IP literal, and names above 65,535 bytes. */
const encodeNames = ({ names }: Names, littleEndian: boolean) => {
  const nameRecords = names.flatMap(({ address, names }): ReadonlyArray<Option> => {
    const parsed = NetAddress.ipFromString(address)
    if (Result.isFailure(parsed) || names.length === 0) return []
    const ip = parsed.success
    const isV4 = NetAddress.isIpv4Address(ip)
    const addressBytes = isV4 ? NetAddress.ipv4ToOctets(ip) : NetAddress.ipv6ToOctets(ip)
    const nameBytes = encoder.encode(names.map((name) => `${name.replaceAll("\0", "")}\0`).join(""))
    if (addressBytes.length + nameBytes.length > 0xffff) return []
    return [[isV4 ? nameRecordTypes.ipv4 : nameRecordTypes.ipv6, Uint8Array.from([...addressBytes, ...nameBytes])]]
  })
  // Records are encoded as options, except that the end of the list is written even if it is empty.
  return nameRecords.length === 0
    ? makeBlock(blockTypes.names, 4, littleEndian, []).bytes
    : makeBlock(blockTypes.names, 0, littleEndian, nameRecords).bytes
}

/**
 * Creates an encoder of one file, which returns the bytes of each block. A section comes first, then its interfaces,
 * each before its packets. Times are rounded down if the resolution of an interface is coarser than nanoseconds.
 * Comments above 65,535 bytes are truncated; names above 65,535 bytes are omitted.
 *
 * @category encoding
 * @since 0.1.0
 */
export const encode = (byteOrder: ByteOrder = "little"): ((block: Block) => Uint8Array) => {
  const littleEndian = byteOrder === "little"
  let interfaces: Array<Interface> = []
  const defaultInterface: Interface = {
    _tag: "Interface",
    linkType: LINKTYPE_RAW,
    snapLength: 0,
    timestampResolution: 9
  }
  return (block) => {
    switch (block._tag) {
      case "Section":
        interfaces = []
        return encodeSection(block, littleEndian)
      case "Interface":
        interfaces.push(block)
        return encodeInterface(block, littleEndian)
      case "Packet":
        return encodePacket(block, interfaces[block.interface] ?? defaultInterface, littleEndian)
      case "Names":
        return encodeNames(block, littleEndian)
    }
  }
}
