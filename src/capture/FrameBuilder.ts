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
import { addSequence, type EndpointPair, type StreamEnd, type Stream, synchronize } from "./StreamTable.ts"

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
export interface FrameBuilder {
  /**
   * The frames of a packet, after the acknowledgements that are due by then. Addresses that are no IP literals give
   * none.
   */
  readonly build: (packet: ObservedPacket) => ReadonlyArray<Frame>
  /** What is still to come: acknowledgements of data that is under way. */
  readonly finish: () => ReadonlyArray<Frame>
  /** Streams whose numbers are kept. */
  readonly streams: () => number
}

/** An acknowledgement that is under way; `from` gives it. */
interface PendingAck {
  readonly at: bigint
  readonly stream: Stream
  readonly from: StreamEnd
  readonly ackNumber: number
}

const advertisedWindowUnits = 0xffff
/** Acknowledgements under way; beyond, the first one is written early. */
const maxPendingAckSegments = 4_096

const emptyPayload: Uint8Array = new Uint8Array(0)
const noComments: ReadonlyArray<string> = []

/** Bytes from the first sequence number to the second; negative when it lies before. */
const sequenceDistance = (from: number, to: number) => (to - from) | 0

const commentsOf = ({ fault, lost }: ObservedPacket): ReadonlyArray<string> =>
  fault === undefined ? (lost ? ["lost"] : noComments) : lost && fault !== "lost" ? [fault, "lost"] : [fault]

/** @category constructors @since 0.1.0 */
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
      { address: isSameFamily || fromBytes.length === 16 ? fromBytes : IpOctets.toIpv4Mapped(fromBytes), port: from.port },
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
    // Only what opens a stream acknowledges nothing.
    const hasAck = to.synchronized && !(isSyn && from === stream.initiator)
    const tcp = { seq, ack: hasAck ? from.rcvNext : 0, flags: hasAck ? flags | Ip.flag.ack : flags, window: advertisedWindowUnits, options }
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

  /** What `to` has of `from` by now will be acknowledged. */
  const scheduleAck = ({ arrives, at }: ObservedPacket, stream: Stream, from: StreamEnd, to: StreamEnd) => {
    const pendingAck = { at: arrives === undefined || arrives < at ? at : arrives, stream, from: to, ackNumber: from.sndNext }
    let index = pendingAcks.length
    while (index > 0 && pendingAcks[index - 1]!.at > pendingAck.at) index--
    pendingAcks.splice(index, 0, pendingAck)
    flushAcks(at)
    if (pendingAcks.length > maxPendingAckSegments) flushAcks(pendingAcks[0]!.at)
  }

  /** What follows the handshake also completes it. */
  const completeHandshake = (at: bigint, stream: Stream, comments = noComments) => {
    if (stream.established || !stream.acceptor.synchronized) return
    stream.established = true
    appendSegment(at, stream, stream.initiator, Ip.flag.ack, comments)
  }

  const appendData = (packet: ObservedPacket, stream: Stream, from: StreamEnd, to: StreamEnd, comments: ReadonlyArray<string>) => {
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
      // What was lost is sent again, in its place.
      if (lost) continue
      from.sndNext = seq
      scheduleAck(packet, stream, from, to)
    }
  }

  const appendTcp = (packet: ObservedPacket, stream: Stream, from: StreamEnd, to: StreamEnd, comments: ReadonlyArray<string>) => {
    const { at, kind, lost } = packet
    from.host = packet.host
    switch (kind) {
      case "syn":
        return appendSegment(at, stream, from, Ip.flag.syn, comments)
      case "synack": {
        synchronize(to, from)
        appendSegment(at, stream, from, Ip.flag.syn, comments, emptyPayload, from.synchronized ? addSequence(from.sndNext, -1) : from.sndNext)
        return lost ? undefined : synchronize(from, to)
      }
      case "ack":
        // Only the third packet of the handshake is told: all other acknowledgements are made here.
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
        // A refusal has the number 0 and acknowledges the SYN.
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
