/** Packets as decoded from the bytes of a frame. */
import type * as Endpoint from "../../network/Endpoint.ts"

/** Fields of a TCP header (RFC 9293, 3.1). @category models @since 0.1.0 */
export interface TcpHeader {
  readonly seq: number
  readonly ack: number
  readonly flags: number
  readonly window: number
  /** Encoded options; the length is a multiple of 4 bytes unless the capture cut them. */
  readonly options: Uint8Array
}

/**
 * A decoded packet. Fields that could not be decoded are undefined, and `problems` and `notes` list the reasons. Of a
 * packet in a tunnel, the fields are those of the innermost packet.
 *
 * @category models
 * @since 0.1.0
 */
export interface DecodedPacket {
  /**
   * Innermost decoded protocol, such as `UDP`, `TCP`, `ICMP`, `ICMPv6`, `ARP` or `IP protocol 200`. `IPv4` or `IPv6`
   * for a fragment, and `unknown` for a frame of which no header could be decoded.
   */
  readonly protocol: string
  /** Source; the port is 0 for a protocol without ports. */
  readonly from?: Endpoint.Endpoint | undefined
  readonly to?: Endpoint.Endpoint | undefined
  readonly tcp?: TcpHeader | undefined
  /** Content of the innermost decoded layer: of a datagram, of a segment, or of the layer that is not decoded. */
  readonly payload: Uint8Array
  /** Number of bytes at the end of the payload that the capture does not hold. Default 0. */
  readonly missingBytes?: number | undefined
  /** Defects of the packet, such as `bad UDP checksum`; empty if there are none. */
  readonly problems: ReadonlyArray<string>
  /** Remarks that are not defects, such as `fragment 2 of datagram 0x1234`. */
  readonly notes?: ReadonlyArray<string> | undefined
  /** Short names of the layers as Wireshark has them, the outermost first: `eth`, `vlan`, `ip`, `udp`. */
  readonly layers: ReadonlyArray<string>
  /** Destination and source of Ethernet, 6 bytes each. */
  readonly hardwareAddresses?: Uint8Array | undefined
  /** Identifiers of the VLAN tags (802.1Q), the outermost first. */
  readonly vlanIds?: ReadonlyArray<number> | undefined
  /** Time to live of IPv4, or hop limit of IPv6. */
  readonly hopLimit?: number | undefined
  /** Length of the link, IP and transport headers in bytes. */
  readonly headerLength?: number | undefined
}
