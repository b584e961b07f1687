/** Layers between Ethernet and IP: VLAN tags (802.1Q, 802.1ad), LLC and SNAP (802.2), MPLS (RFC 3032), PPPoE, PPP. */
import {
  done,
  etherType,
  hdlcProtocol,
  type Layer,
  type Layers,
  limit,
  linkType,
  llc,
  malformed,
  type Names,
  pppFrame,
  pppProtocol,
  skip,
  u16
} from "./Frame.ts"

/** Largest value of the type field that is a length (802.3). */
const maxLength = 1_500

/** Returns the layer after a type field. */
const byType: (bytes: Uint8Array, typeAt: number) => number = (bytes, typeAt) => {
  const type = u16(bytes, typeAt)
  return type <= maxLength ? llc : etherType(type)
}

const ethernet: Layer = (frame) => {
  const { at, bytes, end } = frame
  if (end - at < 14) return malformed(frame, "Ethernet")
  frame.layers.push("eth")
  frame.protocol = "Ethernet"
  frame.hardwareAddresses = bytes.subarray(at, at + 12)
  frame.at = at + 14
  const type = u16(bytes, at + 12)
  if (type > maxLength) return etherType(type)
  limit(frame, type)
  // Novell put IPX into 802.3 without LLC.
  return u16(bytes, frame.at) === 0xffff && frame.end - frame.at >= 2 ? etherType(0x8137) : llc
}

const serviceVlan = skip("ieee8021ad", "VLAN", 4, (bytes, at) => byType(bytes, at + 2))

const vlanTag = skip("vlan", "VLAN", 4, (bytes, at) => byType(bytes, at + 2))

const vlan: Layer = (frame) => {
  const { at, bytes, end } = frame
  if (end - at >= 4) frame.vlanIds = [...(frame.vlanIds ?? []), u16(bytes, at) & 0xfff]
  return vlanTag(frame)
}

/** Service access points of LLC that have a protocol of their own. */
const servicePoints: Readonly<Record<number, number | string>> = {
  6: etherType(0x0800),
  66: "STP",
  224: etherType(0x8137),
  240: "NetBIOS",
  254: "OSI"
}

/** Organisations whose protocol numbers in SNAP are EtherTypes, and Cisco's protocols. */
const etherTypeOrganisations = new Set([0x000000, 0x0000f8])
const ciscoOrganisation = 0x00000c
const bridgingOrganisation = 0x0080c2
const ciscoNames: Readonly<Record<number, string>> = {
  259: "Cisco PVST+",
  267: "Cisco PVST+",
  266: "DTP",
  8192: "CDP",
  8195: "VTP",
  8196: "DTP"
}

const logicalLink: Layer = (frame) => {
  const { at, bytes, end } = frame
  frame.protocol = "LLC"
  if (end - at < 3) return malformed(frame, "LLC")
  frame.layers.push("llc")
  const [dsap, ssap, control] = [bytes[at]!, bytes[at + 1]!, bytes[at + 2]!]
  const isUnnumbered = (control & 3) === 3
  frame.at = at + (isUnnumbered ? 3 : 4)
  if (frame.at > end) return malformed(frame, "LLC")
  if (dsap === 0xaa && ssap === 0xaa) {
    const { at } = frame
    if (end - at < 5) return malformed(frame, "SNAP")
    frame.at = at + 5
    const organisation = (bytes[at]! << 16) | u16(bytes, at + 1)
    const type = u16(bytes, at + 3)
    if (etherTypeOrganisations.has(organisation)) return etherType(type)
    // Ethernet that is bridged over ATM or Frame Relay, with 2 bytes of padding (RFC 2684, 5.2).
    if (organisation === bridgingOrganisation && (type === 1 || type === 7)) {
      frame.at += 2
      return linkType(1)
    }
    frame.protocol = (organisation === ciscoOrganisation ? ciscoNames[type] : undefined) ?? "SNAP"
    return done
  }
  const known = isUnnumbered ? servicePoints[dsap] : undefined
  if (typeof known === "number") return known
  if (known !== undefined) frame.protocol = known
  return done
}

const mpls: Layer = (frame) => {
  const { bytes, end } = frame
  frame.protocol = "MPLS"
  let isBottom = false
  while (!isBottom) {
    if (end - frame.at < 4) return malformed(frame, "MPLS")
    frame.layers.push("mpls")
    isBottom = (bytes[frame.at + 2]! & 1) === 1
    frame.at += 4
  }
  const version = frame.at < end ? bytes[frame.at]! >> 4 : -1
  if (version === 4 || version === 6) return etherType(0x0800)
  // A control word precedes what a pseudowire carries, mostly Ethernet (RFC 4385, 3).
  if (version !== 0 || end - frame.at < 4 + 14) return done
  frame.layers.push("pwethcw")
  frame.at += 4
  return linkType(1)
}

const pppoe = (name: string, label: string, isSession: boolean): Layer => {
  return (frame) => {
    const { at, bytes, end } = frame
    frame.protocol = label
    if (end - at < 6) return malformed(frame, "PPPoE")
    frame.layers.push(name)
    frame.at = at + 6
    limit(frame, u16(bytes, at + 4))
    return isSession ? pppFrame : done
  }
}

/** Decodes the protocol field of PPP, whose first byte may be left out if it is 0 (RFC 1661, 6.5). */
const ppp: Layer = (frame) => {
  const { at, bytes, end } = frame
  frame.protocol = "PPP"
  // Address and control (RFC 1662, 3.1).
  const start = bytes[at] === 0xff && bytes[at + 1] === 3 ? at + 2 : at
  const isCompressed = start < end && (bytes[start]! & 1) === 1
  if (end - start < (isCompressed ? 1 : 2)) return malformed(frame, "PPP")
  frame.layers.push("ppp")
  frame.at = start + (isCompressed ? 1 : 2)
  return pppProtocol(isCompressed ? bytes[start]! : u16(bytes, start))
}

/** Cisco HDLC: address, control and an EtherType. The link types of HDLC hold PPP, too. */
const ciscoHdlc: Layer = (frame) => {
  const { at, bytes } = frame
  if (bytes[at] === 0xff && bytes[at + 1] === 3) return ppp(frame)
  frame.protocol = "C-HDLC"
  return skip("chdlc", "C-HDLC", 4, (bytes, at) => {
    const type = u16(bytes, at + 2)
    return hdlcTypes.has(type) ? hdlcProtocol(type) : etherType(type)
  })(frame)
}

/** Types of Cisco HDLC that are not EtherTypes: SLARP, CDP and OSI. */
const hdlcTypes = new Set([0x8035, 0x2000, 0xfefe])

const pppHdlc: Layer = (frame) => {
  const first = frame.bytes[frame.at]
  return first === 0x0f || first === 0x8f ? ciscoHdlc(frame) : ppp(frame)
}

/** Protocols whose whole message is the payload. */
const message =
  (name: string, label: string): Layer =>
  (frame) => {
    frame.layers.push(name)
    frame.protocol = label
    frame.headerLength = frame.base + frame.at
    return done
  }

export const layers: Layers = [
  [linkType(1), ethernet],
  [linkType(9), ppp],
  [linkType(50), pppHdlc],
  [linkType(51), pppoe("pppoes", "PPPoE", true)],
  [linkType(104), ciscoHdlc],
  [llc, logicalLink],
  [etherType(0x0806), message("arp", "ARP")],
  [etherType(0x8035), message("arp", "RARP")],
  [etherType(0x6558), ethernet],
  [etherType(0x8100), vlan],
  [etherType(0x88a8), serviceVlan],
  [etherType(0x9100), serviceVlan],
  [etherType(0x9200), vlan],
  [etherType(0x8847), mpls],
  [etherType(0x8848), mpls],
  // Cisco FabricPath: a tag of 2 bytes, and another frame.
  [etherType(0x8903), skip("cfp", "FabricPath", 2, () => linkType(1))],
  [etherType(0x8863), pppoe("pppoed", "PPPoE Discovery", false)],
  [etherType(0x8864), pppoe("pppoes", "PPPoE", true)],
  [etherType(0x880b), ppp],
  [pppFrame, ppp],
  [pppProtocol(0x0021), () => etherType(0x0800)],
  [pppProtocol(0x0057), () => etherType(0x86dd)],
  [pppProtocol(0x0281), mpls],
  [pppProtocol(0x0283), mpls]
]

export const names: Names = [
  [etherType(0x0842), "Wake-on-LAN"],
  [etherType(0x22f0), "AVTP"],
  [etherType(0x6002), "MOP"],
  [etherType(0x6003), "DECnet"],
  [etherType(0x6004), "LAT"],
  [etherType(0x809b), "AppleTalk"],
  [etherType(0x80f3), "AARP"],
  [etherType(0x8137), "IPX"],
  [etherType(0x8808), "MAC Control"],
  [etherType(0x8809), "Slow Protocols"],
  [etherType(0x888e), "EAPOL"],
  [etherType(0x8892), "PROFINET"],
  [etherType(0x88a2), "AoE"],
  [etherType(0x88a4), "EtherCAT"],
  [etherType(0x88b8), "GOOSE"],
  [etherType(0x88cc), "LLDP"],
  [etherType(0x88e1), "HomePlug"],
  [etherType(0x88e5), "MACsec"],
  [etherType(0x88f7), "PTP"],
  [etherType(0x8902), "CFM"],
  [etherType(0x8906), "FCoE"],
  [etherType(0x8914), "FIP"],
  [etherType(0x9000), "Loopback"],
  [pppProtocol(0x002d), "PPP VJ compressed TCP"],
  [pppProtocol(0x002f), "PPP VJ uncompressed TCP"],
  [pppProtocol(0x003d), "PPP Multilink"],
  [pppProtocol(0x00fd), "PPP compressed"],
  [pppProtocol(0x8021), "PPP IPCP"],
  [pppProtocol(0x8057), "PPP IPv6CP"],
  [pppProtocol(0x80fd), "PPP CCP"],
  [pppProtocol(0xc021), "PPP LCP"],
  [pppProtocol(0xc023), "PPP PAP"],
  [pppProtocol(0xc025), "PPP LQR"],
  [pppProtocol(0xc223), "PPP CHAP"],
  [pppProtocol(0xc227), "PPP EAP"],
  [hdlcProtocol(0x8035), "SLARP"],
  [hdlcProtocol(0x2000), "CDP"],
  [hdlcProtocol(0xfefe), "OSI"]
]
