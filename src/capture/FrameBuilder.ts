/**
 * Builder of IP packets from the packets that a tap observes. A datagram becomes one packet. A stream becomes TCP
 * segments with synthetic sequence numbers, acknowledgements and checksums: sockets do not expose the real ones.
 *
 * ```
 *   observed   initiator                     acceptor
 *   syn            ---- SYN seq=i --------------->
 *   synack         <--- SYN,ACK seq=a ack=i+1 ----
 *   ack            ---- ACK seq=i+1 ack=a+1 ----->
 *   data (n)       ---- PSH,ACK seq=i+1 --------->   split at the maximum segment size
 *                  <--- ACK ack=i+1+n ------------   added here, at the time the data arrives
 *   fin            ---- FIN,ACK seq=i+1+n ------->   acknowledged like one byte of data
 * ```
 *
 * Data is acknowledged when it arrives if the tap knows that time, otherwise at once. Wireshark then reports only those
 * gaps and retransmissions that really happened on the network.
 */
import type * as Endpoint from "../network/Endpoint.ts"
import type { ObservedPacket } from "../network/Packet.ts"
import * as Ip from "./Ip.ts"
import * as IpOctets from "./IpOctets.ts"
import * as StreamTable from "./StreamTable.ts"
import { addSequence, type EndpointPair, type Stream, type StreamEnd, synchronize } from "./StreamTable.ts"

/** An encoded IP packet with its time and host. @category models @since 0.1.0 */
export interface Frame {
  /** Time of the packet in nanoseconds. */
  readonly at: bigint
  /** Name of the host that saw the packet. */
  readonly host: string
  readonly bytes: Uint8Array
  /** The fault applied to the packet, if any, and `lost` if the packet does not arrive. */
  readonly comments: ReadonlyArray<string>
}

/** Options of a builder. @category models @since 0.1.0 */
export interface Options {
  /**
   * Maximum number of open streams whose sequence numbers are kept. Beyond it the least recently used stream is
   * forgotten and restarts with new numbers. Default 16,384.
   */
  readonly maxStreams?: number | undefined
}

/** A converter of observed packets to IP packets. @category models @since 0.1.0 */
export interface FrameBuilder {
  /**
   * Returns the frames of a packet, preceded by the acknowledgements that are due by its time. Packets must be passed
   * in the order of their times. A packet whose addresses are not IP literals has no frames.
   */
  readonly build: (packet: ObservedPacket) => ReadonlyArray<Frame>
  /** Returns the acknowledgements of data that is still in flight. */
  readonly finish: () => ReadonlyArray<Frame>
  /** Returns the number of streams whose sequence numbers are kept. */
  readonly streams: () => number
}

/** An acknowledgement that `from` will send at a later time. */
interface PendingAck {
  readonly at: bigint
  readonly stream: Stream
  readonly from: StreamEnd
  readonly ackNumber: number
}

/** Window field of every segment: in bytes in a SYN, in units of 128 bytes after it (window scale 7). */
const advertisedWindowUnits = 0xffff

/** Maximum number of pending acknowledgements; beyond it the first one is written early. */
const maxPendingAckSegments = 4_096

const emptyPayload: Uint8Array = new Uint8Array(0)
const noComments: ReadonlyArray<string> = []

/** Returns the number of bytes from one sequence number to another, modulo 2^32; negative if `to` is before `from`. */
const sequenceDistance = (from: number, to: number) => (to - from) | 0

const commentsOf = ({ fault, lost }: ObservedPacket): ReadonlyArray<string> =>
  fault === undefined ? (lost ? ["lost"] : noComments) : lost && fault !== "lost" ? [fault, "lost"] : [fault]

/** Creates a builder. @category constructors @since 0.1.0 */
export const make = ({ maxStreams = 16_384 }: Options = {}): FrameBuilder => {
  const addressBytesOf = IpOctets.cachedLookup()
  const streams = StreamTable.make(maxStreams)
  let pendingAcks: Array<PendingAck> = []
  let frames: Array<Frame> = []
  let nextPacketId = 0

  const ipEndpoints = (from: Endpoint.Endpoint, to: Endpoint.Endpoint): EndpointPair | undefined => {
    const fromBytes = addressBytesOf(from.address)
    const toBytes = addressBytesOf(to.address)
    if (fromBytes === undefined || toBytes === undefined) return undefined
    const isSameFamily = fromBytes.length === toBytes.length
    return [
      {
        address: isSameFamily || fromBytes.length === 16 ? fromBytes : IpOctets.toIpv4Mapped(fromBytes),
        port: from.port
      },
      { address: isSameFamily || toBytes.length === 16 ? toBytes : IpOctets.toIpv4Mapped(toBytes), port: to.port }
    ]
  }

  const appendFrame = (at: bigint, host: string, packet: Omit<Ip.Packet, "id">, comments: ReadonlyArray<string>) =>
    frames.push({ at, host, bytes: Ip.encode({ ...packet, id: nextPacketId++ }), comments })

  const appendSegment = (
    at: bigint,
    stream: Stream,
    from: StreamEnd,
    flags: number,
    comments = noComments,
    payload = emptyPayload,
    seq = from.sndNext
  ) => {
    const to = from === stream.initiator ? stream.acceptor : stream.initiator
    const isSyn = (flags & Ip.flag.syn) !== 0
    const options = isSyn ? Ip.synOptions(from.endpoint.address.length) : emptyPayload
    // Only the first SYN of a stream has no ACK flag.
    const hasAck = to.synchronized && !(isSyn && from === stream.initiator)
    const tcp = {
      seq,
      ack: hasAck ? from.rcvNext : 0,
      flags: hasAck ? flags | Ip.flag.ack : flags,
      window: advertisedWindowUnits,
      options
    }
    appendFrame(at, from.host, { from: from.endpoint, to: to.endpoint, payload, tcp }, comments)
  }

  const flushAcks = (until: bigint | undefined) => {
    let count = 0
    for (; count < pendingAcks.length && (until === undefined || pendingAcks[count]!.at <= until); count++) {
      const { at, from, stream, ackNumber } = pendingAcks[count]!
      if (stream.reset || sequenceDistance(from.rcvNext, ackNumber) <= 0) continue
      from.rcvNext = ackNumber
      appendSegment(at, stream, from, Ip.flag.ack)
    }
    if (count > 0) pendingAcks = pendingAcks.slice(count)
  }

  /** Schedules that `to` acknowledges everything that `from` has sent until now. */
  const scheduleAck = ({ arrives, at }: ObservedPacket, stream: Stream, from: StreamEnd, to: StreamEnd) => {
    const pendingAck = {
      at: arrives === undefined || arrives < at ? at : arrives,
      stream,
      from: to,
      ackNumber: from.sndNext
    }
    let index = pendingAcks.length
    while (index > 0 && pendingAcks[index - 1]!.at > pendingAck.at) index--
    pendingAcks.splice(index, 0, pendingAck)
    flushAcks(at)
    if (pendingAcks.length > maxPendingAckSegments) flushAcks(pendingAcks[0]!.at)
  }

  /** Adds the third segment of the handshake if it is missing: data or a FIN implies it. */
  const completeHandshake = (at: bigint, stream: Stream, comments = noComments) => {
    if (stream.established || !stream.acceptor.synchronized) return
    stream.established = true
    appendSegment(at, stream, stream.initiator, Ip.flag.ack, comments)
  }

  const appendData = (
    packet: ObservedPacket,
    stream: Stream,
    from: StreamEnd,
    to: StreamEnd,
    comments: ReadonlyArray<string>
  ) => {
    const { at, bytes, lost } = packet
    completeHandshake(at, stream)
    synchronize(from, to)
    const maxSegmentBytes = Ip.maxSegmentBytes(from.endpoint.address.length)
    let seq = from.sndNext
    for (let i = 0; i < bytes.length; i += maxSegmentBytes) {
      const chunk = bytes.subarray(i, i + maxSegmentBytes)
      const isLast = i + maxSegmentBytes >= bytes.length
      appendSegment(at, stream, from, isLast ? Ip.flag.psh : 0, comments, chunk, seq)
      seq = addSequence(seq, chunk.length)
      // Lost data does not advance the sequence number: the retransmission takes its place.
      if (lost) continue
      from.sndNext = seq
      scheduleAck(packet, stream, from, to)
    }
  }

  const appendTcp = (
    packet: ObservedPacket,
    stream: Stream,
    from: StreamEnd,
    to: StreamEnd,
    comments: ReadonlyArray<string>
  ) => {
    const { at, kind, lost } = packet
    from.host = packet.host
    switch (kind) {
      case "syn":
        return appendSegment(at, stream, from, Ip.flag.syn, comments)
      case "synack": {
        synchronize(to, from)
        appendSegment(
          at,
          stream,
          from,
          Ip.flag.syn,
          comments,
          emptyPayload,
          from.synchronized ? addSequence(from.sndNext, -1) : from.sndNext
        )
        return lost ? undefined : synchronize(from, to)
      }
      case "ack":
        // Taps report only the third packet of the handshake: all other acknowledgements are made here.
        if (stream.established || from !== stream.initiator || !stream.acceptor.synchronized) return
        return lost ? appendSegment(at, stream, from, Ip.flag.ack, comments) : completeHandshake(at, stream, comments)
      case "fin":
        completeHandshake(at, stream)
        if (from.finSent || stream.reset) return
        synchronize(from, to)
        appendSegment(at, stream, from, Ip.flag.fin, comments)
        if (lost) return
        from.finSent = true
        from.sndNext = addSequence(from.sndNext, 1)
        scheduleAck(packet, stream, from, to)
        if (to.finSent) streams.markEnded(stream)
        return
      case "rst": {
        if (stream.reset) return
        // The RST that refuses a connection has the sequence number 0 and acknowledges the SYN (RFC 9293, 3.5.2).
        if (!from.synchronized && from === stream.acceptor) synchronize(to, from)
        const seq = from.synchronized ? from.sndNext : from === stream.initiator ? addSequence(from.sndNext, 1) : 0
        appendSegment(at, stream, from, Ip.flag.rst, comments, emptyPayload, seq)
        if (lost) return
        stream.reset = true
        return streams.markEnded(stream)
      }
      default:
        return appendData(packet, stream, from, to, comments)
    }
  }

  const take = () => {
    const taken = frames
    frames = []
    return taken
  }

  return {
    build: (packet) => {
      const { at, bytes, from, host, kind, to, transport } = packet
      flushAcks(at)
      const ends = ipEndpoints(from, to)
      if (ends === undefined) return take()
      const comments = commentsOf(packet)
      if (transport === "udp" || kind === "datagram") {
        appendFrame(at, host, { from: ends[0], to: ends[1], payload: bytes }, comments)
        return take()
      }
      const tuple = `${from.address} ${from.port} ${to.address} ${to.port}`
      const reverseTuple = `${to.address} ${to.port} ${from.address} ${from.port}`
      const stream = streams.streamOf(kind, tuple, reverseTuple, ends, host)
      const { acceptor, initiator } = stream
      const isInitiator = stream.tuple === tuple
      appendTcp(packet, stream, isInitiator ? initiator : acceptor, isInitiator ? acceptor : initiator, comments)
      return take()
    },
    finish: () => {
      flushAcks(undefined)
      return take()
    },
    streams: () => streams.size()
  }
}
