/** A packet with its encoded form. */
export interface EncodedPacket<Packet> {
  readonly packet: Packet
  /** The packet as `Work.packet` encodes it: this is sent to workers and written to checkpoints. */
  readonly encoded: unknown
}
