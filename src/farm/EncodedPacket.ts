/** A packet, and as it is encoded. */
export interface EncodedPacket<Packet> {
  readonly packet: Packet
  readonly encoded: unknown
}
