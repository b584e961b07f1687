/**
 * Reassembly of fragmented IP datagrams (RFC 791, 3.2; RFC 8200, 4.5) from captured packets, in any order. Pure: time
 * is that of the packets, and memory has a limit.
 */

/** Limits of the reassembly. */
export interface Limits {
  /** Time after which an incomplete datagram is given up, as in RFC 8200. Default 60 seconds. */
  readonly timeoutNanos?: bigint | undefined
  /** Maximum number of incomplete datagrams; of more, the oldest is given up. Default 1,024. */
  readonly maxDatagrams?: number | undefined
  /** Maximum bytes of all incomplete datagrams; beyond, the oldest is given up. Default 16 MiB. */
  readonly maxBytes?: number | undefined
}

/** A fragment of a datagram. */
interface Fragment {
  /** Addresses, protocol and identification: equal for the fragments of one datagram. */
  readonly key: string
  /** Offset of the fragment in the datagram, in bytes. */
  readonly offset: number
  readonly isLast: boolean
  readonly bytes: Uint8Array
  /** Time of the packet in nanoseconds. */
  readonly time: bigint
}

/** Effect of a fragment on its datagram. */
interface Outcome {
  /** Number of the fragment by arrival, from 1. */
  readonly index: number
  /** The datagram, if this fragment completes it. */
  readonly datagram: Uint8Array | undefined
  readonly problem: string | undefined
}

interface Piece {
  readonly offset: number
  readonly bytes: Uint8Array
}

/** An incomplete datagram. Its pieces are sorted and do not overlap. */
interface Datagram {
  readonly pieces: Array<Piece>
  readonly startedAt: bigint
  /** Length of the datagram, as soon as its last fragment has come. */
  length: number | undefined
  fragments: number
  bytes: number
}

/** A reassembly of the datagrams of one capture. */
export interface IpFragments {
  readonly add: (fragment: Fragment) => Outcome
  /** Returns the number of datagrams that were given up or are incomplete still. */
  readonly incomplete: () => number
}

/** Maximum length of an IP datagram without its header, in bytes. */
const maxDatagramBytes = 65_535

/** Fixed part of the memory that a piece occupies, so that many short pieces count. */
const pieceOverheadBytes = 100

const endOf = ({ bytes, offset }: Piece) => offset + bytes.length

/** Returns the index of the first piece that ends after an offset. */
const firstEndingAfter = (pieces: ReadonlyArray<Piece>, offset: number): number => {
  let low = 0
  let high = pieces.length
  while (low < high) {
    const middle = (low + high) >> 1
    if (endOf(pieces[middle]!) > offset) high = middle
    else low = middle + 1
  }
  return low
}

const isEqualInside = (piece: Piece, { bytes, offset }: Piece) => {
  const from = Math.max(piece.offset, offset)
  const to = Math.min(endOf(piece), offset + bytes.length)
  for (let i = from; i < to; i++) if (piece.bytes[i - piece.offset] !== bytes[i - offset]) return false
  return true
}

/** Adds a piece where the datagram has no bytes yet: the first bytes to arrive win. Returns what overlapped. */
const insert = (pieces: Array<Piece>, piece: Piece): { readonly added: number; readonly problem?: string } => {
  const first = firstEndingAfter(pieces, piece.offset)
  let last = first
  while (last < pieces.length && pieces[last]!.offset < endOf(piece)) last++
  if (first === last) {
    pieces.splice(first, 0, { offset: piece.offset, bytes: piece.bytes.slice() })
    return { added: piece.bytes.length + pieceOverheadBytes }
  }
  const overlapped = pieces.slice(first, last)
  const isSame = overlapped.every((one) => isEqualInside(one, piece))
  const merged: Array<Piece> = []
  let at = piece.offset
  let added = 0
  const fill = (to: number) => {
    if (to <= at) return
    merged.push({ offset: at, bytes: piece.bytes.slice(at - piece.offset, to - piece.offset) })
    added += to - at + pieceOverheadBytes
  }
  for (const one of overlapped) {
    fill(one.offset)
    merged.push(one)
    at = endOf(one)
  }
  fill(endOf(piece))
  pieces.splice(first, last - first, ...merged)
  if (!isSame) return { added, problem: "overlaps another fragment with other content" }
  return { added, problem: added === 0 ? "duplicate fragment" : "overlaps another fragment" }
}

/** Returns the content of a datagram without gaps; undefined if a part is missing. */
const join = ({ length, pieces }: Datagram): Uint8Array | undefined => {
  if (length === undefined) return undefined
  let end = 0
  for (const piece of pieces) {
    if (piece.offset !== end) return undefined
    end = endOf(piece)
  }
  const datagram = new Uint8Array(end)
  for (const { bytes, offset } of pieces) datagram.set(bytes, offset)
  return datagram.subarray(0, length)
}

/** State of a reassembly: incomplete datagrams in the order of their first fragments. It changes in place. */
interface State {
  readonly datagrams: Map<string, Datagram>
  bytes: number
  givenUp: number
}

const giveUp = (state: State, key: string, datagram: Datagram) => {
  state.datagrams.delete(key)
  state.bytes -= datagram.bytes
  state.givenUp++
}

const add = (state: State, limits: Required<Limits>, fragment: Fragment): Outcome => {
  const { bytes, isLast, key, offset, time } = fragment
  for (const [oldKey, old] of state.datagrams) {
    const isTooOld = time - old.startedAt > limits.timeoutNanos!
    const isTooMany = state.datagrams.size > limits.maxDatagrams! || state.bytes > limits.maxBytes!
    if (!isTooOld && !isTooMany) break
    giveUp(state, oldKey, old)
  }
  const end = offset + bytes.length
  if (end > maxDatagramBytes) {
    return { index: 1, datagram: undefined, problem: `fragment ends at byte ${end}, beyond the limit of 65535` }
  }
  const datagram = state.datagrams.get(key) ?? {
    pieces: [],
    startedAt: time,
    length: undefined,
    fragments: 0,
    bytes: 0
  }
  state.datagrams.set(key, datagram)
  datagram.fragments++
  const { added, problem } = insert(datagram.pieces, { offset, bytes })
  datagram.bytes += added
  state.bytes += added
  if (isLast) datagram.length ??= end
  const whole = join(datagram)
  if (whole !== undefined) {
    state.datagrams.delete(key)
    state.bytes -= datagram.bytes
  }
  return { index: datagram.fragments, datagram: whole, problem }
}

/** Creates a reassembly without datagrams. */
export const make = (limits: Limits = {}): IpFragments => {
  const { maxBytes = 2 ** 24, maxDatagrams = 1_024, timeoutNanos = 60_000_000_000n } = limits
  const state: State = { datagrams: new Map(), bytes: 0, givenUp: 0 }
  return {
    add: (fragment) => add(state, { maxBytes, maxDatagrams, timeoutNanos }, fragment),
    incomplete: () => state.givenUp + state.datagrams.size
  }
}
