/**
 * What a relay and its subscribers say to each other. Pure; numbers are big-endian, times milliseconds.
 *
 * ```
 *  0       4         5      6   8       12       44
 * +-------+---------+------+---+-------+--------+
 * | magic | version | kind | 0 | lease | cookie |    Subscribe, Challenge, Granted, Full, Leave
 * +-------+---------+------+---+-------+--------+
 *  0       4         5      6      8         24
 * +-------+---------+------+------+---------+--------+
 * | magic | version | 6    | port | address | packet |    Forwarded; IPv4 as IPv4-mapped (RFC 4291, 2.5.5.2)
 * +-------+---------+------+------+---------+--------+
 * ```
 *
 * The magic begins with a NUL, as that of a status packet, and is another one. What a relay answers is never longer
 * than what it was asked with: the shortest status packet has 45 bytes.
 */

import * as NetAddress from "effect/net/NetAddress"
import * as Result from "effect/Result"
import * as Endpoint from "../../network/Endpoint.ts"

/** The version of this format. */
const version = 1

/** A NUL, then EIR. */
const magic = 0x00454952

/** Bytes of a cookie, and of all messages but Forwarded. */
export const sizeBytes = { cookie: 32, control: 44, forwarded: 24 } as const

/**
 * `Subscribe`: let me hear the others, for so long; with the cookie of the last challenge, or zeros. `Challenge`: say
 * that again with this cookie, so that I know the address to be yours. `Granted`: so be it, for so long. `Full`: there
 * is no room. `Leave`: that was all; with the cookie of the subscription. Answers have the cookie they answer to.
 */
export interface ControlMessage {
  readonly _tag: "Subscribe" | "Challenge" | "Granted" | "Full" | "Leave"
  readonly lease: number
  readonly cookie: Uint8Array
}

/** A packet of another subscriber, unchanged, and where it came from. */
interface Forwarded {
  readonly _tag: "Forwarded"
  readonly origin: Endpoint.Endpoint
  readonly packet: Uint8Array
}

export type RelayMessage = ControlMessage | Forwarded

const kinds = ["Subscribe", "Challenge", "Granted", "Full", "Leave"] as const

const forwardedKind = 6

/** The cookie of those who have none yet. */
export const zeroCookie: Uint8Array = new Uint8Array(sizeBytes.cookie)

const allocate = (length: number, kind: number) => {
  const bytes = new Uint8Array(length)
  const view = new DataView(bytes.buffer)
  view.setUint32(0, magic)
  view.setUint8(4, version)
  view.setUint8(5, kind)
  return { bytes, view }
}

/** The lease is cut to 32 bits, the cookie to 32 bytes. */
export const encode = ({ _tag, cookie, lease }: ControlMessage): Uint8Array => {
  const { bytes, view } = allocate(sizeBytes.control, kinds.indexOf(_tag) + 1)
  view.setUint32(8, Math.min(Math.max(0, lease), 0xffff_ffff))
  bytes.set(cookie.subarray(0, sizeBytes.cookie), 12)
  return bytes
}

/** What is put before each packet of one origin. An origin without an address of the Internet becomes `::`. */
export const forwardedHeader = ({ address, port }: Endpoint.Endpoint): Uint8Array => {
  const { bytes, view } = allocate(sizeBytes.forwarded, forwardedKind)
  view.setUint16(6, port)
  const parsed = Result.getOrElse(
    NetAddress.ipFromString(Endpoint.withoutZone(address)),
    () => NetAddress.ipv6Unspecified
  )
  bytes.set(NetAddress.ipv6ToOctets(NetAddress.isIpv4Address(parsed) ? NetAddress.toIpv4Mapped(parsed) : parsed), 8)
  return bytes
}

/** A packet behind the header of its origin. */
export const forwardedMessage = (header: Uint8Array, packet: Uint8Array): Uint8Array => {
  const bytes = new Uint8Array(header.length + packet.length)
  bytes.set(header)
  bytes.set(packet, header.length)
  return bytes
}

/** Reads a datagram; undefined for what is no message. Cookies and packets are views of it, not copies. */
export const decode = (bytes: Uint8Array): RelayMessage | undefined => {
  const { length } = bytes
  if (length < sizeBytes.forwarded) return undefined
  const view = new DataView(bytes.buffer, bytes.byteOffset, length)
  if (view.getUint32(0) !== magic || view.getUint8(4) !== version) return undefined
  const kind = view.getUint8(5)
  if (kind === forwardedKind) {
    const address = NetAddress.toCanonical(NetAddress.ipv6FromBytesUnsafe(bytes.subarray(8, sizeBytes.forwarded)))
    const origin = { address: NetAddress.formatIp(address), port: view.getUint16(6) }
    return { _tag: "Forwarded", origin, packet: bytes.subarray(sizeBytes.forwarded) }
  }
  const _tag = kinds[kind - 1]
  if (_tag === undefined || length !== sizeBytes.control || view.getUint16(6) !== 0) return undefined
  return { _tag, lease: view.getUint32(8), cookie: bytes.subarray(12) }
}
