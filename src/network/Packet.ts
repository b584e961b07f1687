/**
 * What is seen on the wire: the common language of taps, dissectors, fault plans and captures, on a simulated network
 * and on a real one.
 */
import type { Peer } from "./Network.ts"

/** What a packet does. `data` is a piece of a stream, `datagram` a whole message. @category models @since 0.1.0 */
export type Kind = "datagram" | "syn" | "synack" | "ack" | "data" | "fin" | "rst"

/** Something that was put on the wire. @category models @since 0.1.0 */
export interface Packet {
  readonly transport: "udp" | "tcp"
  readonly kind: Kind
  readonly from: Peer
  readonly to: Peer
  /** The payload; empty where there is none. Not to be changed, and not to be kept without copying. */
  readonly bytes: Uint8Array
}

/** What a tap is told of a packet. @category models @since 0.1.0 */
export interface Sighting extends Packet {
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
export type Tap = (sighting: Sighting) => void

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

/** The protocol a literal travels by: an IPv4-mapped IPv6 literal is IPv4. @category getters @since 0.1.0 */
export const familyOf = (literal: string): "IPv4" | "IPv6" =>
  literal.includes(":") && !literal.includes(".") ? "IPv6" : "IPv4"

/**
 * The largest payload of a datagram to or from an IP literal, in bytes: 65,535 less the headers that count (RFC 768).
 *
 * @category getters
 * @since 0.1.0
 */
export const largestDatagram = (literal: string): number => (familyOf(literal) === "IPv6" ? 65_527 : 65_507)

/** Whether two datagrams came from the same socket. @category guards @since 0.1.0 */
export const samePeer = (one: Peer, other: Peer): boolean => one.port === other.port && one.address === other.address

/** A peer for people: `192.0.2.7:2066`, `[2001:db8::7]:2066`. @category formatting @since 0.1.0 */
export const formatPeer = ({ address, port }: Peer): string =>
  address.includes(":") ? `[${address}]:${port}` : `${address}:${port}`

/**
 * An IP literal without the zone of a link-local address, which systems spell differently.
 *
 * @category getters
 * @since 0.1.0
 */
export const withoutZone = (literal: string): string => literal.replace(/%.*$/, "")

/** Whether an IP literal, in its canonical form, is this host itself. @category guards @since 0.1.0 */
export const isLoopback = (literal: string): boolean => literal.startsWith("127.") || literal === "::1"
