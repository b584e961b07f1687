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
export interface Tcp {
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
  readonly tcp?: Tcp | undefined
  /** The identification of IPv4; its lower 16 bits count. */
  readonly id: number
}

/**
 * A packet that was read. What could not be read is left out, and `problems` says why.
 *
 * @category models
 * @since 0.1.0
 */
export interface Decoded {
  /** `UDP`, `TCP`, `ICMP`, `ICMPv6`, else `IP protocol N`; `unknown` where there is no IP. */
  readonly protocol: string
  readonly from?: Endpoint.Endpoint | undefined
  readonly to?: Endpoint.Endpoint | undefined
  readonly tcp?: Tcp | undefined
  readonly payload: Uint8Array
  /** Empty when all is as it should be. */
  readonly problems: ReadonlyArray<string>
}

const names: Readonly<Record<number, string>> = { 1: "ICMP", 6: "TCP", 17: "UDP", 58: "ICMPv6" }
const numbers = { udp: 17, tcp: 6 } as const

/**
 * The most bytes of a stream in one packet, by the bytes of its addresses: as on a loopback interface, all that fits.
 *
 * @category constants
 * @since 0.1.0
 */
export const maxSegment = (addressLength: number): number => (addressLength === 4 ? 65_495 : 65_475)

/** The options of a SYN: the largest segment, and windows in units of 128 bytes. @category constants @since 0.1.0 */
export const synOptions = (addressLength: number): Uint8Array => {
  const size = maxSegment(addressLength)
  return Uint8Array.of(2, 4, size >> 8, size & 0xff, 1, 3, 3, 7)
}

/** The 16-bit words of a range, added up. */
const sum = (bytes: Uint8Array, from: number, to: number, total = 0): number => {
  const even = from + ((to - from) & ~1)
  for (let i = from; i < even; i += 2) total += (bytes[i]! << 8) | bytes[i + 1]!
  return even < to ? total + (bytes[even]! << 8) : total
}

/** The ones' complement of a sum (RFC 1071). */
const complement = (total: number): number => {
  let folded = total
  while (folded > 0xffff) folded = (folded & 0xffff) + Math.floor(folded / 0x10000)
  return ~folded & 0xffff
}

/** The addresses, protocol and length that UDP and TCP count too. */
const pseudo = (ip: Uint8Array, isV4: boolean, protocol: number, length: number) =>
  sum(ip, isV4 ? 12 : 8, isV4 ? 20 : 40, protocol + length)

/** Writes a packet. A payload that is longer than the headers can say is cut. @category encoding @since 0.1.0 */
export const encode = ({ from, id, payload, tcp, to }: Packet): Uint8Array => {
  const isV4 = from.address.length === 4
  const header = isV4 ? 20 : 40
  const transport = tcp === undefined ? 8 : 20 + tcp.options.length
  const data = payload.subarray(0, 0xffff - transport - (isV4 ? header : 0))
  const length = transport + data.length
  const bytes = new Uint8Array(header + length)
  const view = new DataView(bytes.buffer)
  const protocol = tcp === undefined ? numbers.udp : numbers.tcp
  if (isV4) {
    view.setUint16(0, 0x4500)
    view.setUint16(2, bytes.length)
    view.setUint16(4, id)
    view.setUint16(6, 0x4000)
    view.setUint16(8, (64 << 8) | protocol)
    bytes.set(from.address, 12)
    bytes.set(to.address, 16)
    view.setUint16(10, complement(sum(bytes, 0, 20)))
  } else {
    view.setUint32(0, 0x60000000)
    view.setUint16(4, length)
    view.setUint16(6, (protocol << 8) | 64)
    bytes.set(from.address, 8)
    bytes.set(to.address, 24)
  }
  view.setUint16(header, from.port)
  view.setUint16(header + 2, to.port)
  bytes.set(data, header + transport)
  if (tcp === undefined) {
    view.setUint16(header + 4, length)
  } else {
    view.setUint32(header + 4, tcp.seq)
    view.setUint32(header + 8, tcp.ack)
    view.setUint16(header + 12, (transport << 10) | tcp.flags)
    view.setUint16(header + 14, tcp.window)
    bytes.set(tcp.options, header + 20)
  }
  const check = complement(sum(bytes, header, bytes.length, pseudo(bytes, isV4, protocol, length)))
  // A UDP checksum of 0 would say that there is none.
  view.setUint16(header + (tcp === undefined ? 6 : 16), tcp === undefined && check === 0 ? 0xffff : check)
  return bytes
}

/** What is inside IP, and where. */
interface Inside {
  readonly isV4: boolean
  readonly protocol: number
  readonly at: number
  readonly end: number
  /** A later fragment has no header of UDP or TCP, a cut packet no checksum that could be right. */
  readonly headless: boolean
  readonly whole: boolean
}

const insideV4 = (bytes: Uint8Array, view: DataView, problems: Array<string>): Inside | undefined => {
  const header = bytes.length < 20 ? 0 : (bytes[0]! & 15) * 4
  if (header < 20 || header > bytes.length) return undefined
  // Captured before the network card cut it into packets, its length is not set yet.
  const total = view.getUint16(2) || bytes.length
  if (total < header) return undefined
  if (complement(sum(bytes, 0, header)) !== 0) problems.push("bad IP checksum")
  if (total > bytes.length) problems.push(`${bytes.length} of ${total} bytes`)
  const fragment = view.getUint16(6) & 0x3fff
  if (fragment !== 0) problems.push("fragment")
  return {
    isV4: true,
    protocol: bytes[9]!,
    at: header,
    end: Math.min(total, bytes.length),
    headless: (fragment & 0x1fff) !== 0,
    whole: total <= bytes.length && fragment === 0
  }
}

/** Headers of IPv6 that say which one is next and how long they are: hop-by-hop, routing, destination. */
const extensions = new Set([0, 43, 60])

const insideV6 = (bytes: Uint8Array, view: DataView, problems: Array<string>): Inside | undefined => {
  if (bytes.length < 40) return undefined
  const total = 40 + view.getUint16(4)
  const end = Math.min(total, bytes.length)
  let protocol = bytes[6]!
  let at = 40
  let fragment = 0
  while (end - at >= 8 && (extensions.has(protocol) || protocol === 44)) {
    const isFragment = protocol === 44
    if (isFragment) fragment = view.getUint16(at + 2) & 0xfff9
    protocol = bytes[at]!
    at += isFragment ? 8 : 8 * (bytes[at + 1]! + 1)
  }
  if (at > end) return undefined
  if (total > bytes.length) problems.push(`${bytes.length} of ${total} bytes`)
  if (fragment !== 0) problems.push("fragment")
  const whole = total <= bytes.length && fragment === 0
  return { isV4: false, protocol, at, end, headless: fragment >> 3 !== 0, whole }
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
export const decode = (bytes: Uint8Array, whole = true): Decoded => {
  const problems: Array<string> = []
  const view = new DataView(bytes.buffer, bytes.byteOffset, bytes.byteLength)
  const version = bytes.length === 0 ? 0 : bytes[0]! >> 4
  const read = version === 4 ? insideV4 : version === 6 ? insideV6 : undefined
  const inside = read?.(bytes, view, problems)
  if (inside === undefined) {
    return { protocol: "unknown", payload: bytes, problems: [read === undefined ? "not IP" : "broken IP header"] }
  }
  const { at, end, isV4, protocol } = inside
  const from = { address: addressAt(bytes, isV4, isV4 ? 12 : 8), port: 0 }
  const to = { address: addressAt(bytes, isV4, isV4 ? 16 : 24), port: 0 }
  const name = names[protocol] ?? `IP protocol ${protocol}`
  const rest = { protocol: name, from, to, payload: bytes.subarray(at, end), problems }
  if (inside.headless || (protocol !== numbers.udp && protocol !== numbers.tcp)) return rest
  const isTcp = protocol === numbers.tcp
  const least = isTcp ? 20 : 8
  const header = isTcp && end - at >= 20 ? (bytes[at + 12]! >> 4) * 4 : least
  if (end - at < least || header < least || header > end - at)
    return { ...rest, problems: [...problems, `broken ${name} header`] }
  const stated = isTcp ? end - at : view.getUint16(at + 4)
  const last = at + stated
  if (!isTcp && (stated < 8 || (whole && inside.whole && last > end))) problems.push("bad UDP length")
  else if (whole && inside.whole) {
    const none = !isTcp && isV4 && view.getUint16(at + 6) === 0
    if (!none && complement(sum(bytes, at, last, pseudo(bytes, isV4, protocol, stated))) !== 0) {
      problems.push(`bad ${name} checksum`)
    }
  }
  const tcp: Tcp | undefined = isTcp
    ? {
        seq: view.getUint32(at + 4),
        ack: view.getUint32(at + 8),
        flags: view.getUint16(at + 12) & 0x1ff,
        window: view.getUint16(at + 14),
        options: bytes.subarray(at + 20, at + header)
      }
    : undefined
  return {
    protocol: name,
    from: { ...from, port: view.getUint16(at) },
    to: { ...to, port: view.getUint16(at + 2) },
    tcp,
    payload:
      tcp === undefined
        ? bytes.subarray(at + 8, Math.min(end, Math.max(at + 8, last)))
        : bytes.subarray(at + header, end),
    problems
  }
}
