/**
 * Content of one stream in both directions: the bytes of a TCP connection in their order, or the datagrams of a UDP
 * conversation. Where the capture lacks bytes is a gap.
 *
 * Segments that arrive early are kept until those before them have arrived. If the peer acknowledges bytes that the
 * capture does not have, or if more than `maxBufferedBytes` wait, the missing bytes are a gap.
 *
 * **Example** (A request in two segments that arrive in the wrong order)
 *
 * ```ts
 * import { Follow, TcpAnalysis } from "effect-inet/capture"
 *
 * const analysis = TcpAnalysis.make()
 * const follow = Follow.make({ protocol: "TCP", stream: 0 })
 * const segment = (number: number, seq: number, flags: number, text: string) => ({
 *   number, at: 0n, protocol: "TCP", payload: new TextEncoder().encode(text), problems: [], originalLength: 60,
 *   from: { address: "10.0.0.1", port: 4000 }, to: { address: "10.0.0.2", port: 80 },
 *   tcp: { seq, ack: 0, flags, window: 512, options: new Uint8Array(0) }
 * })
 * const packets = [segment(1, 99, 2, ""), segment(2, 104, 0x18, "world"), segment(3, 100, 0x18, "the ")]
 * const pieces = packets.flatMap((packet) => follow.add(packet, analysis.add(packet)))
 * pieces.map((piece) => ("bytes" in piece ? new TextDecoder().decode(piece.bytes) : "")) // => ["the ", "world"]
 * ```
 */
import type * as Endpoint from "../../network/Endpoint.ts"
import * as SequenceNumber from "../analysis/SequenceNumber.ts"
import type { Analysis, Packet } from "../analysis/TcpAnalysis.ts"
import * as Ip from "../Ip.ts"
import * as OrderedSegments from "../reassembly/OrderedSegments.ts"

const { add, distance, isBefore } = SequenceNumber

/** End of a stream: `client` sent the first packet. @category models @since 0.1.0 */
export type Side = "client" | "server"

interface Place {
  readonly side: Side
  /** Number of the packet, and its time. */
  readonly number: number
  readonly at: bigint
}

/** Bytes of a stream, or a number of bytes that the capture lacks. @category models @since 0.1.0 */
export type Piece = Place & ({ readonly bytes: Uint8Array } | { readonly missing: number })

/** Options. @category models @since 0.1.0 */
export interface Options {
  readonly protocol: "TCP" | "UDP"
  /** Number of the stream, from 0. */
  readonly stream: number
  /**
   * Maximum number of bytes of a direction that wait for earlier ones, with 100 for each segment. Default 16 MiB.
   */
  readonly maxBufferedBytes?: number | undefined
}

/** A stream that is being followed. @category models @since 0.1.0 */
export interface Follow {
  /** Adds a packet, of any stream; returns the pieces that are complete now. */
  readonly add: (packet: Packet, analysis: Analysis | undefined) => ReadonlyArray<Piece>
  /** Returns the pieces that waited for bytes that the capture lacks. */
  readonly finish: () => ReadonlyArray<Piece>
  /** Returns the ends of the stream, once its first packet was added. */
  readonly ends: () => { readonly client: Endpoint.Endpoint; readonly server: Endpoint.Endpoint } | undefined
}

interface Waiting extends Place {
  readonly seq: number
  readonly bytes: Uint8Array
  /** Length on the wire, at least that of `bytes`. */
  readonly length: number
}

/** Fixed part of the memory that a segment occupies, so that many short segments count. */
const segmentOverheadBytes = 100

const weightOf = ({ bytes }: Waiting) => bytes.length + segmentOverheadBytes

/** A direction of a TCP connection. */
class Direction {
  readonly side: Side
  readonly maxBufferedBytes: number
  /** Sequence number of the next byte; undefined before the first segment. */
  next: number | undefined
  /** Segments after a gap, in the order of their sequence numbers. */
  waiting: OrderedSegments.OrderedSegments<Waiting>
  waitingBytes = 0
  /** Sequence number of the FIN, which an ACK counts as a byte. */
  fin: number | undefined
  /** Highest ACK of the peer. */
  acknowledged: number | undefined
  last: Place | undefined

  constructor(side: Side, maxBufferedBytes: number) {
    this.side = side
    this.maxBufferedBytes = maxBufferedBytes
  }

  /** Adds a segment with data. */
  push(segment: Waiting): Array<Piece> {
    this.next ??= segment.seq
    this.last = segment
    const waiting = OrderedSegments.insert(this.waiting, { ...segment, bytes: segment.bytes.slice() })
    if (waiting !== this.waiting) this.waitingBytes += weightOf(segment)
    this.waiting = waiting
    const pieces = this.takeReady()
    while (this.waiting !== undefined && this.waitingBytes > this.maxBufferedBytes)
      pieces.push(...this.skipGap(), ...this.takeReady())
    return pieces
  }

  /** Takes an ACK of the peer: what it covers will not be sent again. */
  acknowledge(ack: number): Array<Piece> {
    if (this.acknowledged === undefined || isBefore(this.acknowledged, ack)) this.acknowledged = ack
    const pieces: Array<Piece> = []
    for (let first = this.first(); first !== undefined && isBefore(first.seq, ack); first = this.first())
      pieces.push(...this.skipGap(), ...this.takeReady())
    return pieces
  }

  /** Ends the direction: all that waits, and the bytes that the peer has acknowledged. */
  finish(): Array<Piece> {
    const pieces: Array<Piece> = []
    while (this.waiting !== undefined) pieces.push(...this.skipGap(), ...this.takeReady())
    const end = this.fin ?? this.acknowledged
    if (end === undefined || this.next === undefined || this.acknowledged === undefined) return pieces
    const acknowledgedEnd = isBefore(end, this.acknowledged) ? end : this.acknowledged
    const missing = distance(this.next, acknowledgedEnd)
    const { at, number } = this.last ?? { at: 0n, number: 0 }
    if (missing > 0) pieces.push({ side: this.side, number, at, missing })
    return pieces
  }

  private first(): Waiting | undefined {
    return OrderedSegments.first(this.waiting)
  }

  private skipGap(): Array<Piece> {
    const first = this.first()
    if (first === undefined || this.next === undefined) return []
    const missing = distance(this.next, first.seq)
    if (missing <= 0) return []
    this.next = first.seq
    return [{ side: this.side, number: first.number, at: first.at, missing }]
  }

  private takeReady(): Array<Piece> {
    const pieces: Array<Piece> = []
    for (let first = this.first(); first !== undefined && this.next !== undefined; first = this.first()) {
      if (isBefore(this.next, first.seq)) break
      const { at, bytes, length, number, seq } = first
      this.waiting = OrderedSegments.withoutFirst(this.waiting)
      this.waitingBytes -= weightOf(first)
      const known = distance(seq, this.next)
      if (known >= length) continue
      const place = { side: this.side, number, at }
      const fresh = bytes.subarray(Math.min(known, bytes.length))
      if (fresh.length > 0) pieces.push({ ...place, bytes: fresh })
      const missing = length - Math.max(bytes.length, known)
      if (missing > 0) pieces.push({ ...place, missing })
      this.next = add(seq, length)
    }
    return pieces
  }
}

/** Follows one stream. @category constructors @since 0.1.0 */
export const make = ({ maxBufferedBytes = 16 * 2 ** 20, protocol, stream }: Options): Follow => {
  const client = new Direction("client", maxBufferedBytes)
  const server = new Direction("server", maxBufferedBytes)
  let ends: ReturnType<Follow["ends"]>

  const addSegment = (packet: Packet, { isFromFirst, length }: Analysis, tcp: Ip.TcpHeader): ReadonlyArray<Piece> => {
    const [own, peer] = isFromFirst ? [client, server] : [server, client]
    const has = (bit: number) => (tcp.flags & bit) !== 0
    const start = has(Ip.flag.syn) ? add(tcp.seq, 1) : tcp.seq
    if (has(Ip.flag.syn)) own.next ??= start
    if (has(Ip.flag.fin)) own.fin ??= add(start, length)
    const acknowledged = has(Ip.flag.ack) ? peer.acknowledge(tcp.ack) : []
    if (length === 0) return acknowledged
    const { at, number, payload } = packet
    return [...acknowledged, ...own.push({ side: own.side, number, at, seq: start, bytes: payload, length })]
  }

  const addDatagram = ({ at, number, payload }: Packet, { isFromFirst, length }: Analysis): ReadonlyArray<Piece> => {
    const place = { side: isFromFirst ? "client" : "server", number, at } as const
    const missing = length - payload.length
    return [{ ...place, bytes: payload.slice() }, ...(missing > 0 ? [{ ...place, missing }] : [])]
  }

  return {
    add: (packet, analysis) => {
      const { from, tcp, to } = packet
      if (analysis === undefined || analysis.stream !== stream || packet.protocol !== protocol) return []
      if (from === undefined || to === undefined) return []
      ends ??= analysis.isFromFirst ? { client: from, server: to } : { client: to, server: from }
      return tcp === undefined ? addDatagram(packet, analysis) : addSegment(packet, analysis, tcp)
    },
    finish: () => [...client.finish(), ...server.finish()],
    ends: () => ends
  }
}
