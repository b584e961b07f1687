/**
 * Packets as observed on the wire: the types that taps, dissectors, fault plans and captures share, on simulated and
 * real networks.
 *
 * **Example** (A dissector)
 *
 * ```ts
 * import { Packet } from "effect-inet/network"
 *
 * const echo: Packet.Dissector = {
 *   name: "echo",
 *   dissect: ({ bytes, to }) => (to.port === 7 ? { kind: "ECHO", summary: `ECHO ${bytes.length} bytes` } : undefined)
 * }
 * const packet: Packet.Packet = {
 *   transport: "udp",
 *   kind: "datagram",
 *   from: { address: "192.0.2.1", port: 40_000 },
 *   to: { address: "192.0.2.2", port: 7 },
 *   bytes: new Uint8Array(3)
 * }
 * Packet.dissect([echo], packet)?.summary // => "ECHO 3 bytes"
 * ```
 */
import type * as Endpoint from "./Endpoint.ts"

/** Kind of a packet: `data` is a piece of a stream, `datagram` a whole message. @category models @since 0.1.0 */
export type Kind = "datagram" | "syn" | "synack" | "ack" | "data" | "fin" | "rst"

/** A packet on the wire: a UDP datagram or a TCP segment. @category models @since 0.1.0 */
export interface Packet {
  readonly transport: "udp" | "tcp"
  readonly kind: Kind
  readonly from: Endpoint.Endpoint
  readonly to: Endpoint.Endpoint
  /** Payload, possibly empty. Read-only, and to be copied if kept. */
  readonly bytes: Uint8Array
}

/** A packet seen by a tap, with time and place. @category models @since 0.1.0 */
export interface ObservedPacket extends Packet {
  /** Time in nanoseconds: since the start of the run in a simulation, since 1970 on a real network. */
  readonly at: bigint
  /** Name of the observing host; on a shared link, of the sender. */
  readonly host: string
  /** The fault applied to it, such as `drop`: a note for the reader of the capture. */
  readonly fault?: string | undefined
  /** True for a packet that will not arrive. */
  readonly lost?: boolean | undefined
  /** Time of arrival in nanoseconds, if already known. */
  readonly arrives?: bigint | undefined
}

/**
 * Callback that receives every packet, in order; must not throw.
 *
 * Not a queue: a packet would have to be copied for it, which takes 1.3 us more with the fiber that takes it, 3 us by a
 * `PubSub` (two cores of an AMD EPYC, Node 24), and the fiber would take part in the order of a simulated run.
 *
 * @category models
 * @since 0.1.0
 */
export interface Tap {
  (packet: ObservedPacket): void
  /** Returns false while the tap needs no packets, which then cost next to nothing. Default: always true. */
  readonly isActive?: (() => boolean) | undefined
}

/** Description of a payload, for readers and for fault plans. @category models @since 0.1.0 */
export interface Dissection {
  /** Short stable word for rules to match: `RRQ`, `DATA`, `ACK`. */
  readonly kind: string
  /** One line for readers: `DATA block 3, 512 bytes`. */
  readonly summary: string
}

/**
 * Decoder of the payloads of one protocol; returns undefined for other payloads, and never throws.
 *
 * @category models
 * @since 0.1.0
 */
export interface Dissector {
  /** Name of the protocol, in lower case: `tftp`. */
  readonly name: string
  readonly dissect: (packet: Packet) => Dissection | undefined
}

/** Returns the result of the first dissector that recognises the packet. @category combinators @since 0.1.0 */
export const dissect = (dissectors: ReadonlyArray<Dissector>, packet: Packet): Dissection | undefined => {
  for (const { dissect } of dissectors) {
    const found = dissect(packet)
    if (found !== undefined) return found
  }
  return undefined
}
