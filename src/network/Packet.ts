/**
 * What is seen on the wire: the common language of taps, dissectors, fault plans and captures, on a simulated network
 * and on a real one.
 */
import type * as Endpoint from "./Endpoint.ts"

/** What a packet does. `data` is a piece of a stream, `datagram` a whole message. @category models @since 0.1.0 */
export type Kind = "datagram" | "syn" | "synack" | "ack" | "data" | "fin" | "rst"

/** Something that was put on the wire. @category models @since 0.1.0 */
export interface Packet {
  readonly transport: "udp" | "tcp"
  readonly kind: Kind
  readonly from: Endpoint.Endpoint
  readonly to: Endpoint.Endpoint
  /** The payload; empty where there is none. Not to be changed, and not to be kept without copying. */
  readonly bytes: Uint8Array
}

/** What a tap is told of a packet. @category models @since 0.1.0 */
export interface ObservedPacket extends Packet {
  /** Nanoseconds: since the start of the run in a simulation, since 1970 on a real network. */
  readonly at: bigint
  /** The host it was seen at, by name; the sender's on a shared wire. */
  readonly host: string
  /** What a fault did to it, such as `drop`; a note for whoever reads the capture. */
  readonly fault?: string | undefined
  /** It will not arrive. */
  readonly lost?: boolean | undefined
  /** When it arrives, if that is known already and it does. */
  readonly arrives?: bigint | undefined
}

/** Is told of every packet, in order; must not throw. @category models @since 0.1.0 */
export type Tap = (packet: ObservedPacket) => void

/** What a payload is, to people and to fault plans. @category models @since 0.1.0 */
export interface Dissection {
  /** Short and stable, for rules to match: `RRQ`, `DATA`, `ACK`. */
  readonly kind: string
  /** One line for people: `DATA block 3, 512 bytes`. */
  readonly summary: string
}

/**
 * Reads the payloads of one protocol; gives undefined for what is not its own, and never throws.
 *
 * @category models
 * @since 0.1.0
 */
export interface Dissector {
  /** The protocol, in lower case: `tftp`. */
  readonly name: string
  readonly dissect: (packet: Packet) => Dissection | undefined
}

/** The first dissector that knows the packet tells what it is. @category combinators @since 0.1.0 */
export const dissect = (dissectors: ReadonlyArray<Dissector>, packet: Packet): Dissection | undefined => {
  for (const { dissect } of dissectors) {
    const found = dissect(packet)
    if (found !== undefined) return found
  }
  return undefined
}
