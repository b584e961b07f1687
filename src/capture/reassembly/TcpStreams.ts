/**
 * Reassembly of TCP streams from captured packets: connections by their addresses and ports, both directions in order.
 *
 * **Example** (What a client sent)
 *
 * ```ts
 * import { CaptureReader, CaptureWriter, PcapngDecoder, TcpStreams } from "effect-inet/capture"
 * import * as Result from "effect/Result"
 *
 * const writer = CaptureWriter.make()
 * const [client, server] = [{ address: "10.0.0.1", port: 4000 }, { address: "10.0.0.2", port: 7 }]
 * const send = (kind: "syn" | "synack" | "data", text: string) => {
 *   const [from, to] = kind === "synack" ? [server, client] : [client, server]
 *   writer.tap({ transport: "tcp", kind, from, to, bytes: new TextEncoder().encode(text), at: 0n, host: "client" })
 * }
 * send("syn", "")
 * send("synack", "")
 * send("data", "hello")
 *
 * const readBlock = CaptureReader.make()
 * const streams = TcpStreams.make()
 * const blocks = Result.getOrThrow(PcapngDecoder.decode(Buffer.concat(writer.finish())))
 * const events = blocks.flatMap((block) => {
 *   const packet = readBlock(block)
 *   return packet === undefined ? [] : streams.add(packet)
 * })
 * events.map(({ direction, kind }) => `${direction} ${kind}`) // => ["client open", "server open", "client data"]
 * new TextDecoder().decode(events[2]!.bytes) // => "hello"
 * ```
 */
import { BoundedMap } from "../BoundedMap.ts"
import type { CapturedPacket } from "../CaptureReader.ts"
import type { TcpHeader } from "../format/DecodedPacket.ts"
import * as TcpHalf from "./TcpHalf.ts"

/** Limits of the reassembly. @category models @since 0.1.0 */
export interface Limits {
  /** Maximum number of connections to follow at a time; of more, the oldest is forgotten. Default 65,536. */
  readonly maxConnections?: number | undefined
  /** Maximum bytes of a direction that wait for bytes before them; beyond, the gap is given up. Default 1 MiB. */
  readonly maxPendingBytes?: number | undefined
}

/**
 * Sender of a part of a stream. The client is the sender of the SYN; without one, the sender of the first packet.
 *
 * @category models
 * @since 0.1.0
 */
export type Direction = "client" | "server"

/**
 * An event of a stream, in the order of the stream of its direction.
 *
 * - `open`: the first packet of a direction
 * - `data`: bytes
 * - `gap`: bytes that the capture does not hold
 * - `close`: the FIN, after all bytes
 * - `reset`: the RST, which ends both directions
 *
 * @category models
 * @since 0.1.0
 */
export interface StreamEvent {
  /**
   * Number of the connection, from 0 in the order of the first packets: `tcp.stream` of Wireshark. Wireshark also
   * numbers a connection that only an ICMP error quotes.
   */
  readonly stream: number
  readonly direction: Direction
  readonly kind: "data" | "gap" | "open" | "close" | "reset"
  /** Content of `data`; empty otherwise. */
  readonly bytes: Uint8Array
  /** Number of bytes of `data` or of a `gap`; 0 otherwise. */
  readonly length: number
  /** Time of the packet that caused the event, in nanoseconds. */
  readonly at: bigint
  /** Number of the packet that caused the event. */
  readonly number: number
}

/** A reassembly of the streams of one capture. @category models @since 0.1.0 */
export interface TcpStreams {
  /** Adds the next packet, and returns what it completes: nothing for a packet of another protocol. */
  readonly add: (packet: CapturedPacket) => ReadonlyArray<StreamEvent>
  /** Returns the number of the stream of a packet that was added just now; undefined if it is not of TCP. */
  readonly streamOf: (packet: CapturedPacket) => number | undefined
  /** Returns the gaps and bytes that still wait for bytes before them, at the end of the capture. */
  readonly finish: () => ReadonlyArray<StreamEvent>
}

/** A connection. Its halves change in place. */
interface Connection {
  readonly stream: number
  /** Text of the client's address and port. */
  readonly client: string
  readonly halves: Record<Direction, TcpHalf.TcpHalf>
  /** Last packet, to which the events at the end of the capture belong. */
  last: CapturedPacket
}

/** Connections by their ends, in the order of their first packets. It changes in place, once per packet. */
interface State {
  readonly maxPendingBytes: number
  readonly connections: BoundedMap<string, Connection>
  streams: number
}

const flags = { fin: 1, syn: 2, rst: 4, ack: 16 } as const

const noBytes: Uint8Array = new Uint8Array(0)
const noEvents: ReadonlyArray<StreamEvent> = []

const textOf = ({ address, port }: { readonly address: string; readonly port: number }) => `${address} ${port}`

/** Returns true for a SYN that starts a new connection of the same ends: its sequence number is another one. */
const isReuse = (half: TcpHalf.TcpHalf, { flags: bits, seq }: TcpHeader) =>
  (bits & (flags.syn | flags.ack)) === flags.syn && half.base !== undefined && half.base !== seq

const otherOf = (direction: Direction): Direction => (direction === "client" ? "server" : "client")

const connect = (state: State, key: string, client: string, packet: CapturedPacket): Connection => {
  const halves = { client: TcpHalf.empty, server: TcpHalf.empty }
  const connection: Connection = { stream: state.streams++, client, halves, last: packet }
  state.connections.set(key, connection)
  return connection
}

const keyOf = (from: string, to: string) => (from < to ? `${from} ${to}` : `${to} ${from}`)

const eventsOf = (
  { stream }: Connection,
  direction: Direction,
  pieces: ReadonlyArray<TcpHalf.Piece>,
  { at, number }: CapturedPacket
): ReadonlyArray<StreamEvent> =>
  pieces.map((piece) => ({
    stream,
    direction,
    kind: piece.kind,
    bytes: piece.kind === "data" ? piece.bytes : noBytes,
    length: piece.kind === "data" ? piece.bytes.length : piece.kind === "gap" ? piece.length : 0,
    at,
    number
  }))

const signal = (connection: Connection, direction: Direction, kind: "open" | "reset", packet: CapturedPacket) => ({
  stream: connection.stream,
  direction,
  kind,
  bytes: noBytes,
  length: 0,
  at: packet.at,
  number: packet.number
})

/** Returns the connection of a packet, a new one if there is none or if its ports are used again. */
const connectionOf = (state: State, packet: CapturedPacket, tcp: TcpHeader, from: string, to: string): Connection => {
  const key = keyOf(from, to)
  const found = state.connections.get(key)
  const isReused = found !== undefined && isReuse(found.halves[found.client === from ? "client" : "server"], tcp)
  if (found !== undefined && !isReused) return found
  const isAnswer = (tcp.flags & (flags.syn | flags.ack)) === (flags.syn | flags.ack)
  return connect(state, key, isAnswer ? to : from, packet)
}

const add = (state: State, packet: CapturedPacket): ReadonlyArray<StreamEvent> => {
  const { missingBytes: missing = 0, payload: bytes, tcp } = packet
  if (tcp === undefined || packet.from === undefined || packet.to === undefined) return noEvents
  const from = textOf(packet.from)
  const connection = connectionOf(state, packet, tcp, from, textOf(packet.to))
  const { halves } = connection
  connection.last = packet
  const direction = connection.client === from ? "client" : "server"
  const isFirst = halves[direction].base === undefined
  const has = (bit: number) => (tcp.flags & bit) !== 0
  const segment = { seq: tcp.seq, bytes, missing, isSyn: has(flags.syn), isFin: has(flags.fin) }
  // A reset may carry a text about its reason (RFC 9293, 3.5.3), which does not belong to the stream.
  const received = has(flags.rst) ? { ...segment, bytes: noBytes, missing: 0 } : segment
  const [half, pieces] = TcpHalf.receive(halves[direction], received, state.maxPendingBytes)
  halves[direction] = half
  const events: Array<StreamEvent> = isFirst ? [signal(connection, direction, "open", packet)] : []
  if (pieces.length > 0) events.push(...eventsOf(connection, direction, pieces, packet))
  const other = otherOf(direction)
  if (has(flags.ack) && halves[other].pending !== undefined) {
    const [acknowledged, pieces] = TcpHalf.acknowledge(halves[other], tcp.ack)
    halves[other] = acknowledged
    events.push(...eventsOf(connection, other, pieces, packet))
  }
  if (has(flags.rst)) {
    events.push(...flush(connection, packet), signal(connection, direction, "reset", packet))
  }
  return events
}

/** Gives up the gaps of both directions. */
const flush = (connection: Connection, packet: CapturedPacket): ReadonlyArray<StreamEvent> =>
  (["client", "server"] as const).flatMap((direction) => {
    const [half, pieces] = TcpHalf.flush(connection.halves[direction])
    connection.halves[direction] = half
    return eventsOf(connection, direction, pieces, packet)
  })

const finish = (state: State): ReadonlyArray<StreamEvent> =>
  [...state.connections.entries.values()].flatMap((connection) => flush(connection, connection.last))

const streamOf = (state: State, { from, tcp, to }: CapturedPacket): number | undefined =>
  tcp === undefined || from === undefined || to === undefined
    ? undefined
    : state.connections.get(keyOf(textOf(from), textOf(to)))?.stream

/** Creates a reassembly without streams. @category constructors @since 0.1.0 */
export const make = ({ maxConnections = 65_536, maxPendingBytes = 2 ** 20 }: Limits = {}): TcpStreams => {
  const state: State = { maxPendingBytes, connections: new BoundedMap(maxConnections), streams: 0 }
  return {
    add: (packet) => add(state, packet),
    streamOf: (packet) => streamOf(state, packet),
    finish: () => finish(state)
  }
}
