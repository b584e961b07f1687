/** Layers of IP: IPv4 (RFC 791), IPv6 (RFC 8200) with extension headers, fragments, and GRE (RFC 2784, RFC 2890). */
import { complement, sumWords } from "./Checksum.ts"
import {
  addNote,
  addProblem,
  done,
  etherType,
  type Frame,
  ipProtocol,
  type Layer,
  type Layers,
  limit,
  linkType,
  malformed,
  type Names,
  pppFrame,
  u16,
  u32
} from "./Frame.ts"
import { formatV4, formatV6 } from "./IpAddresses.ts"

const hex = (value: number) => `0x${value.toString(16).padStart(4, "0")}`

/** Position of a fragment in its datagram. */
interface FragmentHeader {
  readonly id: number
  /** Offset in the datagram, in bytes. */
  readonly offset: number
  readonly isLast: boolean
  readonly protocol: number
}

/** Replaces a fragment by the datagram that it completes, or ends the decoding at an incomplete one. */
const reassemble = (frame: Frame, { id, isLast, offset, protocol }: FragmentHeader): number => {
  const { absent, at, bytes, end, fragments, from, isV4, time, to } = frame
  const name = isV4 ? "IPv4" : "IPv6"
  frame.protocol = name
  frame.headerLength = frame.base + at
  const range = `bytes ${offset} to ${offset + end - at + Math.min(absent, 0xffff) - 1}`
  if (fragments === undefined || absent > 0) {
    addNote(frame, `fragment of datagram ${hex(id)}, ${range}`)
    if (offset > 0) return done
    frame.isFragment = true
    return ipProtocol(protocol)
  }
  if (!isLast && (end - at) % 8 !== 0) addProblem(frame, `fragment of ${end - at} bytes, not a multiple of 8`)
  const key = `${from?.address} ${to?.address} ${isV4 ? protocol : ""} ${id}`
  const piece = { key, offset, isLast, bytes: bytes.subarray(at, end), time }
  const { datagram, index, problem } = fragments.add(piece)
  if (problem !== undefined) addProblem(frame, problem)
  if (datagram === undefined) {
    addNote(frame, `fragment ${index} of datagram ${hex(id)}, ${range}`)
    return done
  }
  addNote(frame, `datagram ${hex(id)} of ${datagram.length} bytes reassembled from ${index} fragments`)
  frame.base += at
  frame.bytes = datagram
  frame.at = 0
  frame.end = datagram.length
  return ipProtocol(protocol)
}

const ipv4: Layer = (frame) => {
  const { at, bytes, end } = frame
  const available = end - at
  const headerLength = available < 20 ? 0 : (bytes[at]! & 15) * 4
  if (headerLength < 20 || headerLength > available) return malformed(frame, "IP")
  const totalLength = u16(bytes, at + 2)
  if (totalLength !== 0 && totalLength < headerLength) return malformed(frame, "IP")
  frame.layers.push("ip")
  // The length is 0 if the packet was captured before the network card segmented it.
  if (totalLength === 0) addNote(frame, "IP length not filled in (segmentation offload)")
  else limit(frame, totalLength)
  if (complement(sumWords(bytes, at, at + headerLength)) !== 0) {
    if (u16(bytes, at + 10) === 0) addNote(frame, "IP checksum not filled in (offload)")
    else addProblem(frame, "bad IP checksum")
  }
  frame.isV4 = true
  frame.hopLimit = bytes[at + 8]!
  frame.from = { address: formatV4(bytes, at + 12), port: 0 }
  frame.to = { address: formatV4(bytes, at + 16), port: 0 }
  frame.addressSum = sumWords(bytes, at + 12, at + 20)
  frame.at = at + headerLength
  frame.headerLength = frame.base + frame.at
  const fragment = u16(bytes, at + 6) & 0x3fff
  const protocol = bytes[at + 9]!
  if (fragment === 0) return ipProtocol(protocol)
  const isLast = (fragment & 0x2000) === 0
  return reassemble(frame, { id: u16(bytes, at + 4), offset: (fragment & 0x1fff) * 8, isLast, protocol })
}

/** Names of the extension headers of IPv6 that are skipped: they begin with the next header and their length. */
const extensionNames: Readonly<Record<number, string>> = {
  0: "ipv6.hopopts",
  43: "ipv6.routing",
  51: "ah",
  60: "ipv6.dstopts",
  135: "mipv6",
  139: "hip",
  140: "shim6"
}

/** Numbers of headers with a meaning of their own. */
const headers = { routing: 43, fragment: 44, authentication: 51, none: 59 } as const

/** Maximum number of extension headers of a packet. */
const maxExtensions = 32

/** Returns the length in the jumbo payload option of a hop-by-hop header (RFC 2675); undefined if it has none. */
const jumboLength = (bytes: Uint8Array, at: number, end: number): number | undefined => {
  if (end - at < 8) return undefined
  const headerEnd = Math.min(end, at + 8 * (bytes[at + 1]! + 1))
  for (let i = at + 2; i + 6 <= headerEnd; ) {
    if (bytes[i] === 0xc2 && bytes[i + 1] === 4) return u32(bytes, i + 2)
    i += bytes[i] === 0 ? 1 : 2 + bytes[i + 1]!
  }
  return undefined
}

/** Returns the offset of the final destination in a routing header with segments left, which checksums include. */
const finalDestination = (bytes: Uint8Array, at: number, length: number): number | undefined => {
  const [type, segmentsLeft] = [bytes[at + 2]!, bytes[at + 3]!]
  if (segmentsLeft === 0 || length < 24) return undefined
  if (type === 0) return at + length - 16
  return type === 2 || type === 4 ? at + 8 : undefined
}

/** Skips the extension headers from `at`, and returns the key of what follows. */
const extensions = (frame: Frame, first: number): number => {
  const { bytes, end } = frame
  let protocol = first
  for (let count = 0; protocol in extensionNames || protocol === headers.fragment; count++) {
    const { at } = frame
    if (count === maxExtensions) {
      addProblem(frame, `more than ${maxExtensions} extension headers`)
      return done
    }
    if (end - at < 8) return malformed(frame, "IPv6 extension")
    const next = bytes[at]!
    if (protocol === headers.fragment) {
      frame.layers.push("ipv6.fraghdr")
      frame.at = at + 8
      const fragment = u16(bytes, at + 2)
      const offset = fragment & 0xfff8
      const isLast = (fragment & 1) === 0
      if (offset !== 0 || !isLast) {
        return reassemble(frame, { id: u32(bytes, at + 4), offset, isLast, protocol: next })
      }
    } else {
      const length = protocol === headers.authentication ? (bytes[at + 1]! + 2) * 4 : 8 * (bytes[at + 1]! + 1)
      if (length > end - at) return malformed(frame, "IPv6 extension")
      frame.layers.push(extensionNames[protocol]!)
      if (protocol === headers.routing) {
        const destination = finalDestination(bytes, at, length)
        if (destination !== undefined) {
          frame.addressSum += sumWords(bytes, destination, destination + 16) - frame.destinationSum
        }
      }
      frame.at = at + length
    }
    frame.headerLength = frame.base + frame.at
    protocol = next
  }
  return ipProtocol(protocol)
}

const ipv6: Layer = (frame) => {
  const { at, bytes, end } = frame
  if (end - at < 40) return malformed(frame, "IP")
  const payloadLength = u16(bytes, at + 4)
  const next = bytes[at + 6]!
  frame.layers.push("ipv6")
  const jumbo = payloadLength === 0 && next === 0 ? jumboLength(bytes, at + 40, end) : undefined
  const isOffloaded = payloadLength === 0 && jumbo === undefined && next !== headers.none && end - at > 40
  if (isOffloaded) addNote(frame, "IP length not filled in (segmentation offload)")
  else limit(frame, 40 + (jumbo ?? payloadLength))
  frame.isV4 = false
  frame.hopLimit = bytes[at + 7]!
  frame.from = { address: formatV6(bytes, at + 8), port: 0 }
  frame.to = { address: formatV6(bytes, at + 24), port: 0 }
  frame.destinationSum = sumWords(bytes, at + 24, at + 40)
  frame.addressSum = sumWords(bytes, at + 8, at + 24) + frame.destinationSum
  frame.at = at + 40
  frame.headerLength = frame.base + frame.at
  return extensions(frame, next)
}

/** An IP packet without an EtherType: its first 4 bits are the version. */
const ip: Layer = (frame) => {
  const version = frame.at < frame.end ? frame.bytes[frame.at]! >> 4 : 0
  if (version === 4) return ipv4(frame)
  if (version === 6) return ipv6(frame)
  addProblem(frame, "not IP")
  return done
}

/** The authentication header in IPv4; IPv6 has it among its extension headers. */
const authentication: Layer = (frame) => {
  const { at, bytes, end } = frame
  frame.protocol = "AH"
  const length = end - at < 12 ? 0 : (bytes[at + 1]! + 2) * 4
  if (length < 12 || length > end - at) return malformed(frame, "AH")
  frame.layers.push("ah")
  frame.at = at + length
  return ipProtocol(bytes[at]!)
}

/** EtherTypes of GRE that have a meaning of their own: ERSPAN of the versions 2 and 3, and PPTP. */
const greTypes = { erspan2: 0x88be, erspan3: 0x22eb, ppp: 0x880b } as const

/** Returns the length of the header of ERSPAN: none without sequence numbers, and a longer one in version 3. */
const erspanLength = ({ at, bytes }: Frame, type: number, hasSequence: boolean): number => {
  if (type === greTypes.erspan2) return hasSequence ? 8 : 0
  return (bytes[at + 11]! & 1) === 0 ? 12 : 20
}

const gre: Layer = (frame) => {
  const { at, bytes, end } = frame
  frame.protocol = "GRE"
  if (end - at < 4) return malformed(frame, "GRE")
  const flags = u16(bytes, at)
  const type = u16(bytes, at + 2)
  const isPptp = (flags & 7) === 1
  const has = (bit: number) => ((flags & bit) === 0 ? 0 : 4)
  // Checksum (or routing), key, sequence number; PPTP has an acknowledgement number (RFC 2637, 4.1).
  const optional = ((flags & 0xc000) === 0 ? 0 : 4) + has(0x2000) + has(0x1000) + (isPptp ? has(0x0080) : 0)
  // Routing fields (RFC 1701) have no fixed length.
  if ((flags & 0x4000) !== 0 || 4 + optional > end - at) return malformed(frame, "GRE")
  frame.layers.push("gre")
  frame.at = at + 4 + optional
  frame.headerLength = frame.base + frame.at
  if (frame.at === end) return done
  if (type === greTypes.erspan2 || type === greTypes.erspan3) {
    const length = erspanLength(frame, type, has(0x1000) > 0)
    if (length > end - frame.at) return malformed(frame, "ERSPAN")
    if (length > 0) frame.layers.push("erspan")
    frame.at += length
    return linkType(1)
  }
  if (type === greTypes.ppp) return (flags & 0x1000) === 0 ? done : pppFrame
  return etherType(type)
}

export const layers: Layers = [
  [etherType(0x0800), ip],
  [etherType(0x86dd), ip],
  [ipProtocol(4), ip],
  [ipProtocol(41), ip],
  [ipProtocol(47), gre],
  [ipProtocol(headers.authentication), authentication]
]

export const names: Names = [
  [ipProtocol(2), "IGMP"],
  [ipProtocol(8), "EGP"],
  [ipProtocol(9), "IGRP"],
  [ipProtocol(33), "DCCP"],
  [ipProtocol(46), "RSVP"],
  [ipProtocol(50), "ESP"],
  [ipProtocol(headers.none), "IPv6 without payload"],
  [ipProtocol(88), "EIGRP"],
  [ipProtocol(89), "OSPF"],
  [ipProtocol(97), "EtherIP"],
  [ipProtocol(103), "PIM"],
  [ipProtocol(108), "IPComp"],
  [ipProtocol(112), "VRRP"],
  [ipProtocol(115), "L2TPv3"],
  [ipProtocol(136), "UDP-Lite"]
]
