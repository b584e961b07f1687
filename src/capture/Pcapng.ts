/**
 * The pcapng file format, as far as captures need it: section headers, interfaces, packets and names (IETF draft
 * `draft-ietf-opsawg-pcapng`). Written in either byte order with times in nanoseconds; read in either, with any
 * resolution.
 */
import * as Data from "effect/Data"
import * as NetAddress from "effect/net/NetAddress"
import * as Result from "effect/Result"
import type { ByteOrder } from "../network/names/ByteOrder.ts"
import { blocks, nano, options, orderMagic, records, unitsOf } from "./PcapngFormat.ts"

/** Frames that are IPv4 or IPv6 packets with nothing before them. @category constants @since 0.1.0 */
export const LINKTYPE_RAW = 101

/** Starts a section: what follows knows nothing of the sections before. @category models @since 0.1.0 */
export interface Section {
  readonly _tag: "Section"
  readonly application?: string | undefined
}

/** Describes an interface; those of a section are numbered from 0. @category models @since 0.1.0 */
export interface Interface {
  readonly _tag: "Interface"
  readonly linkType: number
  /** The most bytes of a packet that were kept; 0 is no limit. */
  readonly snapLength: number
  readonly name?: string | undefined
  /**
   * The unit of time: 9 is 10^-9 seconds; with the high bit set it is a power of two, 0x8a is 2^-10. Default 6 in a
   * file.
   */
  readonly resolution: number
  /** Seconds added to every time. Default 0. */
  readonly offset?: bigint | undefined
}

/** A packet (enhanced packet block). @category models @since 0.1.0 */
export interface Packet {
  readonly _tag: "Packet"
  readonly interface: number
  /** Nanoseconds. */
  readonly at: bigint
  /** What was kept of it. */
  readonly bytes: Uint8Array
  /** What it had on the wire. */
  readonly length: number
  readonly comments: ReadonlyArray<string>
}

/** Names of addresses (name resolution block). @category models @since 0.1.0 */
export interface Names {
  readonly _tag: "Names"
  readonly names: ReadonlyArray<{ readonly address: string; readonly names: ReadonlyArray<string> }>
}

/** A block of a capture file; others are skipped. @category models @since 0.1.0 */
export type Block = Section | Interface | Packet | Names

/**
 * What is wrong with a file: it ends too early, is of another kind, or contradicts itself.
 *
 * @category errors
 * @since 0.1.0
 */
export type Reason = "Truncated" | "ClassicPcap" | "NotPcapng" | "Malformed"

/** A file cannot be read any further; `offset` is where. @category errors @since 0.1.0 */
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

/** The text in UTF-8, cut at a character so that it fits. */
const utf8 = (text: string, most = 0xffff): Uint8Array => {
  const bytes = encoder.encode(text)
  if (bytes.length <= most) return bytes
  let end = most
  while ((bytes[end]! & 0xc0) === 0x80) end--
  return bytes.subarray(0, end)
}

const padded = (length: number) => (length + 3) & ~3

type Option = readonly [code: number, value: Uint8Array]

const text = (code: number, value: string | undefined): ReadonlyArray<Option> =>
  value === undefined ? [] : [[code, utf8(value)]]

const sizeOf = (all: ReadonlyArray<Option>) =>
  all.length === 0 ? 0 : all.reduce((sum, [, value]) => sum + 4 + padded(value.length), 4)

/** A block with room for `size` bytes, its frame and options in place. */
const frame = (type: number, size: number, little: boolean, all: ReadonlyArray<Option>) => {
  const length = 12 + padded(size) + sizeOf(all)
  const bytes = new Uint8Array(length)
  const view = new DataView(bytes.buffer)
  view.setUint32(0, type, little)
  view.setUint32(4, length, little)
  let at = 8 + padded(size)
  for (const [code, value] of all) {
    view.setUint16(at, code, little)
    view.setUint16(at + 2, value.length, little)
    bytes.set(value, at + 4)
    at += 4 + padded(value.length)
  }
  view.setUint32(length - 4, length, little)
  return { bytes, view }
}

const encodeSection = ({ application }: Section, little: boolean) => {
  const { bytes, view } = frame(blocks.section, 16, little, text(options.application, application))
  view.setUint32(8, orderMagic, little)
  view.setUint16(12, 1, little)
  // The length of the section is left open.
  view.setBigInt64(16, -1n, little)
  return bytes
}

const encodeInterface = ({ linkType, name, offset = 0n, resolution, snapLength }: Interface, little: boolean) => {
  const seconds = new DataView(new ArrayBuffer(8))
  seconds.setBigInt64(0, offset, little)
  const { bytes, view } = frame(blocks.interface, 8, little, [
    ...text(options.interfaceName, name),
    [options.resolution, Uint8Array.of(resolution)],
    ...(offset === 0n ? [] : [[options.offset, new Uint8Array(seconds.buffer)] as const])
  ])
  view.setUint16(8, linkType, little)
  view.setUint32(12, snapLength, little)
  return bytes
}

const encodePacket = (packet: Packet, { offset = 0n, resolution }: Interface, little: boolean) => {
  const comments = packet.comments.map((comment): Option => [options.comment, utf8(comment)])
  const { bytes, view } = frame(blocks.packet, 20 + packet.bytes.length, little, comments)
  const since = packet.at - offset * nano
  const time = BigInt.asUintN(64, resolution === 9 ? since : (since * unitsOf(resolution)) / nano)
  view.setUint32(8, packet.interface, little)
  view.setUint32(12, Number(time >> 32n), little)
  view.setUint32(16, Number(time & 0xffffffffn), little)
  view.setUint32(20, packet.bytes.length, little)
  view.setUint32(24, packet.length, little)
  bytes.set(packet.bytes, 28)
  return bytes
}

/** An address that is none, and names that do not fit, are left out. */
const encodeNames = ({ names }: Names, little: boolean) => {
  const all = names.flatMap(({ address, names }): ReadonlyArray<Option> => {
    const parsed = NetAddress.ipFromString(address)
    if (Result.isFailure(parsed) || names.length === 0) return []
    const ip = parsed.success
    const isV4 = NetAddress.isIpv4Address(ip)
    const octets = isV4 ? NetAddress.ipv4ToOctets(ip) : NetAddress.ipv6ToOctets(ip)
    const strings = encoder.encode(names.map((name) => `${name.replaceAll("\0", "")}\0`).join(""))
    if (octets.length + strings.length > 0xffff) return []
    return [[isV4 ? records.ipv4 : records.ipv6, Uint8Array.from([...octets, ...strings])]]
  })
  // Records have the shape of options, but their end is there even when there are none.
  return all.length === 0 ? frame(blocks.names, 4, little, []).bytes : frame(blocks.names, 0, little, all).bytes
}

/**
 * Writes one file, block by block: a section first, then its interfaces, each before its packets. Times of an interface
 * with a resolution coarser than nanoseconds are cut. Comments and names over 65,535 bytes are cut.
 *
 * @category encoding
 * @since 0.1.0
 */
export const encode = (order: ByteOrder = "little"): ((block: Block) => Uint8Array) => {
  const little = order === "little"
  let interfaces: Array<Interface> = []
  const unknown: Interface = { _tag: "Interface", linkType: LINKTYPE_RAW, snapLength: 0, resolution: 9 }
  return (block) => {
    switch (block._tag) {
      case "Section":
        interfaces = []
        return encodeSection(block, little)
      case "Interface":
        interfaces.push(block)
        return encodeInterface(block, little)
      case "Packet":
        return encodePacket(block, interfaces[block.interface] ?? unknown, little)
      case "Names":
        return encodeNames(block, little)
    }
  }
}
