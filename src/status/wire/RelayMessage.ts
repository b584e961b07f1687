/**
 * Messages between a relay and its subscribers. Pure; numbers are big-endian, times are milliseconds.
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
 * | message | sender | meaning | lease | cookie |
 * | --- | --- | --- | --- | --- |
 * | `Subscribe` | subscriber | requests or renews a subscription | requested | of the latest challenge, or zeros |
 * | `Challenge` | relay | asks to repeat `Subscribe` with this cookie | rest of a running lease, or 0 | to repeat |
 * | `Granted` | relay | grants or renews the subscription | granted | of the request |
 * | `Full` | relay | rejects the subscription: the relay is full | 0 | of the request |
 * | `Leave` | subscriber | ends the subscription | ignored | of the subscription |
 * | `Forwarded` | relay | carries a status packet, with the address of its origin | - | - |
 *
 * The magic begins with a NUL, like that of a status packet, and differs in its last byte. A relay's reply is never
 * longer than the request, so a relay cannot amplify traffic: the shortest status packet has 45 bytes.
 */

import * as NetAddress from "effect/net/NetAddress"
import * as Result from "effect/Result"
import * as Endpoint from "../../network/Endpoint.ts"

/** Version of this format. */
const version = 1

/** Magic: a NUL, then `EIR`. */
const magic = 0x00454952

/** Sizes of a cookie, of a control message and of the header of `Forwarded`. */
export const sizeBytes = { cookie: 32, control: 44, forwarded: 24 } as const

/** A control message: all but `Forwarded`. The table above has the meaning of each. */
export interface ControlMessage {
  readonly _tag: "Subscribe" | "Challenge" | "Granted" | "Full" | "Leave"
  readonly lease: number
  readonly cookie: Uint8Array
}

/** An unchanged packet of another subscriber, and its origin. */
interface Forwarded {
  readonly _tag: "Forwarded"
  readonly origin: Endpoint.Endpoint
  readonly packet: Uint8Array
}

export type RelayMessage = ControlMessage | Forwarded

const kinds = ["Subscribe", "Challenge", "Granted", "Full", "Leave"] as const

const forwardedKind = 6

/** Cookie of a subscriber without a challenge. */
export const zeroCookie: Uint8Array = new Uint8Array(sizeBytes.cookie)

const allocate = (length: number, kind: number) => {
  const bytes = new Uint8Array(length)
  const view = new DataView(bytes.buffer)
  view.setUint32(0, magic)
  view.setUint8(4, version)
  view.setUint8(5, kind)
  return { bytes, view }
}

/** Encodes a control message. The lease is limited to 32 bits, the cookie is cut to 32 bytes. */
export const encode = ({ _tag, cookie, lease }: ControlMessage): Uint8Array => {
  const { bytes, view } = allocate(sizeBytes.control, kinds.indexOf(_tag) + 1)
  view.setUint32(8, Math.min(Math.max(0, lease), 0xffff_ffff))
  bytes.set(cookie.subarray(0, sizeBytes.cookie), 12)
  return bytes
}

/** Encodes the header of forwarded packets from one origin. An origin without an IP address becomes `::`. */
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

/** Returns a forwarded message: a header and a packet. */
export const forwardedMessage = (header: Uint8Array, packet: Uint8Array): Uint8Array => {
  const bytes = new Uint8Array(header.length + packet.length)
  bytes.set(header)
  bytes.set(packet, header.length)
  return bytes
}

/** Decodes a datagram; undefined if it is not a relay message. Cookies and packets are views of it, not copies. */
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
