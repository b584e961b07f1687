/**
 * The side that receives DATA, as a pure state machine: the client of a read request, the server of a write request.
 *
 * Blocks are kept in order only; what comes after a missing one is thrown away, as RFC 7440 has it, and the sender told
 * at once which was the last in order. Its window begins anew after each ACK, so both ends count from the same block.
 *
 * One loss must cost one ACK, however many blocks of the window follow it: a sender goes back with each. Blocks come
 * in passes of rising numbers, and a pass out of order, or of blocks already here, is answered once.
 */
import * as Blocks from "./Blocks.ts"

/** What both ends agreed on, and how much is taken. @category models @since 0.1.0 */
export interface Options {
  /** Blocks from ACK to ACK, 1 to 32767: both ends compare numbers modulo 65536. */
  readonly windowsize: number
  /** Bytes of a block; the first with fewer is the last. */
  readonly blksize: number
  /** The number that follows 65535; undefined learns it from the sender. */
  readonly rollover: Blocks.Rollover | undefined
  /** Bytes that the sender announced. */
  readonly tsize: number | undefined
  /** The most bytes to take. Default: as many as come. */
  readonly limit?: number | undefined
}

/** Blocks are counted on from 1, without rollover. @category models @since 0.1.0 */
export interface State extends Options {
  /** The highest block in order. */
  readonly received: number
  /** The block acknowledged last; the sender's window begins after it. */
  readonly acked: number
  readonly bytes: number
  /** The last block is here. */
  readonly done: boolean
  /** The latest block out of order, since the last one in order; Infinity if there was none. */
  readonly gap: number
  /** The latest block that was here already, since the last one in order; Infinity if there was none. */
  readonly duplicate: number
  /** A pass after block 65535 began with 1: the sender rolls over to that, or its block 0 is lost. */
  readonly doubt: boolean
}

/** What to do with a DATA. @category models @since 0.1.0 */
export type Action =
  /** Write it. */
  | "Keep"
  /** Write it, then acknowledge. */
  | "KeepAck"
  /** Write it, see that all is safe, then acknowledge. */
  | "Last"
  /** Drop it and acknowledge, again, what is here. */
  | "Ack"
  /** Drop it. */
  | "Ignore"
  /** It is longer than the blksize: ERROR 4. */
  | "TooLong"
  /** With it there are more bytes than the limit: ERROR 3. */
  | "OverLimit"

/** Nothing received yet. @category constructors @since 0.1.0 */
export const start = (options: Options): State => ({
  windowsize: options.windowsize,
  blksize: options.blksize,
  rollover: options.rollover,
  tsize: options.tsize,
  limit: options.limit,
  received: 0,
  acked: 0,
  bytes: 0,
  done: false,
  gap: Infinity,
  duplicate: Infinity,
  doubt: false
})

/** The block number of an ACK now. @category getters @since 0.1.0 */
export const ackNumber = ({ received, rollover }: State): number => Blocks.toWire(rollover ?? 0, received)

/** Whether as many bytes came as were announced, if any were. @category getters @since 0.1.0 */
export const sizeMatches = ({ bytes, tsize }: State): boolean => tsize === undefined || bytes === tsize

/**
 * Nothing was heard in time, and what is here is acknowledged again: whatever comes now is a new pass.
 *
 * @category transitions
 * @since 0.1.0
 */
export const timedOut = (state: State): State => ({
  ...state,
  acked: state.received,
  gap: Infinity,
  duplicate: Infinity
})

const keep = (state: State, rollover: Blocks.Rollover | undefined, length: number): readonly [State, Action] => {
  const bytes = state.bytes + length
  if (state.limit !== undefined && bytes > state.limit) return [state, "OverLimit"]
  const received = state.received + 1
  const done = length < state.blksize
  const full = received - state.acked >= state.windowsize
  const acked = done || full ? received : state.acked
  return [
    { ...state, rollover, received, acked, bytes, done, gap: Infinity, duplicate: Infinity },
    done ? "Last" : full ? "KeepAck" : "Keep"
  ]
}

/**
 * A block came that is here already. If nothing new came since the last ACK, that one was lost: it is sent again, once
 * in a pass. Else the copies are the network's, or of a pass that overlaps with what is here, and the ACK is due when
 * the window is full; but when a second pass brings nothing new either, the sender counts its window from elsewhere.
 */
const duplicated = (state: State, block: number): readonly [State, Action] => {
  if (state.done) return [state, block === state.received ? "Ack" : "Ignore"]
  const known = state.duplicate !== Infinity
  const pass = block <= state.duplicate
  const again = pass && (known || state.acked === state.received)
  return [{ ...state, acked: again ? state.received : state.acked, duplicate: block }, again ? "Ack" : "Ignore"]
}

/** A block is missing before this one: say so, once in a pass. */
const missing = (state: State, block: number, doubt: boolean): readonly [State, Action] => {
  if (state.done) return [state, "Ignore"]
  const pass = block <= state.gap
  return [
    { ...state, acked: pass ? state.received : state.acked, gap: block, doubt: state.doubt || doubt },
    pass ? "Ack" : "Ignore"
  ]
}

/**
 * A DATA came with this number and this many bytes. In order it is kept, and acknowledged when it fills the window or
 * is the last; else it is dropped, and perhaps answered. When all is done, only the last block is answered: its ACK
 * was lost (RFC 1350 section 6).
 *
 * While the rollover is not known, 0 after 65535 tells it. So does 1 in lock-step; in a window that could also mean
 * that block 0 is lost and this is the one after it, so it has to begin two passes, and the size has to be known:
 * `sizeMatches` then finds what this got wrong. Without a size such a transfer cannot be told from a corrupt one, and
 * goes no further.
 *
 * @category transitions
 * @since 0.1.0
 */
export const data = (state: State, wire: number, length: number): readonly [State, Action] => {
  if (length > state.blksize) return [state, "TooLong"]
  const { received, windowsize } = state
  const rollover = state.rollover ?? 0
  const count = Blocks.ahead(rollover, received, wire)
  if (count === 1 && !state.done) {
    return keep(state, received === Blocks.most ? rollover : state.rollover, length)
  }
  const wrapped = wire === 1 && received === Blocks.most && state.rollover === undefined && !state.done
  if (wrapped && (windowsize === 1 || (state.doubt && state.tsize !== undefined))) {
    return keep(state, 1, length)
  }
  return count > windowsize || count === 0
    ? duplicated(state, received - Blocks.behind(rollover, received, wire))
    : missing(state, received + count, wrapped)
}
