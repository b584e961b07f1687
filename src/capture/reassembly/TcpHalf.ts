/**
 * Reassembly of one direction of a TCP connection: puts segments in order, drops what was sent before, and finds what
 * the capture lacks. Pure: `receive`, `acknowledge` and `flush` return the next state and the pieces that are in order.
 */

import * as OrderedSegments from "./OrderedSegments.ts"

/** A segment with a part of the stream. */
interface Segment {
  readonly seq: number
  readonly bytes: Uint8Array
  /** Number of bytes after `bytes` that the capture does not hold. */
  readonly missing: number
}

/** A segment that waits for those before it. */
type Waiting = Segment & OrderedSegments.Ordered

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
  readonly pending: OrderedSegments.OrderedSegments<Waiting>
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
  pending: undefined,
  pendingBytes: 0,
  fin: undefined,
  isClosed: false
}

/** Subtracts sequence numbers, which are modulo 2^32. */
const distance = (one: number, other: number): number => (one - other) | 0

const add = (seq: number, length: number) => (seq + length) >>> 0

const noPieces: ReadonlyArray<Piece> = []

/** Fixed part of the memory that a segment occupies, so that many short segments count. */
const segmentOverheadBytes = 100

const weightOf = ({ bytes }: Segment) => bytes.length + segmentOverheadBytes

/** Keeps a segment that waits, unless another one with its sequence number has all of its bytes. */
const insert = (half: TcpHalf, segment: Segment): TcpHalf => {
  // A chunk of the file is not kept for the segments that wait.
  const kept = { ...segment, bytes: segment.bytes.slice(), length: segment.bytes.length + segment.missing }
  const pending = OrderedSegments.insert(half.pending, kept)
  return pending === half.pending ? half : { ...half, pending, pendingBytes: half.pendingBytes + weightOf(kept) }
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

/** Takes the segments that are in order from those that wait; a FIN in order closes. Appends to `pieces`. */
const drain = (half: TcpHalf, pieces: Array<Piece>): TcpHalf => {
  let { isClosed, next, pending, pendingBytes } = half
  for (let segment = OrderedSegments.first(pending); segment !== undefined; segment = OrderedSegments.first(pending)) {
    if (distance(segment.seq, next) > 0) break
    next = append(pieces, next, segment)
    pendingBytes -= weightOf(segment)
    pending = OrderedSegments.withoutFirst(pending)
  }
  if (half.fin !== undefined && !isClosed && distance(next, half.fin) >= 0) {
    isClosed = true
    pieces.push({ kind: "close" })
  }
  return { ...half, next, pending, pendingBytes, isClosed }
}

/** Gives up gaps, the first ones first, while `isGivenUp` says so of the segment after the gap. */
const skipGaps = (
  before: TcpHalf,
  pieces: Array<Piece>,
  isGivenUp: (half: TcpHalf, first: Segment) => boolean
): Step => {
  let half = before
  for (
    let first = OrderedSegments.first(half.pending);
    first !== undefined && isGivenUp(half, first);
    first = OrderedSegments.first(half.pending)
  ) {
    pieces.push({ kind: "gap", length: distance(first.seq, half.next) })
    half = drain({ ...half, next: first.seq }, pieces)
  }
  return [half, pieces]
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
  const pieces: Array<Piece> = []
  if (bytes.length + missing > 0) {
    const segment = { seq, bytes, missing }
    if (distance(seq, half.next) > 0) half = insert(half, segment)
    else half = { ...half, next: append(pieces, half.next, segment) }
  } else if (!isFin) return [half, noPieces]
  return skipGaps(drain(half, pieces), pieces, ({ pendingBytes }) => pendingBytes > maxPendingBytes)
}

/** Gives up the gaps that the receiver has acknowledged: it got the bytes that the capture does not hold. */
export const acknowledge = (half: TcpHalf, ack: number): Step =>
  skipGaps(half, [], (_, first) => distance(ack, first.seq) > 0)

/** Gives up all gaps, at the end of the capture or at a reset. */
export const flush = (half: TcpHalf): Step => skipGaps(half, [], () => true)
