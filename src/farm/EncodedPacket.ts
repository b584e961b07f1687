/** A packet with its encoded form. */
import type { SizedPacket } from "./Job.ts"

/** A packet in both forms. */
export interface EncodedPacket<Packet> {
  readonly packet: Packet
  /** The packet as `Work.packet` encodes it: this is sent to workers and written to checkpoints. */
  readonly encoded: unknown
  /** The buffers in it that are moved to its worker. */
  readonly transfer?: ReadonlyArray<ArrayBufferLike> | undefined
  /** The object that the source returned; undefined for a packet of a checkpoint. */
  readonly origin?: SizedPacket<Packet> | undefined
}
