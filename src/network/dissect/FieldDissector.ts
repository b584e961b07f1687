/**
 * Dissectors whose packets display filters can test: each names its fields, and returns their values with the
 * summary. Types, and helpers that make such a dissector from a decoder. Pure.
 *
 * **Example** (A protocol of one byte)
 *
 * ```ts
 * import { FieldDissector } from "effect-inet/network"
 *
 * const lamp = FieldDissector.make({
 *   name: "lamp",
 *   ports: { udp: [4_000] },
 *   fields: { "lamp.on": ["boolean", "The lamp is on"] },
 *   decode: ({ bytes }) => {
 *     if (bytes.length !== 1) return undefined
 *     const isOn = bytes[0] === 1
 *     return { kind: isOn ? "ON" : "OFF", summary: `lamp ${isOn ? "on" : "off"}`, fields: [["lamp.on", isOn]] }
 *   }
 * })
 * const [from, to] = [{ address: "192.0.2.1", port: 40_000 }, { address: "192.0.2.2", port: 4_000 }]
 * lamp.dissect({ transport: "udp", kind: "datagram", from, to, bytes: Uint8Array.of(1) })?.summary // => "lamp on"
 * ```
 */
import type * as Packet from "../Packet.ts"

/**
 * Type of a field, by which a filter reads the values that it is compared with. Values of `IPv4`, `IPv6`, `ethernet`
 * and `bytes` are bytes, those of `seconds` nanoseconds; a field of type `protocol` has no value.
 *
 * @category models
 * @since 0.1.0
 */
export type FieldType = "number" | "boolean" | "IPv4" | "IPv6" | "ethernet" | "text" | "bytes" | "seconds" | "protocol"

/** Value of a field of a packet; an address may also be its text. @category models @since 0.1.0 */
export type FieldValue = number | boolean | string | bigint | Uint8Array

/** Name and value of a field; a field with several values is listed several times. @category models @since 0.1.0 */
export type Field = readonly [name: string, value: FieldValue]

/** Types and descriptions of fields by name. @category models @since 0.1.0 */
export type FieldTable = Readonly<Record<string, readonly [type: FieldType, description: string]>>

/** Description of a message with its fields. @category models @since 0.1.0 */
export interface FieldDissection extends Packet.Dissection {
  readonly fields: ReadonlyArray<Field>
  /** Name of the protocol, if it is not that of the dissector, such as `mdns`. */
  readonly protocol?: string | undefined
  /**
   * The receiver answers from another port. Packets between that port and this endpoint are of this protocol, too, and
   * have these fields besides their own.
   */
  readonly expectsOtherPort?: { readonly fields: ReadonlyArray<Field> } | undefined
}

/** Ports on which a protocol is expected, without an option to decode others so. @category models @since 0.1.0 */
export interface Ports {
  readonly udp?: ReadonlyArray<number> | undefined
  readonly tcp?: ReadonlyArray<number> | undefined
}

/**
 * Next bytes of one direction of a TCP stream, in order; `ends` is true after its last byte.
 *
 * @category models
 * @since 0.1.0
 */
export interface StreamBytes {
  readonly bytes: Uint8Array
  readonly fromClient: boolean
  readonly ends: boolean
  /** Bytes before these are missing in the capture. */
  readonly afterGap: boolean
  readonly from: Packet.Packet["from"]
  readonly to: Packet.Packet["to"]
}

/**
 * Collector of the messages of a TCP stream, as an immutable value. `next` returns the collector for the bytes after
 * these, and the messages that these bytes complete. Its memory is bounded.
 *
 * @category models
 * @since 0.1.0
 */
export interface MessageCollector {
  readonly next: (bytes: StreamBytes) => readonly [MessageCollector, ReadonlyArray<FieldDissection>]
}

/** A dissector with fields for display filters. @category models @since 0.1.0 */
export interface FieldDissector extends Packet.Dissector {
  /** Further names that its dissections have as `protocol`. */
  readonly aliases?: ReadonlyArray<string> | undefined
  readonly ports: Ports
  /** Fields of its packets, besides the name of the protocol. */
  readonly fields: FieldTable
  /** Dissects a packet on one of `ports`; undefined for other packets. */
  readonly dissect: (packet: Packet.Packet) => FieldDissection | undefined
  /**
   * Decodes the payload of a packet on any port; undefined if it is not of this protocol. `fromClient` says who sent
   * it, if that is known. Never throws.
   */
  readonly decode: (packet: Packet.Packet, fromClient?: boolean) => FieldDissection | undefined
  /** Collector of messages that span TCP segments; without it each segment is decoded alone. */
  readonly collector?: MessageCollector | undefined
  /** Returns true for payloads that are of this protocol on any port. */
  readonly recognizes?: ((packet: Packet.Packet) => boolean) | undefined
  /**
   * Returns true for a segment from the middle of a stream that is surely of this protocol. It tells the protocols of
   * one port apart on connections whose first bytes were not seen.
   */
  readonly joins?: ((packet: Packet.Packet, fromClient: boolean) => boolean) | undefined
}

/** Tests whether one of the ports of a packet is in a list. @category guards @since 0.1.0 */
export const isOnPort = (ports: Ports, { from, to, transport }: Packet.Packet): boolean => {
  const expected = ports[transport]
  return expected !== undefined && (expected.includes(to.port) || expected.includes(from.port))
}

/** Makes a dissector from its ports and its decoder. @category constructors @since 0.1.0 */
export const make = (options: Omit<FieldDissector, "dissect">): FieldDissector => ({
  ...options,
  dissect: (packet) =>
    isOnPort(options.ports, packet)
      ? options.decode(packet, options.ports[packet.transport]?.includes(packet.to.port))
      : undefined
})

/** Makes a collector from its state and a pure step. @category constructors @since 0.1.0 */
export const collector = <State>(
  state: State,
  step: (state: State, bytes: StreamBytes) => readonly [State, ReadonlyArray<FieldDissection>]
): MessageCollector => ({
  next: (bytes) => {
    const [next, messages] = step(state, bytes)
    return [collector(next, step), messages]
  }
})

/**
 * Converts a dissector without fields; it decodes the payloads that the dissector recognizes, on any port.
 *
 * @category conversions
 * @since 0.1.0
 */
export const fromDissector = (dissector: Packet.Dissector): FieldDissector => {
  const decode = (packet: Packet.Packet): FieldDissection | undefined => {
    const found: (Packet.Dissection & { readonly fields?: ReadonlyArray<Field> | undefined }) | undefined =
      dissector.dissect(packet)
    return found === undefined ? undefined : { ...found, fields: found.fields ?? [] }
  }
  return { ports: {}, fields: {}, ...dissector, dissect: decode, decode, recognizes: () => true }
}
