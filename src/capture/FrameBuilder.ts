/**
 * Frames as a network card would have seen them, from what taps see: datagrams one by one, streams with the sequence
 * numbers, acknowledgements and checksums that TCP gave them or could have given them.
 *
 * Data is acknowledged when it arrives if that is known, else at once: a reader of the capture finds no gap, no doubt
 * and no warning that is not the network's own.
 */
import type * as Endpoint from "../network/Endpoint.ts"
import type { ObservedPacket } from "../network/Packet.ts"
import * as Ip from "./Ip.ts"
import * as IpOctets from "./IpOctets.ts"
import * as StreamTable from "./StreamTable.ts"
import { add, type Ends, type Side, type Stream, start } from "./StreamTable.ts"

/** An IP packet, when and where it was seen. @category models @since 0.1.0 */
export interface Frame {
  /** Nanoseconds. */
  readonly at: bigint
  readonly host: string
  readonly bytes: Uint8Array
  /** What a fault did to it, and `lost` when it does not arrive. */
  readonly comments: ReadonlyArray<string>
}

/** @category models @since 0.1.0 */
export interface Options {
  /** Streams whose numbers are kept; beyond, the one longest silent starts afresh. Default 16,384. */
  readonly maxStreams?: number | undefined
}

/** Turns sightings into frames, in order. @category models @since 0.1.0 */
export interface Frames {
  /**
   * The frames of a sighting, after the acknowledgements that are due by then. Addresses that are no IP literals give
   * none.
   */
  readonly see: (sighting: ObservedPacket) => ReadonlyArray<Frame>
  /** What is still to come: acknowledgements of data that is under way. */
  readonly finish: () => ReadonlyArray<Frame>
  /** Streams whose numbers are kept. */
  readonly streams: () => number
}

/** An acknowledgement that is under way; `from` gives it. */
interface Due {
  readonly at: bigint
  readonly stream: Stream
  readonly from: Side
  readonly upto: number
}

const window = 0xffff
/** Acknowledgements under way; beyond, the first one is written early. */
const maxDue = 4_096

const none: Uint8Array = new Uint8Array(0)
const noComments: ReadonlyArray<string> = []

/** Bytes from the first sequence number to the second; negative when it lies before. */
const ahead = (from: number, to: number) => (to - from) | 0

const commentsOf = ({ fault, lost }: ObservedPacket): ReadonlyArray<string> =>
  fault === undefined ? (lost ? ["lost"] : noComments) : lost && fault !== "lost" ? [fault, "lost"] : [fault]

/** @category constructors @since 0.1.0 */
export const make = ({ maxStreams = 16_384 }: Options = {}): Frames => {
  const octetsOf = IpOctets.lookup()
  const streams = StreamTable.make(maxStreams)
  let due: Array<Due> = []
  let out: Array<Frame> = []
  let packets = 0

  const endpoints = (from: Endpoint.Endpoint, to: Endpoint.Endpoint): Ends | undefined => {
    const a = octetsOf(from.address)
    const b = octetsOf(to.address)
    if (a === undefined || b === undefined) return undefined
    const same = a.length === b.length
    return [
      { address: same || a.length === 16 ? a : IpOctets.mapped(a), port: from.port },
      { address: same || b.length === 16 ? b : IpOctets.mapped(b), port: to.port }
    ]
  }

  const put = (at: bigint, host: string, packet: Omit<Ip.Packet, "id">, comments: ReadonlyArray<string>) =>
    out.push({ at, host, bytes: Ip.encode({ ...packet, id: packets++ }), comments })

  const segment = (
    at: bigint,
    stream: Stream,
    from: Side,
    flags: number,
    comments = noComments,
    payload = none,
    seq = from.next
  ) => {
    const to = from === stream.initiator ? stream.acceptor : stream.initiator
    const isSyn = (flags & Ip.flag.syn) !== 0
    const options = isSyn ? Ip.synOptions(from.end.address.length) : none
    // Only what opens a stream acknowledges nothing.
    const acks = to.started && !(isSyn && from === stream.initiator)
    const tcp = { seq, ack: acks ? from.acked : 0, flags: acks ? flags | Ip.flag.ack : flags, window, options }
    put(at, from.host, { from: from.end, to: to.end, payload, tcp }, comments)
  }

  const release = (by: bigint | undefined) => {
    let count = 0
    for (; count < due.length && (by === undefined || due[count]!.at <= by); count++) {
      const { at, from, stream, upto } = due[count]!
      if (stream.reset || ahead(from.acked, upto) <= 0) continue
      from.acked = upto
      segment(at, stream, from, Ip.flag.ack)
    }
    if (count > 0) due = due.slice(count)
  }

  /** What `to` has of `from` by now will be acknowledged. */
  const acknowledge = ({ arrives, at }: ObservedPacket, stream: Stream, from: Side, to: Side) => {
    const entry = { at: arrives === undefined || arrives < at ? at : arrives, stream, from: to, upto: from.next }
    let index = due.length
    while (index > 0 && due[index - 1]!.at > entry.at) index--
    due.splice(index, 0, entry)
    release(at)
    if (due.length > maxDue) release(due[0]!.at)
  }

  /** What follows the handshake also completes it. */
  const complete = (at: bigint, stream: Stream, comments = noComments) => {
    if (stream.open || !stream.acceptor.started) return
    stream.open = true
    segment(at, stream, stream.initiator, Ip.flag.ack, comments)
  }

  const data = (sighting: ObservedPacket, stream: Stream, from: Side, to: Side, comments: ReadonlyArray<string>) => {
    const { at, bytes, lost } = sighting
    complete(at, stream)
    start(from, to)
    const size = Ip.maxSegment(from.end.address.length)
    let seq = from.next
    for (let i = 0; i < bytes.length; i += size) {
      const part = bytes.subarray(i, i + size)
      const isLast = i + size >= bytes.length
      segment(at, stream, from, isLast ? Ip.flag.psh : 0, comments, part, seq)
      seq = add(seq, part.length)
      // What was lost is sent again, in its place.
      if (lost) continue
      from.next = seq
      acknowledge(sighting, stream, from, to)
    }
  }

  const tcp = (sighting: ObservedPacket, stream: Stream, from: Side, to: Side, comments: ReadonlyArray<string>) => {
    const { at, kind, lost } = sighting
    from.host = sighting.host
    switch (kind) {
      case "syn":
        return segment(at, stream, from, Ip.flag.syn, comments)
      case "synack": {
        start(to, from)
        segment(at, stream, from, Ip.flag.syn, comments, none, from.started ? add(from.next, -1) : from.next)
        return lost ? undefined : start(from, to)
      }
      case "ack":
        // Only the third packet of the handshake is told: all other acknowledgements are made here.
        if (stream.open || from !== stream.initiator || !stream.acceptor.started) return
        return lost ? segment(at, stream, from, Ip.flag.ack, comments) : complete(at, stream, comments)
      case "fin":
        complete(at, stream)
        if (from.finished || stream.reset) return
        start(from, to)
        segment(at, stream, from, Ip.flag.fin, comments)
        if (lost) return
        from.finished = true
        from.next = add(from.next, 1)
        acknowledge(sighting, stream, from, to)
        if (to.finished) streams.forget(stream)
        return
      case "rst": {
        if (stream.reset) return
        // A refusal has the number 0 and acknowledges the SYN.
        if (!from.started && from === stream.acceptor) start(to, from)
        const seq = from.started ? from.next : from === stream.initiator ? add(from.next, 1) : 0
        segment(at, stream, from, Ip.flag.rst, comments, none, seq)
        if (lost) return
        stream.reset = true
        return streams.forget(stream)
      }
      default:
        return data(sighting, stream, from, to, comments)
    }
  }

  const take = () => {
    const taken = out
    out = []
    return taken
  }

  return {
    see: (sighting) => {
      const { at, bytes, from, host, kind, to, transport } = sighting
      release(at)
      const ends = endpoints(from, to)
      if (ends === undefined) return take()
      const comments = commentsOf(sighting)
      if (transport === "udp" || kind === "datagram") {
        put(at, host, { from: ends[0], to: ends[1], payload: bytes }, comments)
        return take()
      }
      const tuple = `${from.address} ${from.port} ${to.address} ${to.port}`
      const back = `${to.address} ${to.port} ${from.address} ${from.port}`
      const stream = streams.of(kind, tuple, back, ends, host)
      const { acceptor, initiator } = stream
      const isInitiator = stream.tuple === tuple
      tcp(sighting, stream, isInitiator ? initiator : acceptor, isInitiator ? acceptor : initiator, comments)
      return take()
    },
    finish: () => {
      release(undefined)
      return take()
    },
    streams: () => streams.size()
  }
}
