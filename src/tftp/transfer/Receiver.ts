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
import * as OutOfOrderSet from "./OutOfOrderSet.ts"

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
  /** The blocks received out of order, by their distance from `received`. */
  readonly outOfOrder: OutOfOrderSet.OutOfOrderSet
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
  outOfOrder: OutOfOrderSet.empty,
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

/**
 * Handles the block after `received`, and delivers the blocks buffered after it. If a NAK was sent for it, the sender
 * is about to resend those too: an ACK at once lets it skip them. Copies already in transit then count as duplicates.
 *
 * | condition, the first that holds | action |
 * | --- | --- |
 * | the last block of the file is delivered | `DeliverLast` |
 * | a NAK was sent for the block, and blocks after it were buffered | `DeliverAndAck` |
 * | the window is full | `DeliverAndAck` |
 * | else | `Deliver` |
 */
const onNext = (state: State, rollover: BlockNumber.Rollover | undefined, length: number): readonly [State, Action] => {
  const { acked, blksize, lastBlock, outOfOrder } = state
  const isShort = length < blksize
  const isRepair = state.nakSent && !OutOfOrderSet.isEmpty(outOfOrder)
  const [run, rest] = OutOfOrderSet.advance(isShort ? OutOfOrderSet.empty : outOfOrder)
  const received = Math.min(state.received + 1 + run, lastBlock)
  const isLastBuffered = received === lastBlock && !isShort
  const done = isShort || isLastBuffered
  const sendAck = done || isRepair || received - acked >= state.windowsize
  // Buffered blocks are full, except perhaps the last of the file.
  const bytesMissingInLast = isLastBuffered ? blksize - state.lastBlockBytes : 0
  const bufferedBytes = (received - state.received - 1) * blksize - bytesMissingInLast
  const next: State = {
    ...state,
    rollover,
    received,
    acked: sendAck ? received : acked,
    bytes: state.bytes + length + bufferedBytes,
    done,
    outOfOrder: done ? OutOfOrderSet.empty : rest,
    lastOutOfOrder: Infinity,
    nakSentThisPass: false,
    nakSent: isRepair && !OutOfOrderSet.isEmpty(rest),
    lastDuplicate: isRepair ? state.received : Infinity
  }
  if (done) return [next, "DeliverLast"]
  return [next, sendAck ? "DeliverAndAck" : "Deliver"]
}

/**
 * Handles a duplicate block. A pass of duplicates begins with a block that is not after the previous duplicate.
 *
 * | duplicate | meaning | action |
 * | --- | --- | --- |
 * | of the last block of the file | its ACK was lost | `Ack` |
 * | of another block, after the end | | `Ignore` |
 * | not the first of its pass | | `Ignore` |
 * | first of a pass, no new block since the last ACK | that ACK was lost | `Ack` |
 * | first of a second pass without a new block | the sender counts its window from another block | `Ack` |
 * | first of another pass | a copy by the network, or the pass overlaps with blocks received | `Ignore` |
 */
const onDuplicate = (state: State, block: number): readonly [State, Action] => {
  if (state.done) return [state, block === state.received ? "Ack" : "Ignore"]
  const isFirstOfPass = block <= state.lastDuplicate
  const isSecondPass = state.lastDuplicate !== Infinity
  return isFirstOfPass && (isSecondPass || state.acked === state.received)
    ? [{ ...state, acked: state.received, lastDuplicate: block }, "Ack"]
    : [{ ...state, lastDuplicate: block }, "Ignore"]
}

/** The place of a block out of order: to be buffered, buffered before, or impossible to buffer. */
type Place = "New" | "Buffered" | "Unbufferable"

/** Returns the place of a block; a block is not buffered if its number is ambiguous, or it is too far ahead. */
const placeOf = ({ blksize, outOfOrder }: State, distance: number, isRolloverUnknown: boolean): Place => {
  if (isRolloverUnknown || (distance - 1) * blksize > maxOutOfOrderBytes) return "Unbufferable"
  return OutOfOrderSet.has(outOfOrder, distance) ? "Buffered" : "New"
}

/**
 * Returns true if a block out of order begins a new pass: it comes again, and the numbers no longer rise. The latest
 * block again is a copy made by the network, except at the end of the window, where it may be all that a pass repeats.
 */
const beginsPass = (place: Place, block: number, lastOutOfOrder: number, endsWindow: boolean): boolean => {
  switch (place) {
    case "New":
      return false
    case "Buffered":
      return endsWindow ? block <= lastOutOfOrder : block < lastOutOfOrder
    case "Unbufferable":
      return block <= lastOutOfOrder
  }
}

/**
 * Handles a block after a missing one. A NAK is due when too many blocks have overtaken the missing one for it to be
 * only late, when this block ends the window, and when its number is ambiguous. It is sent once per pass.
 *
 * | block | NAK is due and not yet sent in this pass | action |
 * | --- | --- | --- |
 * | after the last block of the file | | `Ignore` |
 * | new | yes | `BufferAndAck` |
 * | new | no | `Buffer` |
 * | buffered before, or unbufferable | yes | `Ack` |
 * | buffered before, or unbufferable | no | `Ignore` |
 */
const onOutOfOrder = (
  state: State,
  distance: number,
  length: number,
  rolloverAmbiguous: boolean
): readonly [State, Action] => {
  const { acked, blksize, lastBlock, outOfOrder, received, windowsize } = state
  const block = received + distance
  if (state.done || block > lastBlock) return [state, "Ignore"]
  const isRolloverUnknown = state.rollover === undefined && block > BlockNumber.max
  const place = placeOf(state, distance, isRolloverUnknown)
  const isNew = place === "New"
  const endsWindow = block >= acked + windowsize || length < blksize
  const isNewPass = beginsPass(place, block, state.lastOutOfOrder, endsWindow)
  const isNakDue = isRolloverUnknown || endsWindow || distance - 1 > reorderThresholdBlocks
  const wasNakSent = state.nakSentThisPass && !isNewPass
  const sendNak = isNakDue && !wasNakSent
  const isLast = isNew && length < blksize
  const next: State = {
    ...state,
    acked: sendNak ? received : acked,
    outOfOrder: isNew ? OutOfOrderSet.add(outOfOrder, distance) : outOfOrder,
    lastBlock: isLast ? block : lastBlock,
    lastBlockBytes: isLast ? length : state.lastBlockBytes,
    lastOutOfOrder: block,
    nakSentThisPass: sendNak || wasNakSent,
    nakSent: state.nakSent || sendNak,
    rolloverAmbiguous: state.rolloverAmbiguous || rolloverAmbiguous
  }
  if (isNew) return [next, sendNak ? "BufferAndAck" : "Buffer"]
  return [next, sendNak ? "Ack" : "Ignore"]
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
    return onNext(state, received === BlockNumber.max ? rollover : state.rollover, length)
  }
  const mayBeRollover = wire === 1 && received === BlockNumber.max && state.rollover === undefined && !state.done
  if (mayBeRollover && (windowsize === 1 || (state.rolloverAmbiguous && state.tsize !== undefined))) {
    return onNext(state, 1, length)
  }
  return distance > windowsize || distance === 0
    ? onDuplicate(state, received - BlockNumber.behind(rollover, received, wire))
    : onOutOfOrder(state, distance, length, mayBeRollover)
}
