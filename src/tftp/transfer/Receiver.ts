/**
 * The side that receives DATA, as a pure state machine: the client of a read request, the server of a write request.
 *
 * ```
 *       acked       received     missing  outOfOrder   acked + windowsize
 *   --------|-----------|-----------?------xxx--xx------------|----->  block
 *     acknowledged   in order                       may arrive
 * ```
 *
 * Blocks are delivered in order. A block received out of order is buffered until those before it have arrived, so that
 * reordering by the network loses nothing. A missing block is reported by a negative acknowledgement (NAK), which in
 * TFTP is an ACK of the block before it. The sender goes back after each NAK, so there is one per pass: a run of blocks
 * with rising numbers. The sender's window begins again after each ACK, so both ends count from the same block.
 */
import * as BlockNumber from "../protocol/BlockNumber.ts"

/** The parameters of a transfer that both ends agreed on. @category models @since 0.1.0 */
export interface Options {
  /** Blocks from ACK to ACK, 1 to 32,767: both ends compare numbers modulo 65,536. */
  readonly windowsize: number
  /** Bytes of a block; the first shorter block is the last. */
  readonly blksize: number
  /** The block number that follows 65,535 on the wire; undefined to learn it from the sender. */
  readonly rollover: BlockNumber.Rollover | undefined
  /** The size of the file in bytes, as announced by the sender; undefined if it was not. */
  readonly tsize: number | undefined
}

/**
 * The number of blocks that may overtake a missing one before it is taken for lost, as the three duplicate ACKs of
 * RFC 5681.
 */
const reorderThresholdBlocks = 3

/** The most bytes of blocks that are buffered out of order. */
const maxOutOfOrderBytes = 1_024 * 1_024

/** The state of a receiver. Blocks are counted from 1 without rollover. @category models @since 0.1.0 */
export interface State extends Options {
  /** The highest block received in order (RCV.NXT of RFC 9293 is one higher). */
  readonly received: number
  /** The block acknowledged last; the sender's window begins after it. */
  readonly acked: number
  /** Bytes of the blocks received in order. */
  readonly bytes: number
  /** True once all blocks up to the last are received in order. */
  readonly done: boolean
  /** The blocks received out of order, as a bit set: bit 0 is block `received + 2`. */
  readonly outOfOrder: bigint
  /** The last block of the file, if it was received out of order; else Infinity. */
  readonly lastBlock: number
  /** Bytes of `lastBlock`. */
  readonly lastBlockBytes: number
  /** The latest block out of order since the last one in order; Infinity if there was none. */
  readonly lastOutOfOrder: number
  /** True if a NAK was sent in this pass. */
  readonly nakSentThisPass: boolean
  /** True if a NAK was sent for the block after `received`, in any pass. */
  readonly nakSent: boolean
  /** The latest duplicate block since the last one in order; Infinity if there was none. */
  readonly lastDuplicate: number
  /** True if a pass after block 65,535 began with 1: the sender rolls over to 1, or its block 0 was lost. */
  readonly rolloverAmbiguous: boolean
}

/**
 * The reaction to a DATA packet. The three actions that deliver also deliver all buffered blocks up to
 * `State.received`.
 *
 * @category models
 * @since 0.1.0
 */
export type Action =
  /** Write the block. */
  | "Deliver"
  /** Write the block, then acknowledge. */
  | "DeliverAndAck"
  /** Write the block, commit the file, then acknowledge. */
  | "DeliverLast"
  /** Buffer the block: it is delivered when those before it have arrived. */
  | "Buffer"
  /** Buffer the block, and acknowledge `received` again. */
  | "BufferAndAck"
  /** Drop the block, and acknowledge `received` again. */
  | "Ack"
  /** Drop the block. */
  | "Ignore"
  /** The block is longer than the blksize: send ERROR 4. */
  | "TooLong"

const emptyBitmap = 0n

/** Returns the state before the first block is received. @category constructors @since 0.1.0 */
export const start = (options: Options): State => ({
  windowsize: options.windowsize,
  blksize: options.blksize,
  rollover: options.rollover,
  tsize: options.tsize,
  received: 0,
  acked: 0,
  bytes: 0,
  done: false,
  outOfOrder: emptyBitmap,
  lastBlock: Infinity,
  lastBlockBytes: 0,
  lastOutOfOrder: Infinity,
  nakSentThisPass: false,
  nakSent: false,
  lastDuplicate: Infinity,
  rolloverAmbiguous: false
})

/** Returns the number of a block on the wire. @category getters @since 0.1.0 */
export const toWire = ({ rollover }: State, block: number): number => BlockNumber.toWire(rollover ?? 0, block)

/** Returns the block number to acknowledge now. @category getters @since 0.1.0 */
export const ackNumber = (state: State): number => toWire(state, state.received)

/**
 * Returns true if the bytes received equal the announced `tsize`, or none was announced.
 *
 * @category getters
 * @since 0.1.0
 */
export const sizeMatches = ({ bytes, tsize }: State): boolean => tsize === undefined || bytes === tsize

/**
 * Handles an expired timer: `received` is acknowledged again, and the next block begins a new pass. Buffered blocks are
 * kept.
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

/** Handles the next block in order. */
const deliver = (
  state: State,
  rollover: BlockNumber.Rollover | undefined,
  length: number
): readonly [State, Action] => {
  if (state.outOfOrder !== emptyBitmap) return drain(state, length)
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
 * Handles a missing block that has arrived, and delivers the buffered blocks after it. If a NAK was sent for it, the
 * sender is about to resend them all: an ACK at once lets it skip those received. Copies already in transit then count
 * as duplicates.
 */
const drain = (state: State, length: number): readonly [State, Action] => {
  const { acked, blksize, lastBlock, nakSent, windowsize } = state
  const isShort = length < blksize
  let outOfOrder = isShort ? emptyBitmap : state.outOfOrder
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
      outOfOrder: done ? emptyBitmap : outOfOrder >> 1n,
      lastOutOfOrder: Infinity,
      nakSentThisPass: false,
      nakSent: nakSent && outOfOrder !== emptyBitmap,
      lastDuplicate: nakSent ? state.received : Infinity
    },
    done ? "DeliverLast" : sendAck ? "DeliverAndAck" : "Deliver"
  ]
}

/**
 * Handles a duplicate block. If no new block arrived since the last ACK, that ACK was lost and is sent again, once per
 * pass. Otherwise the network duplicated the block, or the pass overlaps with blocks received, and the ACK is due when
 * the window is full. If a second pass has no new block either, the sender counts its window from another block.
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
 * Handles a block after a missing one: buffers it if `maxOutOfOrderBytes` allows. A NAK is sent once per pass: when too
 * many blocks have overtaken the missing one for it to be only late, or when this block ends the window. A block
 * received before begins a new pass, unless it is a copy of the latest block, made by the network.
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
  const bit =
    isRolloverUnknown || (distance - 1) * blksize > maxOutOfOrderBytes ? emptyBitmap : 1n << BigInt(distance - 2)
  const isBuffered = (state.outOfOrder & bit) === bit
  const endsWindow = block >= acked + windowsize || length < blksize
  const isNewPass =
    isBuffered && (block < lastOutOfOrder || (block === lastOutOfOrder && (endsWindow || bit === emptyBitmap)))
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
 * Handles a DATA packet with a number as on the wire and a length in bytes. The next block in order is delivered, and
 * acknowledged if it fills the window or is the last. A block out of order is buffered. Any other is dropped, and may
 * be acknowledged. After the end only the last block is acknowledged: its ACK was lost (RFC 1350, section 6).
 *
 * While the rollover is unknown, number 0 after 65,535 determines it. So does 1 in lock-step. In a window, 1 may also
 * mean that block 0 is lost and this is the block after it. So 1 has to begin two passes, and the size has to be known:
 * `sizeMatches` then detects a wrong decision. Without a size such a transfer cannot be distinguished from a corrupt
 * one, and stops there.
 *
 * **Example** (Receive a window in which two blocks were reordered)
 *
 * ```ts
 * import { Receiver } from "effect-inet/tftp"
 *
 * let state = Receiver.start({ windowsize: 4, blksize: 512, rollover: 0, tsize: undefined })
 * const actions = [1, 3, 2, 4].map((number) => {
 *   const [next, action] = Receiver.data(state, number, number === 4 ? 100 : 512)
 *   state = next
 *   return action
 * })
 * actions // => ["Deliver", "Buffer", "Deliver", "DeliverLast"]
 * Receiver.ackNumber(state) // => 4
 * state.bytes // => 1636
 * ```
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
