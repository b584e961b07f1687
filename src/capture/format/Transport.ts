/** Layers above IP: UDP (RFC 768), TCP (RFC 9293), ICMP (RFC 792, RFC 4443), SCTP, and tunnels in UDP. */
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
  linkType,
  malformed,
  u16,
  u32,
  udpTunnel
} from "./Frame.ts"

/** Numbers of the protocols that this module decodes. */
const numbers = { icmp: 1, tcp: 6, udp: 17, icmpv6: 58, sctp: 132 } as const

/** Checks the checksum of the bytes from `at` to `end`, which includes the pseudo-header of IP. */
const verify = (frame: Frame, name: string, protocol: number, end: number, checksumAt: number) => {
  const { addressSum, at, bytes } = frame
  const length = end - at
  const pseudoSum = addressSum + protocol + (length & 0xffff) + (length >>> 16)
  if (complement(sumWords(bytes, at, end, pseudoSum)) === 0) return
  // A system that leaves the checksum to the network card stores the sum of the pseudo-header.
  const isOffloaded = u16(bytes, checksumAt) === (~complement(pseudoSum) & 0xffff)
  if (isOffloaded) addNote(frame, `${name} checksum not filled in (offload)`)
  else addProblem(frame, `bad ${name} checksum`)
}

/** Sets the ports, which are the first 4 bytes of UDP, TCP and SCTP. */
const setPorts = (frame: Frame) => {
  const { at, bytes, from, to } = frame
  if (from === undefined || to === undefined) return
  frame.from = { address: from.address, port: u16(bytes, at) }
  frame.to = { address: to.address, port: u16(bytes, at + 2) }
}

/** Ends the header of a transport: the rest is the payload. */
const advance = (frame: Frame, name: string, headerLength: number) => {
  frame.layers.push(name)
  frame.at += headerLength
  frame.headerLength = frame.base + frame.at
}

/** Ends the decoding at a header that is too short, with the ports if they are there. */
const truncated = (frame: Frame, name: string): number => {
  if (frame.end - frame.at >= 4) {
    setPorts(frame)
    frame.layers.push(name.toLowerCase())
  }
  return malformed(frame, name)
}

/** Ports of tunnels that carry frames: VXLAN (RFC 7348) and Geneve (RFC 8926). */
const ports = { vxlan: 4_789, geneve: 6_081 } as const

const udp: Layer = (frame) => {
  const { at, bytes, end } = frame
  frame.protocol = "UDP"
  if (end - at < 8) return truncated(frame, "UDP")
  const available = end - at
  const stated = u16(bytes, at + 4)
  // The length of a datagram above 65,535 bytes is 0 (RFC 2675, 4).
  const length = stated === 0 && available > 0xffff ? available : stated
  const isBad = length < 8 || (!frame.isFragment && length > available + frame.absent)
  if (isBad) addProblem(frame, "bad UDP length")
  const hasChecksum = !frame.isV4 || u16(bytes, at + 6) !== 0
  if (!isBad && !frame.isFragment && frame.absent === 0 && hasChecksum) {
    verify(frame, "UDP", numbers.udp, at + length, at + 6)
  }
  setPorts(frame)
  advance(frame, "udp", 8)
  if (!isBad && !frame.isFragment) {
    frame.absent = Math.max(0, length - available)
    frame.end = Math.min(end, at + length)
  } else if (length >= 8) frame.end = Math.min(end, at + length)
  const port = frame.to?.port ?? 0
  return port === ports.vxlan || port === ports.geneve ? udpTunnel(port) : done
}

const tcp: Layer = (frame) => {
  const { at, bytes, end } = frame
  frame.protocol = "TCP"
  const headerLength = end - at < 20 ? 0 : (bytes[at + 12]! >> 4) * 4
  const cutOptions = headerLength - (end - at)
  if (headerLength < 20 || cutOptions > frame.absent) return truncated(frame, "TCP")
  if (cutOptions > 0) {
    addNote(frame, "TCP options truncated by the snap length")
    frame.absent -= cutOptions
  }
  if (!frame.isFragment && frame.absent === 0 && cutOptions <= 0) verify(frame, "TCP", numbers.tcp, end, at + 16)
  setPorts(frame)
  frame.tcp = {
    seq: u32(bytes, at + 4),
    ack: u32(bytes, at + 8),
    flags: u16(bytes, at + 12) & 0x1ff,
    window: u16(bytes, at + 14),
    options: bytes.subarray(at + 20, Math.min(end, at + headerLength))
  }
  advance(frame, "tcp", headerLength)
  return done
}

/** Returns a layer whose message, header included, is the payload. */
const icmp =
  (name: string, label: string, hasPseudoHeader: boolean): Layer =>
  (frame) => {
    const { at, bytes, end } = frame
    frame.protocol = label
    frame.headerLength = frame.base + at
    if (end - at < 4) return malformed(frame, label)
    frame.layers.push(name)
    if (frame.isFragment || frame.absent > 0) return done
    if (hasPseudoHeader) verify(frame, label, numbers.icmpv6, end, at + 2)
    else if (complement(sumWords(bytes, at, end)) !== 0) addProblem(frame, `bad ${label} checksum`)
    return done
  }

const sctp: Layer = (frame) => {
  frame.protocol = "SCTP"
  if (frame.end - frame.at < 12) return malformed(frame, "SCTP")
  setPorts(frame)
  advance(frame, "sctp", 12)
  return done
}

/** The header of VXLAN has a flag for a valid network identifier, and reserved bits that are 0. */
const vxlan: Layer = (frame) => {
  const { at, bytes, end } = frame
  if (end - at < 8 + 14 || u32(bytes, at) !== 0x08000000) return done
  frame.layers.push("vxlan")
  frame.at = at + 8
  return linkType(1)
}

const geneve: Layer = (frame) => {
  const { at, bytes, end } = frame
  const headerLength = end - at < 8 ? 0 : 8 + (bytes[at]! & 0x3f) * 4
  if (headerLength === 0 || bytes[at]! >> 6 !== 0 || headerLength > end - at) return done
  const type = u16(bytes, at + 2)
  if (type !== 0x6558 && type !== 0x0800 && type !== 0x86dd) return done
  frame.layers.push("geneve")
  frame.at = at + headerLength
  return etherType(type)
}

export const layers: Layers = [
  [ipProtocol(numbers.udp), udp],
  [ipProtocol(numbers.tcp), tcp],
  [ipProtocol(numbers.icmp), icmp("icmp", "ICMP", false)],
  [ipProtocol(numbers.icmpv6), icmp("icmpv6", "ICMPv6", true)],
  [ipProtocol(numbers.sctp), sctp],
  [udpTunnel(ports.vxlan), vxlan],
  [udpTunnel(ports.geneve), geneve]
]
