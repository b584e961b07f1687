/** The streams whose numbers are kept: those that are open, up to a limit, and the last that have ended. */
import type { Kind } from "../network/Packet.ts"
import type { IpEndpoint } from "./Ip.ts"

/** One direction of a stream. */
export interface StreamEnd {
  readonly endpoint: IpEndpoint
  /** Where its packets were last seen. */
  host: string
  /** The sequence number of its next byte; before its SYN or first byte it has none. */
  sndNext: number
  synchronized: boolean
  finSent: boolean
  /** What it has acknowledged of the other side. */
  rcvNext: number
}

/** A connection, as far as its numbers go. */
export interface Stream {
  readonly key: string
  /** The tuple as the initiator's packets have it. */
  readonly tuple: string
  readonly initiator: StreamEnd
  readonly acceptor: StreamEnd
  /** The handshake is complete, or was not seen. */
  established: boolean
  /** Or replaced: either way nothing more is acknowledged. */
  reset: boolean
}

export type EndpointPair = readonly [from: IpEndpoint, to: IpEndpoint]

/** Streams that have ended, kept for what comes late. */
const maxEndedConnections = 256

export const addSequence = (seq: number, length: number) => (seq + length) >>> 0

/** Its SYN is on the other side, or was before anything was seen. */
export const synchronize = (end: StreamEnd, otherEnd: StreamEnd) => {
  if (end.synchronized) return
  end.synchronized = true
  end.sndNext = addSequence(end.sndNext, 1)
  otherEnd.rcvNext = end.sndNext
}

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
    return { key, tuple, initiator: makeEnd(from, 0), acceptor: makeEnd(to, 0x6a09e667), established: false, reset: false }
  }

  const markEnded = (stream: Stream) => {
    liveStreams.delete(stream.key)
    endedStreams.delete(stream.key)
    endedStreams.set(stream.key, stream)
    if (endedStreams.size > maxEndedConnections) endedStreams.delete(endedStreams.keys().next().value!)
  }

  /** Takes a stream away, with what it would still have acknowledged. */
  const abandon = (stream: Stream | undefined) => {
    if (stream === undefined) return
    stream.reset = true
    liveStreams.delete(stream.key)
    endedStreams.delete(stream.key)
  }

  /** The stream a packet belongs to; one that was not seen to begin has begun before. */
  const streamOf = (kind: Kind, tuple: string, reverseTuple: string, ends: EndpointPair, host: string): Stream => {
    const key = tuple < reverseTuple ? tuple : reverseTuple
    const existing = liveStreams.get(key) ?? endedStreams.get(key)
    // A SYN that was not answered is sent again; any other SYN starts afresh.
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
