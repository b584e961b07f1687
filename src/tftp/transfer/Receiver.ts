/**
 * The side that receives DATA, as a pure state machine: the client of a read request, the server of a write request.
 *
 * ```
 *        acked      received     missing    held      acked + windowsize
 *   --------|-----------|-----------?------xxx--xx------------|----->  block
 *     sender knows   in order                         may come
 * ```
 *
 * Blocks are kept in order. One that comes early is held until those before it are here: a network that lets packets
 * overtake each other loses nothing. A block that stays away is told of by an ACK of the one before it. The sender
 * goes back with each such ACK, so there is one in a pass: a run of blocks with rising numbers.
 * Its window begins anew after each ACK, so both ends count from the same block.
 */
import * as BlockNumber from "../protocol/BlockNumber.ts"

/** What both ends agreed on, and how much is taken. @category models @since 0.1.0 */
export interface Options {
  /** Blocks from ACK to ACK, 1 to 32767: both ends compare numbers modulo 65536. */
  readonly windowsize: number
  /** Bytes of a block; the first with fewer is the last. */
  readonly blksize: number
  /** The number that follows 65535; undefined learns it from the sender. */
  readonly rollover: BlockNumber.Rollover | undefined
  /** Bytes that the sender announced. */
  readonly tsize: number | undefined
}

/** So many blocks may overtake one before it is taken for lost. */
const reorderThresholdBlocks = 3

/** Bytes that are held at most. */
const maxOutOfOrderBytes = 1_024 * 1_024

/** Blocks are counted on from 1, without rollover. @category models @since 0.1.0 */
export interface State extends Options {
  /** The highest block in order. */
  readonly received: number
  /** The block acknowledged last; the sender's window begins after it. */
  readonly acked: number
  readonly bytes: number
  /** The last block is here. */
  readonly done: boolean
  /** Blocks that came early, as bits: the lowest is the block after the next one in order. */
  readonly outOfOrder: bigint
  /** A block that is held and shorter than the others: the last; Infinity if none is. */
  readonly lastBlock: number
  readonly lastBlockBytes: number
  /** The latest block out of order, since the last one in order; Infinity if there was none. */
  readonly lastOutOfOrder: number
  /** Whether this pass was told that a block is missing, and whether any was. */
  readonly nakSentThisPass: boolean
  readonly nakSent: boolean
  /** The latest block that was here already, since the last one in order; Infinity if there was none. */
  readonly lastDuplicate: number
  /** A pass after block 65535 began with 1: the sender rolls over to that, or its block 0 is lost. */
  readonly rolloverAmbiguous: boolean
}

/**
 * What to do with a DATA. With the three that write go all blocks up to `State.received` that are held.
 *
 * @category models
 * @since 0.1.0
 */
export type Action =
  /** Write it. */
  | "Deliver"
  /** Write it, then acknowledge. */
  | "DeliverAndAck"
  /** Write it, see that all is safe, then acknowledge. */
  | "DeliverLast"
  /** Hold it: `State.received` goes beyond it when those before it came. */
  | "Buffer"
  /** Hold it, and acknowledge, again, what is in order. */
  | "BufferAndAck"
  /** Drop it and acknowledge, again, what is here. */
  | "Ack"
  /** Drop it. */
  | "Ignore"
  /** It is longer than the blksize: ERROR 4. */
  | "TooLong"

const emptySet = 0n

/** Nothing received yet. @category constructors @since 0.1.0 */
export const start = (options: Options): State => ({
  windowsize: options.windowsize,
  blksize: options.blksize,
  rollover: options.rollover,
  tsize: options.tsize,
  received: 0,
  acked: 0,
  bytes: 0,
  done: false,
  outOfOrder: emptySet,
  lastBlock: Infinity,
  lastBlockBytes: 0,
  lastOutOfOrder: Infinity,
  nakSentThisPass: false,
  nakSent: false,
  lastDuplicate: Infinity,
  rolloverAmbiguous: false
})

/** The number of a block on the wire. @category getters @since 0.1.0 */
export const toWire = ({ rollover }: State, block: number): number => BlockNumber.toWire(rollover ?? 0, block)

/** The block number of an ACK now. @category getters @since 0.1.0 */
export const ackNumber = (state: State): number => toWire(state, state.received)

/** Whether as many bytes came as were announced, if any were. @category getters @since 0.1.0 */
export const sizeMatches = ({ bytes, tsize }: State): boolean => tsize === undefined || bytes === tsize

/**
 * Nothing was heard in time, and what is in order is acknowledged again: whatever comes now is a new pass. What is held
 * stays.
 *
 * @category transitions
 * @since 0.1.0
 */
export const timedOut = (state: State): State => ({
  ...state,
  acked: state.received,
  lastOutOfOrder: Infinity,
  nakSentThisPass: false,
  nakSent: true,
  lastDuplicate: Infinity
})

const deliver = (
  state: State,
  rollover: BlockNumber.Rollover | undefined,
  length: number
): readonly [State, Action] => {
  if (state.outOfOrder !== emptySet) return drain(state, length)
  const bytes = state.bytes + length
  const received = state.received + 1
  const done = length < state.blksize
  const isWindowFull = received - state.acked >= state.windowsize
  const acked = done || isWindowFull ? received : state.acked
  return [
    {
      ...state,
      rollover,
      received,
      acked,
      bytes,
      done,
      lastOutOfOrder: Infinity,
      nakSentThisPass: false,
      nakSent: false,
      lastDuplicate: Infinity
    },
    done ? "DeliverLast" : isWindowFull ? "DeliverAndAck" : "Deliver"
  ]
}

/**
 * The missing block came, and some that follow are held. If the sender was told that it is missing, it is about to send
 * those again, too, and learns at once how far it can skip. Their copies that are under way already say nothing.
 */
const drain = (state: State, length: number): readonly [State, Action] => {
  const { acked, blksize, lastBlock, nakSent, windowsize } = state
  const isShort = length < blksize
  let outOfOrder = isShort ? emptySet : state.outOfOrder
  let received = state.received + 1
  for (; (outOfOrder & 1n) === 1n && received < lastBlock; outOfOrder >>= 1n) received++
  const done = isShort || received >= lastBlock
  const sendAck = done || nakSent || received - acked >= windowsize
  const bufferedBytes = (received - state.received - 1) * blksize
  return [
    {
      ...state,
      received,
      acked: sendAck ? received : acked,
      bytes: state.bytes + (isShort || !done ? bufferedBytes + length : bufferedBytes + state.lastBlockBytes),
      done,
      outOfOrder: done ? emptySet : outOfOrder >> 1n,
      lastOutOfOrder: Infinity,
      nakSentThisPass: false,
      nakSent: nakSent && outOfOrder !== emptySet,
      lastDuplicate: nakSent ? state.received : Infinity
    },
    done ? "DeliverLast" : sendAck ? "DeliverAndAck" : "Deliver"
  ]
}

/**
 * A block came that is here already. If nothing new came since the last ACK, that one was lost: it is sent again, once
 * in a pass. Else the copies are the network's, or of a pass that overlaps with what is here, and the ACK is due when
 * the window is full; but when a second pass brings nothing new either, the sender counts its window from elsewhere.
 */
const onDuplicate = (state: State, block: number): readonly [State, Action] => {
  if (state.done) return [state, block === state.received ? "Ack" : "Ignore"]
  const hasDuplicate = state.lastDuplicate !== Infinity
  const isNewPass = block <= state.lastDuplicate
  const ackAgain = isNewPass && (hasDuplicate || state.acked === state.received)
  return [
    { ...state, acked: ackAgain ? state.received : state.acked, lastDuplicate: block },
    ackAgain ? "Ack" : "Ignore"
  ]
}

/**
 * A block is missing before this one. It is held, if it is near enough. The sender is told, once in a pass, when too
 * many have come for the missing one to be late only, or when this is the last of the window and no more can come. A
 * block that came before begins a new pass, unless it is the network's copy of the latest.
 */
const onOutOfOrder = (
  state: State,
  distance: number,
  length: number,
  rolloverAmbiguous: boolean
): readonly [State, Action] => {
  const { acked, blksize, lastBlock, lastOutOfOrder, received, rollover, windowsize } = state
  const block = received + distance
  if (state.done || block > lastBlock) return [state, "Ignore"]
  const isRolloverUnknown = rollover === undefined && block > BlockNumber.max
  const bit = isRolloverUnknown || (distance - 1) * blksize > maxOutOfOrderBytes ? emptySet : 1n << BigInt(distance - 2)
  const isBuffered = (state.outOfOrder & bit) === bit
  const endsWindow = block >= acked + windowsize || length < blksize
  const isNewPass =
    isBuffered && (block < lastOutOfOrder || (block === lastOutOfOrder && (endsWindow || bit === emptySet)))
  const isNakDue = isRolloverUnknown || endsWindow || distance - 1 > reorderThresholdBlocks
  const sendNak = isNakDue && (isNewPass || !state.nakSentThisPass)
  const isLast = length < blksize && !isBuffered
  return [
    {
      ...state,
      acked: sendNak ? received : acked,
      outOfOrder: state.outOfOrder | bit,
      lastBlock: isLast ? block : lastBlock,
      lastBlockBytes: isLast ? length : state.lastBlockBytes,
      lastOutOfOrder: block,
      nakSentThisPass: sendNak || (state.nakSentThisPass && !isNewPass),
      nakSent: state.nakSent || sendNak,
      rolloverAmbiguous: state.rolloverAmbiguous || rolloverAmbiguous
    },
    isBuffered ? (sendNak ? "Ack" : "Ignore") : sendNak ? "BufferAndAck" : "Buffer"
  ]
}

/**
 * A DATA came with this number and this many bytes. In order it is kept, and acknowledged when it fills the window or
 * is the last; early it is held; else it is dropped, and perhaps answered. When all is done, only the last block is
 * answered: its ACK was lost (RFC 1350 section 6).
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
  const distance = BlockNumber.ahead(rollover, received, wire)
  if (distance === 1 && !state.done) {
    return deliver(state, received === BlockNumber.max ? rollover : state.rollover, length)
  }
  const mayBeRollover = wire === 1 && received === BlockNumber.max && state.rollover === undefined && !state.done
  if (mayBeRollover && (windowsize === 1 || (state.rolloverAmbiguous && state.tsize !== undefined))) {
    return deliver(state, 1, length)
  }
  return distance > windowsize || distance === 0
    ? onDuplicate(state, received - BlockNumber.behind(rollover, received, wire))
    : onOutOfOrder(state, distance, length, mayBeRollover)
}
