/** The packets of a TFTP transfer, as the laboratory describes and observes them. Pure. */
import * as Result from "effect/Result"
import type * as NetworkPacket from "../../../network/Packet.ts"
import * as Dissector from "../../../tftp/protocol/Dissector.ts"
import * as Packet from "../../../tftp/protocol/Packet.ts"
import type * as Recorder from "../Recorder.ts"

/** A packet of a transfer. */
export interface TftpMessage {
  /** Undefined for bytes that are not TFTP. */
  readonly packet: Packet.Packet | undefined
  /** Ports of the sender and of the receiver: the transfer IDs. */
  readonly fromPort: number
  readonly toPort: number
}

/** Describes a packet: `DATA block 3, 512 bytes`. */
export const describe = (packet: NetworkPacket.Packet): Recorder.Described<TftpMessage> => {
  const { kind, summary } = Dissector.dissector.dissect(packet) ?? { kind: "?", summary: "not a packet of TFTP" }
  const decoded = Result.getOrUndefined(Packet.decode(packet.bytes))
  // The bytes of a block would keep a buffer of the sender alive, which it uses again.
  const kept = decoded?._tag === "DATA" ? { ...decoded, bytes: decoded.bytes.slice() } : decoded
  return { kind, label: summary, message: { packet: kept, fromPort: packet.from.port, toPort: packet.to.port } }
}
