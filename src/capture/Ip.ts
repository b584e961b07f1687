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

import { complement, sumWords } from "./format/Checksum.ts"
import type { DecodedPacket, TcpHeader } from "./format/DecodedPacket.ts"
import * as FrameDecoder from "./format/FrameDecoder.ts"

/** An address of 4 or 16 bytes and a port. @category models @since 0.1.0 */
export interface IpEndpoint {
  readonly address: Uint8Array
  readonly port: number
}

/** Flag bits of a TCP header. @category constants @since 0.1.0 */
export const flag = { fin: 1, syn: 2, rst: 4, psh: 8, ack: 16 } as const

export type { DecodedPacket, TcpHeader } from "./format/DecodedPacket.ts"

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
    view.setUint16(10, complement(sumWords(bytes, 0, 20)))
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
  const checksum = complement(
    sumWords(bytes, ipHeaderLength, bytes.length, pseudoHeaderSum(bytes, isV4, protocol, length))
  )
  // A UDP checksum of 0 means that the packet has none (RFC 768).
  view.setUint16(ipHeaderLength + (tcp === undefined ? 6 : 16), tcp === undefined && checksum === 0 ? 0xffff : checksum)
  return bytes
}

/**
 * Decodes a packet from any bytes. `isComplete` is false if the capture holds only a part of the packet. The first
 * fragment of a datagram is decoded as far as it goes. Never throws.
 *
 * @category decoding
 * @since 0.1.0
 */
export const decode = (bytes: Uint8Array, isComplete = true): DecodedPacket =>
  FrameDecoder.decodeIp(bytes, isComplete ? 0 : Number.POSITIVE_INFINITY)
