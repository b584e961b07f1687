/** Link types other than Ethernet and PPP: loopback, raw IP, Linux cooked, 802.11, Frame Relay, ATM and firewalls. */
import {
  addNote,
  done,
  etherType,
  type Frame,
  type Layer,
  type Layers,
  limit,
  linkType,
  llc,
  malformed,
  pppFrame,
  skip,
  u16,
  u32
} from "./Frame.ts"

const ipKey = etherType(0x0800)

const littleEndian16 = (bytes: Uint8Array, at: number) => bytes[at]! | (bytes[at + 1]! << 8)

/** Largest value below those of EtherTypes. */
const maxLength = 1_500

/** Numbers of address families of IP: of all systems, Linux, Windows, BSD, FreeBSD and macOS. */
const ipFamilies = new Set([2, 10, 23, 24, 28, 30])

/**
 * The loopback of BSD: the address family in 4 bytes, in the byte order of the host or of the network. Some systems
 * have an EtherType in the last two.
 */
const loopback: Layer = (frame) => {
  const { at, bytes, end } = frame
  frame.protocol = "loopback"
  if (end - at < 4) return malformed(frame, "loopback")
  if (bytes[at] === 0xff && bytes[at + 1] === 3) return pppFrame
  frame.layers.push("null")
  frame.at = at + 4
  const value = u32(bytes, at)
  const family = value > 0xffff ? littleEndian16(bytes, at) : value
  if (ipFamilies.has(family)) return ipKey
  const type = u16(bytes, at + 2)
  if (type > maxLength) return etherType(type)
  frame.protocol = `address family ${family}`
  return done
}

const raw: Layer = (frame) => {
  frame.layers.push("raw")
  return ipKey
}

/** Types of hardware (`ARPHRD_*` of Linux) for which the protocol field of a cooked frame is not an EtherType. */
const hardware = { frameRelay: 770, gre: 778, radiotap: 803, netlink: 824 } as const

const cookedProtocol = (frame: Frame, type: number, protocol: number): number => {
  frame.protocol = "Linux cooked"
  if (type === hardware.netlink) {
    frame.protocol = "Netlink"
    return done
  }
  if (type === hardware.radiotap) return linkType(127)
  if (type === hardware.frameRelay) return linkType(107)
  if (protocol === 4) return llc
  return protocol === 1 ? etherType(0x8137) : etherType(protocol)
}

/** Linux cooked capture, version 1: type, hardware, length and 8 bytes of an address, protocol. */
const cooked: Layer = (frame) => {
  const { at, bytes, end } = frame
  if (end - at < 16) return malformed(frame, "Linux cooked")
  frame.layers.push("sll")
  frame.at = at + 16
  return cookedProtocol(frame, u16(bytes, at + 2), u16(bytes, at + 14))
}

const cooked2: Layer = (frame) => {
  const { at, bytes, end } = frame
  if (end - at < 20) return malformed(frame, "Linux cooked")
  frame.layers.push("sll")
  frame.at = at + 20
  return cookedProtocol(frame, u16(bytes, at + 8), u16(bytes, at))
}

/** Types of 802.11 frames in the first byte: data, and the bits of its subtypes for QoS and for no data. */
const wlanTypes: ReadonlyArray<string> = ["802.11 management", "802.11 control", "802.11 data", "802.11 extension"]

const wlan: Layer = (frame) => {
  const { at, bytes, end } = frame
  frame.protocol = "802.11"
  if (end - at < 2) return malformed(frame, "802.11")
  frame.layers.push("wlan")
  const [control, flags] = [bytes[at]!, bytes[at + 1]!]
  const type = (control >> 2) & 3
  const subtype = control >> 4
  frame.protocol = wlanTypes[type]!
  if (type !== 2 || (subtype & 4) !== 0) return done
  const isQos = (subtype & 8) !== 0
  const headerLength =
    ((flags & 3) === 3 ? 30 : 24) + (isQos ? 2 : 0) + (isQos && (flags & 0x80) !== 0 ? 4 : 0) + frame.wlanPadding
  if (headerLength > end - at) return malformed(frame, "802.11")
  const isAggregate = isQos && (bytes[at + ((flags & 3) === 3 ? 30 : 24)]! & 0x80) !== 0
  frame.at = at + headerLength
  if ((flags & 0x40) !== 0) {
    addNote(frame, "encrypted")
    return done
  }
  if (isAggregate) addNote(frame, "aggregate of several frames, not decoded")
  return isAggregate ? done : llc
}

/** Flag of radiotap: padding between the header and the body of the 802.11 frame, to a multiple of 4 bytes. */
const radiotapPadding = 0x20

const radiotap: Layer = (frame) => {
  const { at, bytes, end } = frame
  const length = end - at < 8 ? 0 : littleEndian16(bytes, at + 2)
  if (length < 8 || length > end - at) return malformed(frame, "radiotap")
  frame.layers.push("radiotap")
  let fields = at + 8
  for (let word = at + 4; word + 3 < at + length && (bytes[word + 3]! & 0x80) !== 0; word += 4) fields += 4
  const present = bytes[at + 4]!
  // A time stamp of 8 bytes, aligned, may precede the flags.
  if ((present & 1) !== 0) fields = at + ((fields - at + 7) & ~7) + 8
  const flags = (present & 2) !== 0 && fields < at + length ? bytes[fields]! : 0
  if ((flags & radiotapPadding) !== 0) frame.wlanPadding = 2
  frame.at = at + length
  return linkType(105)
}

/** Returns a layer whose header states its own length. */
const sized =
  (
    name: string,
    label: string,
    least: number,
    lengthOf: (bytes: Uint8Array, at: number) => number,
    next: number
  ): Layer =>
  (frame) => {
    const { at, bytes, end } = frame
    const length = end - at < least ? 0 : lengthOf(bytes, at)
    if (length < least || length > end - at) return malformed(frame, label)
    frame.layers.push(name)
    frame.at = at + length
    return next
  }

const prismLength = 144
const prismOrAvs: Layer = (frame) => {
  const isAvs = u32(frame.bytes, frame.at) >>> 16 === 0x8021
  const lengthOf = isAvs ? (bytes: Uint8Array, at: number) => u32(bytes, at + 4) : () => prismLength
  return sized(isAvs ? "wlan_radio" : "prism", "802.11 radio", 8, lengthOf, linkType(105))(frame)
}

/** Per-packet information: version, flags, length and link type in little-endian order. */
const perPacketInformation: Layer = (frame) => {
  const next = frame.end - frame.at < 8 ? done : linkType(littleEndian16(frame.bytes, frame.at + 4))
  // A header in a header of the same kind never ends.
  if (next === linkType(192)) return malformed(frame, "PPI")
  return sized("ppi", "PPI", 8, (bytes, at) => littleEndian16(bytes, at + 2), next)(frame)
}

/** Types of the fields of NFLOG: the packet. */
const nflogTypes = { payload: 9 } as const

/** The log of Linux netfilter: fields with length and type in the byte order of the host, mostly little-endian. */
const nflog: Layer = (frame) => {
  const { bytes } = frame
  frame.protocol = "NFLOG"
  let at = frame.at + 4
  while (frame.end - at >= 4) {
    const isLittleEndian = bytes[at + 3] === 0
    const length = isLittleEndian ? littleEndian16(bytes, at) : u16(bytes, at)
    const type = isLittleEndian ? littleEndian16(bytes, at + 2) : u16(bytes, at + 2)
    if (length < 4) break
    if (type === nflogTypes.payload) {
      frame.layers.push("nflog")
      frame.at = at + 4
      limit(frame, length - 4)
      return ipKey
    }
    at += (length + 3) & ~3
  }
  return malformed(frame, "NFLOG")
}

/** Per-packet metadata of macOS: length of the header, type of the record, link type of the packet. */
const packetTap: Layer = (frame) => {
  const next = frame.end - frame.at < 12 ? done : linkType(littleEndian16(frame.bytes, frame.at + 8))
  if (next === linkType(258)) return malformed(frame, "PKTAP")
  return sized("pktap", "PKTAP", 12, (bytes, at) => littleEndian16(bytes, at), next)(frame)
}

/** Network layer protocol identifiers of Frame Relay (RFC 2427). */
const frameRelayKeys: Readonly<Record<number, number>> = {
  142: etherType(0x86dd),
  204: ipKey,
  207: pppFrame
}

const frameRelay: Layer = (frame) => {
  const { at, bytes, end } = frame
  frame.protocol = "Frame Relay"
  // The last byte of the address has its lowest bit set.
  let start = at
  while (start < end && start < at + 4 && (bytes[start]! & 1) === 0) start++
  start++
  if (end - start < 2) return malformed(frame, "Frame Relay")
  frame.layers.push("fr")
  if (bytes[start] !== 3) {
    // Cisco has an EtherType instead of control and identifier.
    frame.at = start + 2
    return etherType(u16(bytes, start))
  }
  const identifierAt = bytes[start + 1] === 0 ? start + 2 : start + 1
  frame.at = identifierAt + 1
  if (frame.at > end) return malformed(frame, "Frame Relay")
  if (bytes[identifierAt] !== 0x80) return frameRelayKeys[bytes[identifierAt]!] ?? done
  // SNAP without the rest of LLC.
  if (end - frame.at < 5) return malformed(frame, "SNAP")
  const isEtherType = bytes[frame.at] === 0 && u16(bytes, frame.at + 1) === 0
  const type = u16(bytes, frame.at + 3)
  const isBridged = !isEtherType && (type === 1 || type === 7)
  frame.at += 5
  return isEtherType ? etherType(type) : isBridged ? linkType(1) : done
}

/** Token Ring: access and frame control, addresses, and the routing that the source address announces. */
const tokenRing: Layer = (frame) =>
  sized(
    "tr",
    "Token Ring",
    14,
    (bytes, at) => 14 + ((bytes[at + 8]! & 0x80) === 0 ? 0 : (bytes[at + 14] ?? 0) & 0x1f),
    llc
  )(frame)

/** IP over ATM (RFC 2684): LLC, or IP without it. */
const atm: Layer = (frame) => {
  const { at, bytes, end } = frame
  frame.protocol = "ATM"
  return end - at >= 3 && bytes[at] === 0xaa && bytes[at + 1] === 0xaa ? llc : ipKey
}

const constant = (key: number) => () => key

/** Prefixes of a byte for the direction. */
const directed = (next: number): Layer => {
  return (frame) => {
    if (frame.end - frame.at < 1) return malformed(frame, "direction")
    frame.at++
    return next
  }
}

export const layers: Layers = [
  [linkType(0), loopback],
  [linkType(108), loopback],
  ...[12, 14, 101].map((type) => [linkType(type), raw] as const),
  ...[228, 229].map((type) => [linkType(type), () => ipKey] as const),
  [linkType(6), tokenRing],
  [linkType(10), skip("fddi", "FDDI", 13, constant(llc))],
  [linkType(11), atm],
  [linkType(100), atm],
  [linkType(105), wlan],
  [linkType(106), atm],
  [linkType(107), frameRelay],
  [linkType(109), skip("enc", "ENC", 12, constant(ipKey))],
  [linkType(113), cooked],
  [linkType(117), sized("pflog", "PFLOG", 4, (bytes, at) => (bytes[at]! + 3) & ~3, ipKey)],
  [linkType(119), prismOrAvs],
  [linkType(122), skip("ipfc", "IP over Fibre Channel", 16, constant(llc))],
  [linkType(127), radiotap],
  [linkType(138), skip("ieee1394", "IEEE 1394", 18, (bytes, at) => etherType(u16(bytes, at + 16)))],
  [linkType(163), prismOrAvs],
  [linkType(192), perPacketInformation],
  [linkType(204), directed(pppFrame)],
  [linkType(205), directed(linkType(104))],
  [linkType(206), directed(linkType(107))],
  [linkType(239), nflog],
  [linkType(258), packetTap],
  [linkType(276), cooked2]
]
