/**
 * Reassembly of one direction of a TCP connection: puts segments in order, drops what was sent before, and finds what
 * the capture lacks. Pure: `receive`, `acknowledge` and `flush` return the next state and the pieces that are in order.
 */

/** A segment with a part of the stream. */
interface Segment {
  readonly seq: number
  readonly bytes: Uint8Array
  /** Number of bytes after `bytes` that the capture does not hold. */
  readonly missing: number
}

/** A piece of the stream, in order: bytes, or the number of bytes that are missing. */
export type Piece =
  | { readonly kind: "data"; readonly bytes: Uint8Array }
  | { readonly kind: "gap"; readonly length: number }
  | { readonly kind: "close" }

/** State of a direction. */
export interface TcpHalf {
  /** Sequence number before the first byte: that of the SYN. Undefined before the first segment. */
  readonly base: number | undefined
  /** Sequence number of the next byte in order. */
  readonly next: number
  /** Segments after a gap, by sequence number. */
  readonly pending: ReadonlyArray<Segment>
  readonly pendingBytes: number
  /** Sequence number of the FIN. */
  readonly fin: number | undefined
  readonly isClosed: boolean
}

/** Result of a step. */
export type Step = readonly [half: TcpHalf, pieces: ReadonlyArray<Piece>]

/** State before the first segment. */
export const empty: TcpHalf = {
  base: undefined,
  next: 0,
  pending: [],
  pendingBytes: 0,
  fin: undefined,
  isClosed: false
}

/** Subtracts sequence numbers, which are modulo 2^32. */
const distance = (one: number, other: number): number => (one - other) | 0

const add = (seq: number, length: number) => (seq + length) >>> 0

const lengthOf = ({ bytes, missing }: Segment) => bytes.length + missing

const noPieces: ReadonlyArray<Piece> = []

/** Fixed part of the memory that a segment occupies, so that many short segments count. */
const segmentOverheadBytes = 100

const weightOf = ({ bytes }: Segment) => bytes.length + segmentOverheadBytes

/** Inserts a segment behind those with the same or a lower sequence number. */
const insert = (half: TcpHalf, segment: Segment): TcpHalf => {
  const { pending } = half
  let at = pending.length
  while (at > 0 && distance(pending[at - 1]!.seq, segment.seq) > 0) at--
  const before = pending[at - 1]
  if (before?.seq === segment.seq && lengthOf(before) >= lengthOf(segment)) return half
  // A chunk of the file is not kept for the segments that wait.
  const kept = { ...segment, bytes: segment.bytes.slice() }
  return { ...half, pending: pending.toSpliced(at, 0, kept), pendingBytes: half.pendingBytes + weightOf(kept) }
}

/** Appends the part of a segment that is new, and returns the next sequence number. */
const append = (pieces: Array<Piece>, next: number, { bytes, missing, seq }: Segment): number => {
  const old = -distance(seq, next)
  if (old >= bytes.length + missing) return next
  if (old < bytes.length) pieces.push({ kind: "data", bytes: old === 0 ? bytes : bytes.subarray(old) })
  const gap = missing - Math.max(0, old - bytes.length)
  if (gap > 0) pieces.push({ kind: "gap", length: gap })
  return add(seq, bytes.length + missing)
}

/** Takes the segments that are in order from those that wait; a FIN in order closes. */
const drain = (half: TcpHalf, pieces: Array<Piece>): Step => {
  let { isClosed, next, pendingBytes } = half
  let count = 0
  for (const segment of half.pending) {
    if (distance(segment.seq, next) > 0) break
    next = append(pieces, next, segment)
    pendingBytes -= weightOf(segment)
    count++
  }
  if (half.fin !== undefined && !isClosed && distance(next, half.fin) >= 0) {
    isClosed = true
    pieces.push({ kind: "close" })
  }
  const pending = count === 0 ? half.pending : half.pending.slice(count)
  return [{ ...half, next, pending, pendingBytes, isClosed }, pieces]
}

/** Gives up the first gap. */
const skipGap = (half: TcpHalf, pieces: Array<Piece>): Step => {
  const [first] = half.pending
  if (first === undefined) return [half, pieces]
  pieces.push({ kind: "gap", length: distance(first.seq, half.next) })
  return drain({ ...half, next: first.seq }, pieces)
}

/** Header fields and content of a segment. */
export interface Received extends Segment {
  readonly isSyn: boolean
  readonly isFin: boolean
}

/** Adds a segment. Beyond `maxPendingBytes` of segments that wait, the gap before them is given up. */
export const receive = (before: TcpHalf, received: Received, maxPendingBytes: number): Step => {
  const { bytes, isFin, isSyn, missing } = received
  const seq = isSyn ? add(received.seq, 1) : received.seq
  let half = before.base === undefined ? { ...before, base: add(seq, -1), next: seq } : before
  if (isFin && half.fin === undefined) half = { ...half, fin: add(seq, bytes.length + missing) }
  const segment = { seq, bytes, missing }
  if (bytes.length + missing > 0) {
    if (distance(seq, half.next) > 0) half = insert(half, segment)
    else if (half.pending.length === 0 && half.fin === undefined) {
      const pieces: Array<Piece> = []
      const next = append(pieces, half.next, segment)
      return [{ ...half, next }, pieces]
    } else half = { ...half, pending: [segment, ...half.pending], pendingBytes: half.pendingBytes + weightOf(segment) }
  } else if (!isFin) return [half, noPieces]
  let step = drain(half, [])
  while (step[0].pendingBytes > maxPendingBytes) step = skipGap(step[0], [...step[1]])
  return step
}

/** Gives up the gaps that the receiver has acknowledged: it got the bytes that the capture does not hold. */
export const acknowledge = (half: TcpHalf, ack: number): Step => {
  let step: Step = [half, noPieces]
  for (let [first] = half.pending; first !== undefined && distance(ack, first.seq) > 0; [first] = step[0].pending) {
    step = skipGap(step[0], [...step[1]])
  }
  return step
}

/** Gives up all gaps, at the end of the capture or at a reset. */
export const flush = (half: TcpHalf): Step => {
  let step: Step = [half, noPieces]
  while (step[0].pending.length > 0) step = skipGap(step[0], [...step[1]])
  return step
}
