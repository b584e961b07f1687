/** Fields that every packet of a capture has by its own headers, for display filters, with Wireshark's names. Pure. */

import type { FieldType, FieldValue } from "../../network/dissect/FieldDissector.ts"
import type * as Endpoint from "../../network/Endpoint.ts"
import type * as CaptureReader from "../CaptureReader.ts"
import * as Ip from "../Ip.ts"

/** Test of a value of a field. */
export type Test = (value: FieldValue) => boolean

/** Returns true if a value of a field of the packet passes the test. */
export type Some = (packet: CaptureReader.CapturedPacket, test: Test) => boolean

/** A field of packets. */
export interface PacketField {
  readonly name: string
  readonly type: FieldType
  readonly description: string
  readonly some: Some
}

type Packet = CaptureReader.CapturedPacket

const one =
  (get: (packet: Packet) => FieldValue | undefined): Some =>
  (packet, test) => {
    const value = get(packet)
    return value !== undefined && test(value)
  }

const hardware =
  (...starts: ReadonlyArray<0 | 6>): Some =>
  ({ hardwareAddresses }, test) =>
    hardwareAddresses !== undefined && starts.some((start) => test(hardwareAddresses.subarray(start, start + 6)))

const tcp = (get: (header: Ip.TcpHeader, packet: Packet) => FieldValue): Some =>
  one((packet) => (packet.tcp === undefined ? undefined : get(packet.tcp, packet)))

const tcpFlag = (bit: number): Some => tcp(({ flags }) => (flags & bit) !== 0)

type End = "from" | "to"

const address = (isV6: boolean, ...ends: ReadonlyArray<End>): Some => {
  const has = (literal: string) => literal.includes(":") === isV6
  return (packet, test) =>
    ends.some((end) => {
      const literal = packet[end]?.address
      return literal !== undefined && has(literal) && test(literal)
    })
}

const isTransport: Readonly<Record<"TCP" | "UDP", (packet: Packet) => boolean>> = {
  TCP: ({ tcp }) => tcp !== undefined,
  UDP: ({ from, layers, protocol }) => protocol === "UDP" && layers.includes("udp") && from !== undefined
}

const port =
  (protocol: "TCP" | "UDP", ...ends: ReadonlyArray<End>): Some =>
  (packet, test) =>
    isTransport[protocol](packet) && ends.some((end) => test((packet[end] as Endpoint.Endpoint).port))

const isV6 = ({ from }: Packet) => from?.address.includes(":") === true

const protocolNumbers: Readonly<Record<string, number>> = { ICMP: 1, TCP: 6, UDP: 17, ICMPv6: 58 }

const protocolNumber = ({ protocol }: Packet): number | undefined => {
  const numbered = /^IP protocol (\d+)$/.exec(protocol)
  return numbered === null ? protocolNumbers[protocol] : Number(numbered[1])
}

/** Returns the length of the payload on the wire, of which the file may hold a part. */
const payloadLength = ({ missingBytes = 0, payload }: Packet) => payload.length + missingBytes

const texts =
  (get: (packet: Packet) => ReadonlyArray<string> | undefined): Some =>
  (packet, test) =>
    get(packet)?.some(test) === true

const ifV4 = (get: (packet: Packet) => FieldValue | undefined): Some =>
  one((packet) => (packet.from === undefined || isV6(packet) ? undefined : get(packet)))

const udp = (get: (packet: Packet) => FieldValue): Some =>
  one((packet) => (isTransport.UDP(packet) ? get(packet) : undefined))

const rows: ReadonlyArray<readonly [name: string, type: FieldType, description: string, some: Some]> = [
  ["frame.number", "number", "Number of the packet in the file, from 1", one(({ number }) => number)],
  ["frame.len", "number", "Length on the wire, in bytes", one(({ originalLength }) => originalLength)],
  ["frame.cap_len", "number", "Length in the file, in bytes", one(({ capturedLength }) => capturedLength)],
  ["frame.time_epoch", "seconds", "Time since 1970", one(({ at }) => at)],
  ["frame.interface_name", "text", "Interface, or the host of a simulation", one(({ host }) => host)],
  ["frame.comment", "text", "Comment, such as the fault applied by a simulation", texts(({ comments }) => comments)],
  ["problem", "text", "Defect of the packet, such as `bad UDP checksum`", texts(({ problems }) => problems)],
  ["note", "text", "Remark, such as `truncated by the snap length`", texts(({ notes }) => notes)],
  ["eth.addr", "ethernet", "Source or destination", hardware(0, 6)],
  ["eth.src", "ethernet", "Source", hardware(6)],
  ["eth.dst", "ethernet", "Destination", hardware(0)],
  ["vlan.id", "number", "Identifier of a VLAN tag", ({ vlanIds }, test) => vlanIds?.some(test) === true],
  ["ip.addr", "IPv4", "Source or destination", address(false, "from", "to")],
  ["ip.src", "IPv4", "Source", address(false, "from")],
  ["ip.dst", "IPv4", "Destination", address(false, "to")],
  ["ip.ttl", "number", "Time to live", ifV4(({ hopLimit }) => hopLimit)],
  ["ip.proto", "number", "Number of the protocol: 1 is ICMP, 6 TCP, 17 UDP", ifV4(protocolNumber)],
  ["ipv6.addr", "IPv6", "Source or destination", address(true, "from", "to")],
  ["ipv6.src", "IPv6", "Source", address(true, "from")],
  ["ipv6.dst", "IPv6", "Destination", address(true, "to")],
  ["ipv6.hlim", "number", "Hop limit", one((packet) => (isV6(packet) ? packet.hopLimit : undefined))],
  ["tcp.port", "number", "Source or destination port", port("TCP", "from", "to")],
  ["tcp.srcport", "number", "Source port", port("TCP", "from")],
  ["tcp.dstport", "number", "Destination port", port("TCP", "to")],
  ["tcp.flags", "number", "All flags: FIN 1, SYN 2, RST 4, PSH 8, ACK 16", tcp(({ flags }) => flags)],
  ["tcp.flags.fin", "boolean", "FIN", tcpFlag(Ip.flag.fin)],
  ["tcp.flags.syn", "boolean", "SYN", tcpFlag(Ip.flag.syn)],
  ["tcp.flags.reset", "boolean", "RST", tcpFlag(Ip.flag.rst)],
  ["tcp.flags.push", "boolean", "PSH", tcpFlag(Ip.flag.psh)],
  ["tcp.flags.ack", "boolean", "ACK", tcpFlag(Ip.flag.ack)],
  ["tcp.flags.urg", "boolean", "URG", tcpFlag(0x20)],
  ["tcp.len", "number", "Length of the payload, in bytes", tcp((_, packet) => payloadLength(packet))],
  ["tcp.hdr_len", "number", "Length of the header, in bytes", tcp(({ options }) => 20 + options.length)],
  ["tcp.seq_raw", "number", "Sequence number as in the packet", tcp(({ seq }) => seq)],
  ["tcp.ack_raw", "number", "Acknowledgement number as in the packet", tcp(({ ack }) => ack)],
  ["tcp.window_size_value", "number", "Window as in the packet, not scaled", tcp(({ window }) => window)],
  [
    "tcp.payload",
    "bytes",
    "Payload",
    one(({ payload, tcp }) => (tcp === undefined || payload.length === 0 ? undefined : payload))
  ],
  ["udp.port", "number", "Source or destination port", port("UDP", "from", "to")],
  ["udp.srcport", "number", "Source port", port("UDP", "from")],
  ["udp.dstport", "number", "Destination port", port("UDP", "to")],
  ["udp.length", "number", "Length with the header, in bytes", udp((packet) => 8 + payloadLength(packet))],
  [
    "udp.payload",
    "bytes",
    "Payload",
    one((packet) => (isTransport.UDP(packet) && packet.payload.length > 0 ? packet.payload : undefined))
  ]
]

/** The fields of the headers, in the order of the documentation. */
export const packetFields: ReadonlyArray<PacketField> = rows.map(([name, type, description, some]) => ({
  name,
  type,
  description,
  some
}))

/** Protocols below the dissectors, by the names that readers give to layers. */
export const layerNames: Readonly<Record<string, string>> = {
  frame: "Every packet",
  eth: "Ethernet",
  vlan: "VLAN tag (802.1Q)",
  ieee8021ad: "Outer VLAN tag (802.1ad)",
  llc: "Logical link control (802.2)",
  sll: "Linux cooked capture",
  null: "Loopback of BSD",
  raw: "IP without a link layer",
  ppp: "PPP",
  pppoes: "PPPoE session",
  pppoed: "PPPoE discovery",
  mpls: "MPLS",
  gre: "GRE tunnel",
  vxlan: "VXLAN tunnel",
  geneve: "Geneve tunnel",
  arp: "ARP",
  ip: "IPv4",
  ipv6: "IPv6",
  icmp: "ICMP",
  icmpv6: "ICMPv6",
  udp: "UDP",
  tcp: "TCP",
  sctp: "SCTP"
}
