/** Dissector of ARP (RFC 826) for IPv4 over Ethernet. Pure. */
import type { FieldTable } from "../../network/dissect/FieldDissector.ts"
import * as ByteReader from "./ByteReader.ts"
import type { LayerDissection } from "./Icmp.ts"

const { u16 } = ByteReader

/** Fields of ARP. */
export const fields: FieldTable = {
  "arp.opcode": ["number", "Request 1, reply 2"],
  "arp.src.hw_mac": ["ethernet", "Hardware address of the sender"],
  "arp.src.proto_ipv4": ["IPv4", "Address of the sender"],
  "arp.dst.hw_mac": ["ethernet", "Hardware address of the target"],
  "arp.dst.proto_ipv4": ["IPv4", "Address of the target"]
}

/** Dissects a message, from its header on; undefined for other bytes. Never throws. */
export const decode = (bytes: Uint8Array): LayerDissection | undefined => {
  if (bytes.length < 28 || u16(bytes, 2) !== 0x0800 || bytes[4] !== 6 || bytes[5] !== 4) return undefined
  const opcode = u16(bytes, 6)
  const [sender, source] = [bytes.subarray(8, 14), bytes.subarray(14, 18)]
  const [targetHardware, target] = [bytes.subarray(18, 24), bytes.subarray(24, 28)]
  const [from, to] = [ByteReader.formatIp(source)!, ByteReader.formatIp(target)!]
  const isAnnouncement = from === to
  const summary =
    opcode === 2 || isAnnouncement
      ? `${from} is at ${ByteReader.formatMac(sender)}`
      : opcode === 1
        ? `who has ${to}? tell ${from}`
        : `opcode ${opcode} from ${from}`
  return {
    protocol: "arp",
    kind: opcode === 1 ? "REQUEST" : opcode === 2 ? "REPLY" : `OPCODE_${opcode}`,
    summary,
    fields: [
      ["arp.opcode", opcode],
      ["arp.src.hw_mac", sender],
      ["arp.src.proto_ipv4", source],
      ["arp.dst.hw_mac", targetHardware],
      ["arp.dst.proto_ipv4", target]
    ],
    innerProtocols: []
  }
}
