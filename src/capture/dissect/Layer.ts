/** Dissection of protocols without ports: ARP, ICMP and ICMPv6. Pure, and of each packet alone. */
import type * as CaptureReader from "../CaptureReader.ts"
import * as Arp from "./Arp.ts"
import * as Icmp from "./Icmp.ts"

/** Dissects a packet of ARP, ICMP or ICMPv6; undefined for other packets. Never throws. */
export const decode = ({
  payload,
  protocol
}: Pick<CaptureReader.CapturedPacket, "payload" | "protocol">): Icmp.LayerDissection | undefined => {
  switch (protocol) {
    case "ARP":
      return Arp.decode(payload)
    case "ICMP":
    case "ICMPv6":
      return Icmp.decode(payload, protocol === "ICMPv6")
    default:
      return undefined
  }
}
