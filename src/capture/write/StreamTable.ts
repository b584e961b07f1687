/** Table of TCP streams with their sequence numbers: open streams up to a limit, and recently ended ones. */
import type { Kind } from "../../network/Packet.ts"
import type { IpEndpoint } from "../Ip.ts"

/** One end of a stream, with the variables of RFC 9293, 3.3.1. */
export interface StreamEnd {
  readonly endpoint: IpEndpoint
  /** Name of the host that last saw a packet of this end. */
  host: string
  /** SND.NXT: sequence number of the next byte; the initial sequence number until `synchronized`. */
  sndNext: number
  /** The SYN of this end has been counted. */
  synchronized: boolean
  finSent: boolean
  /** RCV.NXT: the acknowledgement number that this end sends. */
  rcvNext: number
}

/** A connection with its sequence numbers. */
export interface Stream {
  readonly key: string
  /** Addresses and ports in the order of the initiator's packets. */
  readonly tuple: string
  readonly initiator: StreamEnd
  readonly acceptor: StreamEnd
  /** The handshake is complete, or happened before the capture began. */
  established: boolean
  /** The stream was reset or replaced by a new one: pending acknowledgements are dropped. */
  reset: boolean
}

export type EndpointPair = readonly [from: IpEndpoint, to: IpEndpoint]

/** Maximum number of ended streams kept for late packets. */
const maxEndedConnections = 256

/** Adds a length to a sequence number, modulo 2^32. */
export const addSequence = (seq: number, length: number) => (seq + length) >>> 0

/** Counts the SYN of an end, which the other end has received or which happened before the capture began. */
export const synchronize = (end: StreamEnd, otherEnd: StreamEnd) => {
  if (end.synchronized) return
  end.synchronized = true
  end.sndNext = addSequence(end.sndNext, 1)
  otherEnd.rcvNext = end.sndNext
}

/** Creates an empty table. */
export const make = (maxStreams: number) => {
  const liveStreams = new Map<string, Stream>()
  const endedStreams = new Map<string, Stream>()
  let streamCount = 0

  const create = (key: string, tuple: string, from: IpEndpoint, to: IpEndpoint, host: string): Stream => {
    streamCount++
    const makeEnd = (endpoint: IpEndpoint, salt: number): StreamEnd => {
      const sndNext = (Math.imul(streamCount, 0x9e3779b1) + salt) >>> 0
      return { endpoint, host, sndNext, synchronized: false, finSent: false, rcvNext: 0 }
    }
    return {
      key,
      tuple,
      initiator: makeEnd(from, 0),
      acceptor: makeEnd(to, 0x6a09e667),
      established: false,
      reset: false
    }
  }

  const markEnded = (stream: Stream) => {
    liveStreams.delete(stream.key)
    endedStreams.delete(stream.key)
    endedStreams.set(stream.key, stream)
    if (endedStreams.size > maxEndedConnections) endedStreams.delete(endedStreams.keys().next().value!)
  }

  /** Removes a stream and its pending acknowledgements. */
  const abandon = (stream: Stream | undefined) => {
    if (stream === undefined) return
    stream.reset = true
    liveStreams.delete(stream.key)
    endedStreams.delete(stream.key)
  }

  /** Returns the stream of a packet; a stream without an observed SYN is taken as established. */
  const streamOf = (kind: Kind, tuple: string, reverseTuple: string, ends: EndpointPair, host: string): Stream => {
    const key = tuple < reverseTuple ? tuple : reverseTuple
    const existing = liveStreams.get(key) ?? endedStreams.get(key)
    // A SYN that was not answered is retransmitted; any other SYN starts a new stream.
    const isSynRetransmission = existing?.tuple === tuple && !existing.acceptor.synchronized && !existing.reset
    if (existing !== undefined && (kind !== "syn" || isSynRetransmission)) {
      if (liveStreams.delete(key)) liveStreams.set(key, existing)
      return existing
    }
    const stream =
      kind === "synack" ? create(key, reverseTuple, ends[1], ends[0], host) : create(key, tuple, ends[0], ends[1], host)
    abandon(existing)
    liveStreams.set(key, stream)
    if (liveStreams.size > maxStreams) abandon(liveStreams.values().next().value)
    if (kind === "syn") return stream
    synchronize(stream.initiator, stream.acceptor)
    if (kind === "synack") return stream
    synchronize(stream.acceptor, stream.initiator)
    stream.established = true
    return stream
  }

  return { streamOf, markEnded, size: () => liveStreams.size + endedStreams.size }
}
