/** The parameters of a transfer that a server has accepted, as plain data: it can be posted to another thread. */
import type * as Endpoint from "../../network/Endpoint.ts"
import type * as Negotiation from "../protocol/Negotiation.ts"
import type * as Packet from "../protocol/Packet.ts"

/** All parameters of a transfer, except its file. */
export interface TransferSpec {
  readonly kind: Packet.Request["_tag"]
  readonly filename: string
  readonly mode: Packet.Mode
  /** The client's address, and its port: the client's transfer ID. */
  readonly peer: Endpoint.Endpoint
  /** The local address to send from: an IP literal. */
  readonly host: string
  /** The range of local ports to send from; undefined for any. */
  readonly ports: readonly [from: number, to: number] | undefined
  readonly agreed: Negotiation.Agreed
  /** The OACK; undefined if no option was agreed on. */
  readonly initialPacket: Uint8Array | undefined
  /** The retransmission timeout if the client asks for none; undefined to adapt it to the round trip time. */
  readonly timeoutMillis: number | undefined
  /** The number of times a packet is sent again; undefined for the default of the policy. */
  readonly retries: number | undefined
  /** Packets in all to a client that has not answered yet. */
  readonly maxUnvalidatedPackets: number
}
