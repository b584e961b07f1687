/** The streams whose numbers are kept: those that are open, up to a limit, and the last that have ended. */
import type { Kind } from "../network/Packet.ts"
import type { IpEndpoint } from "./Ip.ts"

/** One direction of a stream. */
export interface Side {
  readonly end: IpEndpoint
  /** Where its packets were last seen. */
  host: string
  /** The sequence number of its next byte; before its SYN or first byte it has none. */
  next: number
  started: boolean
  finished: boolean
  /** What it has acknowledged of the other side. */
  acked: number
}

/** A connection, as far as its numbers go. */
export interface Stream {
  readonly key: string
  /** The tuple as the initiator's packets have it. */
  readonly tuple: string
  readonly initiator: Side
  readonly acceptor: Side
  /** The handshake is complete, or was not seen. */
  open: boolean
  /** Or replaced: either way nothing more is acknowledged. */
  reset: boolean
}

export type Ends = readonly [from: IpEndpoint, to: IpEndpoint]

/** Streams that have ended, kept for what comes late. */
const maxEnded = 256

export const add = (seq: number, length: number) => (seq + length) >>> 0

/** Its SYN is on the other side, or was before anything was seen. */
export const start = (side: Side, other: Side) => {
  if (side.started) return
  side.started = true
  side.next = add(side.next, 1)
  other.acked = side.next
}

export const make = (maxStreams: number) => {
  const live = new Map<string, Stream>()
  const ended = new Map<string, Stream>()
  let streams = 0

  const open = (key: string, tuple: string, from: IpEndpoint, to: IpEndpoint, host: string): Stream => {
    streams++
    const side = (end: IpEndpoint, salt: number): Side => {
      const next = (Math.imul(streams, 0x9e3779b1) + salt) >>> 0
      return { end, host, next, started: false, finished: false, acked: 0 }
    }
    return { key, tuple, initiator: side(from, 0), acceptor: side(to, 0x6a09e667), open: false, reset: false }
  }

  const forget = (stream: Stream) => {
    live.delete(stream.key)
    ended.delete(stream.key)
    ended.set(stream.key, stream)
    if (ended.size > maxEnded) ended.delete(ended.keys().next().value!)
  }

  /** Takes a stream away, with what it would still have acknowledged. */
  const replace = (stream: Stream | undefined) => {
    if (stream === undefined) return
    stream.reset = true
    live.delete(stream.key)
    ended.delete(stream.key)
  }

  /** The stream a packet belongs to; one that was not seen to begin has begun before. */
  const of = (kind: Kind, tuple: string, back: string, ends: Ends, host: string): Stream => {
    const key = tuple < back ? tuple : back
    const known = live.get(key) ?? ended.get(key)
    // A SYN that was not answered is sent again; any other SYN starts afresh.
    const again = known?.tuple === tuple && !known.acceptor.started && !known.reset
    if (known !== undefined && (kind !== "syn" || again)) {
      if (live.delete(key)) live.set(key, known)
      return known
    }
    const stream =
      kind === "synack" ? open(key, back, ends[1], ends[0], host) : open(key, tuple, ends[0], ends[1], host)
    replace(known)
    live.set(key, stream)
    if (live.size > maxStreams) replace(live.values().next().value)
    if (kind === "syn") return stream
    start(stream.initiator, stream.acceptor)
    if (kind === "synack") return stream
    start(stream.acceptor, stream.initiator)
    stream.open = true
    return stream
  }

  return { of, forget, size: () => live.size + ended.size }
}
