/**
 * Codec of IPv4 (RFC 791) and IPv6 (RFC 8200) packets that carry UDP (RFC 768) or TCP (RFC 9293). The encoder writes
 * all checksums; the decoder accepts any bytes.
 *
 * **Example** (A UDP packet, and the same packet with a changed byte)
 *
 * ```ts
 * import { Ip } from "effect-inet/capture"
 *
 * const bytes = Ip.encode({
 *   from: { address: Uint8Array.of(10, 0, 0, 1), port: 4000 },
 *   to: { address: Uint8Array.of(10, 0, 0, 2), port: 7 },
 *   payload: new TextEncoder().encode("hello"),
 *   id: 1
 * })
 * const { from, problems, protocol } = Ip.decode(bytes)
 * protocol // => "UDP"
 * from // => { address: "10.0.0.1", port: 4000 }
 * problems // => []
 *
 * bytes[bytes.length - 1]! ^= 1
 * Ip.decode(bytes).problems // => ["bad UDP checksum"]
 * ```
 */

import * as NetAddress from "effect/net/NetAddress"
import type * as Endpoint from "../network/Endpoint.ts"

/** An address of 4 or 16 bytes and a port. @category models @since 0.1.0 */
export interface IpEndpoint {
  readonly address: Uint8Array
  readonly port: number
}

/** Flag bits of a TCP header. @category constants @since 0.1.0 */
export const flag = { fin: 1, syn: 2, rst: 4, psh: 8, ack: 16 } as const

/** Fields of a TCP header (RFC 9293, 3.1). @category models @since 0.1.0 */
export interface TcpHeader {
  readonly seq: number
  readonly ack: number
  readonly flags: number
  readonly window: number
  /** Encoded options; the length is a multiple of 4 bytes. */
  readonly options: Uint8Array
}

/** A packet to encode: UDP, or TCP if `tcp` is set. @category models @since 0.1.0 */
export interface Packet {
  /** Source; of the same address family as `to`. */
  readonly from: IpEndpoint
  readonly to: IpEndpoint
  readonly payload: Uint8Array
  readonly tcp?: TcpHeader | undefined
  /** Identification field of IPv4; only the lower 16 bits are used. */
  readonly id: number
}

/**
 * A decoded packet. Fields that could not be decoded are undefined, and `problems` lists the reasons.
 *
 * @category models
 * @since 0.1.0
 */
export interface DecodedPacket {
  /** `UDP`, `TCP`, `ICMP`, `ICMPv6` or `IP protocol N`; `unknown` without a valid IP header. */
  readonly protocol: string
  readonly from?: Endpoint.Endpoint | undefined
  readonly to?: Endpoint.Endpoint | undefined
  readonly tcp?: TcpHeader | undefined
  readonly payload: Uint8Array
  /** Defects of the packet, such as `bad UDP checksum`; empty if there are none. */
  readonly problems: ReadonlyArray<string>
}

const protocolNames: Readonly<Record<number, string>> = { 1: "ICMP", 6: "TCP", 17: "UDP", 58: "ICMPv6" }
const protocolNumbers = { udp: 17, tcp: 6 } as const

/**
 * Returns the largest TCP payload of one packet, by the length of its addresses in bytes: the maximum that fits, as on
 * a loopback interface.
 *
 * @category constants
 * @since 0.1.0
 */
export const maxSegmentBytes = (addressLength: number): number => (addressLength === 4 ? 65_495 : 65_475)

/** Encodes the options of a SYN: maximum segment size and window scale 7. @category constants @since 0.1.0 */
export const synOptions = (addressLength: number): Uint8Array => {
  const segmentBytes = maxSegmentBytes(addressLength)
  return Uint8Array.of(2, 4, segmentBytes >> 8, segmentBytes & 0xff, 1, 3, 3, 7)
}

/** Adds up the 16-bit words of a range of bytes. */
const sumWords = (bytes: Uint8Array, from: number, to: number, total = 0): number => {
  const even = from + ((to - from) & ~1)
  for (let i = from; i < even; i += 2) total += (bytes[i]! << 8) | bytes[i + 1]!
  return even < to ? total + (bytes[even]! << 8) : total
}

/** Returns the Internet checksum of a sum of words: its ones' complement (RFC 1071). */
const checksumOf = (total: number): number => {
  let folded = total
  while (folded > 0xffff) folded = (folded & 0xffff) + Math.floor(folded / 0x10000)
  return ~folded & 0xffff
}

/** Sums the pseudo-header that the checksums of UDP and TCP include: addresses, protocol and length. */
const pseudoHeaderSum = (ip: Uint8Array, isV4: boolean, protocol: number, length: number) =>
  sumWords(ip, isV4 ? 12 : 8, isV4 ? 20 : 40, protocol + length)

/** Encodes a packet; a payload above the maximum IP length of 65,535 is truncated. @category encoding @since 0.1.0 */
export const encode = ({ from, id, payload, tcp, to }: Packet): Uint8Array => {
  const isV4 = from.address.length === 4
  const ipHeaderLength = isV4 ? 20 : 40
  const transportHeaderLength = tcp === undefined ? 8 : 20 + tcp.options.length
  const body = payload.subarray(0, 0xffff - transportHeaderLength - (isV4 ? ipHeaderLength : 0))
  const length = transportHeaderLength + body.length
  const bytes = new Uint8Array(ipHeaderLength + length)
  const view = new DataView(bytes.buffer)
  const protocol = tcp === undefined ? protocolNumbers.udp : protocolNumbers.tcp
  if (isV4) {
    view.setUint16(0, 0x4500)
    view.setUint16(2, bytes.length)
    view.setUint16(4, id)
    view.setUint16(6, 0x4000)
    view.setUint16(8, (64 << 8) | protocol)
    bytes.set(from.address, 12)
    bytes.set(to.address, 16)
    view.setUint16(10, checksumOf(sumWords(bytes, 0, 20)))
  } else {
    view.setUint32(0, 0x60000000)
    view.setUint16(4, length)
    view.setUint16(6, (protocol << 8) | 64)
    bytes.set(from.address, 8)
    bytes.set(to.address, 24)
  }
  view.setUint16(ipHeaderLength, from.port)
  view.setUint16(ipHeaderLength + 2, to.port)
  bytes.set(body, ipHeaderLength + transportHeaderLength)
  if (tcp === undefined) {
    view.setUint16(ipHeaderLength + 4, length)
  } else {
    view.setUint32(ipHeaderLength + 4, tcp.seq)
    view.setUint32(ipHeaderLength + 8, tcp.ack)
    view.setUint16(ipHeaderLength + 12, (transportHeaderLength << 10) | tcp.flags)
    view.setUint16(ipHeaderLength + 14, tcp.window)
    bytes.set(tcp.options, ipHeaderLength + 20)
  }
  const checksum = checksumOf(
    sumWords(bytes, ipHeaderLength, bytes.length, pseudoHeaderSum(bytes, isV4, protocol, length))
  )
  // A UDP checksum of 0 means that the packet has none (RFC 768).
  view.setUint16(ipHeaderLength + (tcp === undefined ? 6 : 16), tcp === undefined && checksum === 0 ? 0xffff : checksum)
  return bytes
}

/** Position and protocol of the payload of an IP packet. */
interface IpPayload {
  readonly isV4: boolean
  readonly protocol: number
  readonly start: number
  readonly end: number
  /** The packet is a fragment other than the first: it has no UDP or TCP header. */
  readonly isLaterFragment: boolean
  /** The payload is neither fragmented nor truncated, so that its checksum can be verified. */
  readonly isComplete: boolean
}

const parseV4 = (bytes: Uint8Array, view: DataView, problems: Array<string>): IpPayload | undefined => {
  const headerLength = bytes.length < 20 ? 0 : (bytes[0]! & 15) * 4
  if (headerLength < 20 || headerLength > bytes.length) return undefined
  // The length is 0 if the packet was captured before the network card segmented it (TSO).
  const totalLength = view.getUint16(2) || bytes.length
  if (totalLength < headerLength) return undefined
  if (checksumOf(sumWords(bytes, 0, headerLength)) !== 0) problems.push("bad IP checksum")
  if (totalLength > bytes.length) problems.push(`truncated: ${bytes.length} of ${totalLength} bytes`)
  const fragment = view.getUint16(6) & 0x3fff
  if (fragment !== 0) problems.push("fragment")
  return {
    isV4: true,
    protocol: bytes[9]!,
    start: headerLength,
    end: Math.min(totalLength, bytes.length),
    isLaterFragment: (fragment & 0x1fff) !== 0,
    isComplete: totalLength <= bytes.length && fragment === 0
  }
}

/** IPv6 extension headers that begin with the next header and their length: hop-by-hop, routing, destination. */
const extensionHeaders = new Set([0, 43, 60])

const parseV6 = (bytes: Uint8Array, view: DataView, problems: Array<string>): IpPayload | undefined => {
  if (bytes.length < 40) return undefined
  const totalLength = 40 + view.getUint16(4)
  const end = Math.min(totalLength, bytes.length)
  let protocol = bytes[6]!
  let start = 40
  let fragment = 0
  while (end - start >= 8 && (extensionHeaders.has(protocol) || protocol === 44)) {
    const isFragment = protocol === 44
    if (isFragment) fragment = view.getUint16(start + 2) & 0xfff9
    protocol = bytes[start]!
    start += isFragment ? 8 : 8 * (bytes[start + 1]! + 1)
  }
  if (start > end) return undefined
  if (totalLength > bytes.length) problems.push(`truncated: ${bytes.length} of ${totalLength} bytes`)
  if (fragment !== 0) problems.push("fragment")
  const isComplete = totalLength <= bytes.length && fragment === 0
  return { isV4: false, protocol, start, end, isLaterFragment: fragment >> 3 !== 0, isComplete }
}

const addressAt = (bytes: Uint8Array, isV4: boolean, at: number) =>
  NetAddress.formatIp(
    isV4
      ? NetAddress.ipv4FromBytesUnsafe(bytes.subarray(at, at + 4))
      : NetAddress.ipv6FromBytesUnsafe(bytes.subarray(at, at + 16))
  )

/**
 * Decodes a packet from any bytes. `isComplete` is false if the capture holds only a part of the packet. Never throws.
 *
 * @category decoding
 * @since 0.1.0
 */
export const decode = (bytes: Uint8Array, isComplete = true): DecodedPacket => {
  const problems: Array<string> = []
  const view = new DataView(bytes.buffer, bytes.byteOffset, bytes.byteLength)
  const version = bytes.length === 0 ? 0 : bytes[0]! >> 4
  const parse = version === 4 ? parseV4 : version === 6 ? parseV6 : undefined
  const ipPayload = parse?.(bytes, view, problems)
  if (ipPayload === undefined) {
    return { protocol: "unknown", payload: bytes, problems: [parse === undefined ? "not IP" : "malformed IP header"] }
  }
  const { start, end, isV4, protocol } = ipPayload
  const from = { address: addressAt(bytes, isV4, isV4 ? 12 : 8), port: 0 }
  const to = { address: addressAt(bytes, isV4, isV4 ? 16 : 24), port: 0 }
  const name = protocolNames[protocol] ?? `IP protocol ${protocol}`
  const base = { protocol: name, from, to, payload: bytes.subarray(start, end), problems }
  if (ipPayload.isLaterFragment || (protocol !== protocolNumbers.udp && protocol !== protocolNumbers.tcp)) return base
  const isTcp = protocol === protocolNumbers.tcp
  const minHeaderLength = isTcp ? 20 : 8
  const headerLength = isTcp && end - start >= 20 ? (bytes[start + 12]! >> 4) * 4 : minHeaderLength
  if (end - start < minHeaderLength || headerLength < minHeaderLength || headerLength > end - start)
    return { ...base, problems: [...problems, `malformed ${name} header`] }
  const statedLength = isTcp ? end - start : view.getUint16(start + 4)
  const statedEnd = start + statedLength
  if (!isTcp && (statedLength < 8 || (isComplete && ipPayload.isComplete && statedEnd > end)))
    problems.push("bad UDP length")
  else if (isComplete && ipPayload.isComplete) {
    const hasNoChecksum = !isTcp && isV4 && view.getUint16(start + 6) === 0
    if (
      !hasNoChecksum &&
      checksumOf(sumWords(bytes, start, statedEnd, pseudoHeaderSum(bytes, isV4, protocol, statedLength))) !== 0
    ) {
      problems.push(`bad ${name} checksum`)
    }
  }
  const tcp: TcpHeader | undefined = isTcp
    ? {
        seq: view.getUint32(start + 4),
        ack: view.getUint32(start + 8),
        flags: view.getUint16(start + 12) & 0x1ff,
        window: view.getUint16(start + 14),
        options: bytes.subarray(start + 20, start + headerLength)
      }
    : undefined
  return {
    protocol: name,
    from: { ...from, port: view.getUint16(start) },
    to: { ...to, port: view.getUint16(start + 2) },
    tcp,
    payload:
      tcp === undefined
        ? bytes.subarray(start + 8, Math.min(end, Math.max(start + 8, statedEnd)))
        : bytes.subarray(start + headerLength, end),
    problems
  }
}
