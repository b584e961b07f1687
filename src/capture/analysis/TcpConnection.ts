/**
 * Analysis of one TCP connection, segment by segment, by the rules that Wireshark documents (User's Guide, "TCP
 * Analysis"). Pure: the state is a value, and `step` returns the next one.
 *
 * The names of the fields are those of RFC 9293 where it has one. As in Wireshark, 0 stands for a sequence number that
 * is not known yet.
 */
import * as SequenceNumber from "./SequenceNumber.ts"
import type { TcpNote } from "./TcpNote.ts"

const { add, distance, isBefore } = SequenceNumber

/** A segment to analyse. */
export interface Segment {
  /** Number of the packet in the capture, from 1. */
  readonly number: number
  readonly at: bigint
  readonly seq: number
  readonly ack: number
  /** Bytes of data, as stated on the wire. */
  readonly length: number
  readonly syn: boolean
  readonly ackFlag: boolean
  readonly fin: boolean
  readonly rst: boolean
  /** Window field, not scaled. */
  readonly window: number
  /** Window scale option of a SYN (RFC 7323). */
  readonly scale?: number | undefined
}

/** A segment that has not been acknowledged; a list, newest first. */
interface Unacknowledged {
  readonly seq: number
  readonly end: number
  readonly number: number
  readonly at: bigint
  /** The same bytes were sent more than once: an ACK does not tell for which (Karn's algorithm). */
  readonly ambiguous: boolean
  readonly older: Unacknowledged | undefined
}

/** Knowledge of one direction: the segments of one end. */
interface Direction {
  /** Sequence number of the SYN, or the one before the first segment; undefined before any. */
  readonly base: number | undefined
  /** End of the highest segment. */
  readonly next: number
  readonly nextAt: bigint
  /** End of the segments without a gap. */
  readonly contiguous: number
  readonly ack: number
  readonly ackAt: bigint
  readonly duplicates: number
  /** Number of the packet that the duplicate ACKs repeat. */
  readonly firstAckNumber: number
  readonly window: number | undefined
  readonly isWindowScaled: boolean
  readonly scale: number | undefined
  readonly sawSyn: boolean
  readonly lastKind: "keepAlive" | "zeroWindowProbe" | undefined
  readonly unacknowledged: Unacknowledged | undefined
  readonly unacknowledgedCount: number
}

/** State of a connection. */
export interface Connection {
  readonly stream: number
  /** The end that sent the first segment, and the other one. */
  readonly directions: readonly [Direction, Direction]
  /** Time of the latest SYN without ACK. */
  readonly synAt: bigint | undefined
  readonly handshakeNanos: bigint | undefined
}

/** Result of the analysis of a segment. */
export interface Result {
  readonly notes: ReadonlyArray<TcpNote>
  /** Time since the segment that this one acknowledges. */
  readonly rttNanos?: bigint | undefined
  /** Number of the packet that this one acknowledges. */
  readonly acknowledges?: number | undefined
  /** The acknowledged bytes were sent more than once. */
  readonly isRttAmbiguous: boolean
  /** Time from the SYN to this ACK, which completes the handshake. */
  readonly handshakeNanos?: bigint | undefined
}

const noDirection: Direction = {
  base: undefined,
  next: 0,
  nextAt: 0n,
  contiguous: 0,
  ack: 0,
  ackAt: 0n,
  duplicates: 0,
  firstAckNumber: 0,
  window: undefined,
  isWindowScaled: false,
  scale: undefined,
  sawSyn: false,
  lastKind: undefined,
  unacknowledged: undefined,
  unacknowledgedCount: 0
}

/** Returns the state before the first segment. */
export const make = (stream: number): Connection => ({
  stream,
  directions: [noDirection, noDirection],
  synAt: undefined,
  handshakeNanos: undefined
})

/** Returns whether a SYN begins another connection between the same ports. */
export const isReuse = (connection: Connection, from: 0 | 1, segment: Segment): boolean => {
  const { base } = connection.directions[from]
  return segment.syn && !segment.ackFlag && base !== undefined && base !== segment.seq
}

/** Time after a duplicate ACK in which a retransmission is a fast one. */
const fastRetransmissionNanos = 20_000_000n

/** Time in which a late segment is out of order, if the round-trip time of the handshake is not known. */
const outOfOrderNanos = 3_000_000n

/** Maximum number of segments of one direction that are kept until they are acknowledged. */
const maxUnacknowledgedSegments = 1_000

const scaledWindow = ({ isWindowScaled, scale, window = 0 }: Direction) =>
  isWindowScaled && scale !== undefined ? window * 2 ** scale : window

/** Returns the notes on windows and keep-alives, in the order of Wireshark's rules. */
const windowNotes = (own: Direction, peer: Direction, segment: Segment): Array<TcpNote> => {
  const { ack, length, rst, seq, window } = segment
  const notes: Array<TcpNote> = []
  const isPlain = !segment.syn && !segment.fin && !rst
  const isNext = seq === own.next
  if (length === 1 && isNext && peer.window === 0) return [{ kind: "zeroWindowProbe" }]
  if (window === 0 && isPlain) notes.push({ kind: "zeroWindow" })
  if (own.next !== 0 && isBefore(own.next, seq) && !rst) notes.push({ kind: "lostSegment" })
  if (length <= 1 && distance(seq, own.next) === 1 && isPlain) notes.push({ kind: "keepAlive" })
  const isEmpty = length === 0 && isNext && isPlain
  const isSameAck = ack === own.ack
  if (isEmpty && isSameAck && window !== 0 && window !== own.window) notes.push({ kind: "windowUpdate" })
  const isWindowKnown = peer.scale !== undefined || peer.sawSyn
  if (length > 0 && isPlain && isWindowKnown && add(seq, length) === add(peer.ack, scaledWindow(peer)))
    notes.push({ kind: "windowFull" })
  if (!isEmpty || window !== own.window) return notes
  if (window !== 0 && isSameAck)
    notes.push(
      peer.lastKind === "keepAlive"
        ? { kind: "keepAliveAck" }
        : { kind: "duplicateAck", duplicate: own.duplicates + 1, of: own.firstAckNumber }
    )
  else if (window === 0 && peer.lastKind === "zeroWindowProbe" && isSameAck) notes.push({ kind: "zeroWindowProbeAck" })
  return notes
}

/** Returns the note on a segment whose bytes are not new. */
const repetitionNote = (
  own: Direction,
  peer: Direction,
  segment: Segment,
  end: number,
  handshakeNanos: bigint | undefined
): TcpNote | undefined => {
  const { at, length, seq } = segment
  const dataEnd = add(seq, length)
  // The byte of a zero window probe that was not taken is sent again, with more.
  const isAfterProbe = length > 1 && distance(seq, own.next) === 1
  const isOld = own.next !== 0 && isBefore(seq, own.next) && !isAfterProbe
  if (length > 0 && peer.ack !== 0 && !isBefore(peer.ack, dataEnd)) return { kind: "spuriousRetransmission" }
  if (!isOld) return undefined
  const isAskedFor = peer.duplicates >= 2 && at - peer.ackAt < fastRetransmissionNanos
  if (isAskedFor && peer.ack === seq) return { kind: "fastRetransmission" }
  if (at - own.nextAt < (handshakeNanos ?? outOfOrderNanos) && end !== own.next) return { kind: "outOfOrder" }
  return { kind: "retransmission" }
}

/** Adds a segment to those that are not acknowledged. */
const withSegment = (own: Direction, segment: Segment, end: number, isRepeated: boolean): Direction => {
  if (own.unacknowledgedCount >= maxUnacknowledgedSegments) return own
  return {
    ...own,
    unacknowledgedCount: own.unacknowledgedCount + 1,
    unacknowledged: {
      seq: segment.seq,
      end,
      number: segment.number,
      at: segment.at,
      ambiguous: isRepeated,
      older: own.unacknowledged
    }
  }
}

interface Acknowledged {
  readonly direction: Direction
  readonly matched: Unacknowledged | undefined
  readonly isAmbiguous: boolean
}

/** Removes the segments that an ACK covers; returns the oldest one whose end it names. */
const acknowledge = (sender: Direction, ack: number): Acknowledged => {
  let matched: Unacknowledged | undefined
  let isAmbiguous = false
  let covers = false
  for (let one = sender.unacknowledged; one !== undefined && !covers; one = one.older) covers = isBefore(one.seq, ack)
  if (!covers) return { direction: sender, matched, isAmbiguous }
  const kept: Array<Unacknowledged> = []
  for (let one = sender.unacknowledged; one !== undefined; one = one.older) {
    if (one.end === ack) {
      matched = one
      isAmbiguous ||= one.ambiguous
    } else if (isBefore(ack, one.end)) kept.push(isBefore(one.seq, ack) ? { ...one, seq: ack } : one)
  }
  let unacknowledged: Unacknowledged | undefined
  for (const one of kept.toReversed()) unacknowledged = { ...one, older: unacknowledged }
  return { direction: { ...sender, unacknowledged, unacknowledgedCount: kept.length }, matched, isAmbiguous }
}

const advance = (own: Direction, segment: Segment, notes: ReadonlyArray<TcpNote>, end: number): Direction => {
  const { ack, at, number, seq, syn, window } = segment
  const isProbe = notes[0]?.kind === "zeroWindowProbe"
  const isHighest = !isProbe && (own.next === 0 || isBefore(own.next, end))
  const next = isHighest ? end : own.next
  const isContiguous = !isProbe && (own.contiguous === 0 || seq === own.contiguous)
  const isDuplicate = notes.some(({ kind }) => kind === "duplicateAck")
  const isNewAck = ack !== own.ack
  return {
    ...own,
    base: own.base ?? (syn ? seq : add(seq, -1)),
    next,
    nextAt: isHighest ? at : own.nextAt,
    contiguous: isContiguous ? next : own.contiguous,
    ack,
    ackAt: at,
    duplicates: isNewAck ? 0 : isDuplicate ? own.duplicates + 1 : own.duplicates,
    firstAckNumber: isNewAck ? number : own.firstAckNumber,
    window,
    isWindowScaled: !syn,
    scale: syn ? segment.scale : own.scale,
    sawSyn: own.sawSyn || syn,
    lastKind: isProbe ? "zeroWindowProbe" : notes.some(({ kind }) => kind === "keepAlive") ? "keepAlive" : undefined
  }
}

/** Returns the state after a segment of one end, and what the segment says. `from` is 0 for the end that began. */
export const step = (connection: Connection, from: 0 | 1, segment: Segment): readonly [Connection, Result] => {
  const own = connection.directions[from]
  let peer = connection.directions[1 - from]!
  const notes = windowNotes(own, peer, segment)
  if (segment.ackFlag && peer.contiguous !== 0 && isBefore(peer.contiguous, segment.ack) && segment.ack !== own.ack) {
    // Wireshark 4.0 ends a series of duplicate ACKs here, instead of a note.
    if (peer.contiguous === peer.next && peer.duplicates > 0) peer = { ...peer, contiguous: segment.ack, duplicates: 0 }
    else {
      notes.push({ kind: "ackLostSegment" })
      peer = { ...peer, contiguous: peer.next }
    }
  }
  const takesSpace = segment.length > 0 || segment.syn || segment.fin
  const isKeepAlive = notes.some(({ kind }) => kind === "keepAlive")
  const end = add(segment.seq, segment.length + (segment.syn || segment.fin ? 1 : 0))
  const repetition =
    takesSpace && !isKeepAlive ? repetitionNote(own, peer, segment, end, connection.handshakeNanos) : undefined
  if (repetition !== undefined) notes.push(repetition)
  if (segment.rst) notes.push({ kind: "reset" })
  const isRepeated = repetition !== undefined && repetition.kind !== "outOfOrder"
  const sent = takesSpace ? withSegment(own, segment, end, isRepeated) : own
  const acknowledged = acknowledge(peer, segment.ack)
  const isSyn = segment.syn && !segment.ackFlag
  const completes =
    connection.handshakeNanos === undefined &&
    connection.synAt !== undefined &&
    segment.ackFlag &&
    !segment.syn &&
    own.sawSyn &&
    peer.sawSyn
  const handshakeNanos = completes ? segment.at - connection.synAt! : undefined
  const moved = advance(sent, segment, notes, end)
  return [
    {
      ...connection,
      directions: from === 0 ? [moved, acknowledged.direction] : [acknowledged.direction, moved],
      synAt: isSyn ? segment.at : connection.synAt,
      handshakeNanos: handshakeNanos ?? connection.handshakeNanos
    },
    {
      notes,
      rttNanos: acknowledged.matched === undefined ? undefined : segment.at - acknowledged.matched.at,
      acknowledges: acknowledged.matched?.number,
      isRttAmbiguous: acknowledged.isAmbiguous,
      handshakeNanos
    }
  ]
}
