/**
 * IPv4 (RFC 791) and IPv6 (RFC 8200) packets with UDP (RFC 768) or TCP (RFC 9293) inside: written with all checksums,
 * read from any bytes.
 */

import * as NetAddress from "effect/net/NetAddress"
import type * as Endpoint from "../network/Endpoint.ts"

/** One end of a packet: 4 or 16 bytes of address. @category models @since 0.1.0 */
export interface IpEndpoint {
  readonly address: Uint8Array
  readonly port: number
}

/** The bits of a TCP header that say what a segment is for. @category constants @since 0.1.0 */
export const flag = { fin: 1, syn: 2, rst: 4, psh: 8, ack: 16 } as const

/** What a TCP header says. @category models @since 0.1.0 */
export interface TcpHeader {
  readonly seq: number
  readonly ack: number
  readonly flags: number
  readonly window: number
  /** Their length is a multiple of 4. */
  readonly options: Uint8Array
}

/** A packet to be written: UDP unless it has a `tcp`. @category models @since 0.1.0 */
export interface Packet {
  /** Both of one family. */
  readonly from: IpEndpoint
  readonly to: IpEndpoint
  readonly payload: Uint8Array
  readonly tcp?: TcpHeader | undefined
  /** The identification of IPv4; its lower 16 bits count. */
  readonly id: number
}

/**
 * A packet that was read. What could not be read is left out, and `problems` says why.
 *
 * @category models
 * @since 0.1.0
 */
export interface DecodedPacket {
  /** `UDP`, `TCP`, `ICMP`, `ICMPv6`, else `IP protocol N`; `unknown` where there is no IP. */
  readonly protocol: string
  readonly from?: Endpoint.Endpoint | undefined
  readonly to?: Endpoint.Endpoint | undefined
  readonly tcp?: TcpHeader | undefined
  readonly payload: Uint8Array
  /** Empty when all is as it should be. */
  readonly problems: ReadonlyArray<string>
}

const protocolNames: Readonly<Record<number, string>> = { 1: "ICMP", 6: "TCP", 17: "UDP", 58: "ICMPv6" }
const protocolNumbers = { udp: 17, tcp: 6 } as const

/**
 * The most bytes of a stream in one packet, by the bytes of its addresses: as on a loopback interface, all that fits.
 *
 * @category constants
 * @since 0.1.0
 */
export const maxSegmentBytes = (addressLength: number): number => (addressLength === 4 ? 65_495 : 65_475)

/** The options of a SYN: the largest segment, and windows in units of 128 bytes. @category constants @since 0.1.0 */
export const synOptions = (addressLength: number): Uint8Array => {
  const segmentBytes = maxSegmentBytes(addressLength)
  return Uint8Array.of(2, 4, segmentBytes >> 8, segmentBytes & 0xff, 1, 3, 3, 7)
}

/** The 16-bit words of a range, added up. */
const sumWords = (bytes: Uint8Array, from: number, to: number, total = 0): number => {
  const even = from + ((to - from) & ~1)
  for (let i = from; i < even; i += 2) total += (bytes[i]! << 8) | bytes[i + 1]!
  return even < to ? total + (bytes[even]! << 8) : total
}

/** The ones' complement of a sum (RFC 1071). */
const checksumOf = (total: number): number => {
  let folded = total
  while (folded > 0xffff) folded = (folded & 0xffff) + Math.floor(folded / 0x10000)
  return ~folded & 0xffff
}

/** The addresses, protocol and length that UDP and TCP count too. */
const pseudoHeaderSum = (ip: Uint8Array, isV4: boolean, protocol: number, length: number) =>
  sumWords(ip, isV4 ? 12 : 8, isV4 ? 20 : 40, protocol + length)

/** Writes a packet. A payload that is longer than the headers can say is cut. @category encoding @since 0.1.0 */
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
  const checksum = checksumOf(sumWords(bytes, ipHeaderLength, bytes.length, pseudoHeaderSum(bytes, isV4, protocol, length)))
  // A UDP checksum of 0 would say that there is none.
  view.setUint16(ipHeaderLength + (tcp === undefined ? 6 : 16), tcp === undefined && checksum === 0 ? 0xffff : checksum)
  return bytes
}

/** What is inside IP, and where. */
interface IpPayload {
  readonly isV4: boolean
  readonly protocol: number
  readonly start: number
  readonly end: number
  /** A later fragment has no header of UDP or TCP, a cut packet no checksum that could be right. */
  readonly isLaterFragment: boolean
  readonly isComplete: boolean
}

const parseV4 = (bytes: Uint8Array, view: DataView, problems: Array<string>): IpPayload | undefined => {
  const headerLength = bytes.length < 20 ? 0 : (bytes[0]! & 15) * 4
  if (headerLength < 20 || headerLength > bytes.length) return undefined
  // Captured before the network card cut it into packets, its length is not set yet.
  const totalLength = view.getUint16(2) || bytes.length
  if (totalLength < headerLength) return undefined
  if (checksumOf(sumWords(bytes, 0, headerLength)) !== 0) problems.push("bad IP checksum")
  if (totalLength > bytes.length) problems.push(`${bytes.length} of ${totalLength} bytes`)
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

/** Headers of IPv6 that say which one is next and how long they are: hop-by-hop, routing, destination. */
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
  if (totalLength > bytes.length) problems.push(`${bytes.length} of ${totalLength} bytes`)
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
 * Reads a packet from whatever bytes there are; `whole` is false where some were not kept. Never throws.
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
    return { protocol: "unknown", payload: bytes, problems: [parse === undefined ? "not IP" : "broken IP header"] }
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
    return { ...base, problems: [...problems, `broken ${name} header`] }
  const statedLength = isTcp ? end - start : view.getUint16(start + 4)
  const statedEnd = start + statedLength
  if (!isTcp && (statedLength < 8 || (isComplete && ipPayload.isComplete && statedEnd > end))) problems.push("bad UDP length")
  else if (isComplete && ipPayload.isComplete) {
    const hasNoChecksum = !isTcp && isV4 && view.getUint16(start + 6) === 0
    if (!hasNoChecksum && checksumOf(sumWords(bytes, start, statedEnd, pseudoHeaderSum(bytes, isV4, protocol, statedLength))) !== 0) {
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
