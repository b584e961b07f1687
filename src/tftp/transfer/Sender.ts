/**
 * The side that sends DATA, as a pure state machine: the server of a read request, the client of a write request.
 *
 * The window of RFC 7440 works as go-back-N: `windowsize` blocks after the last acknowledged one may be sent, and all
 * of them are sent again when one seems lost. A block seems lost when the retransmission timer expires, or when an ACK
 * names a block within the window: the receiver found the next one missing. A receiver discards the blocks after it, or
 * buffers them, and then one block is enough to make it acknowledge up to the next missing one. So a pass after a gap
 * begins with a probe of that block, and continues if no ACK arrives for a little more than a round trip time.
 *
 * ```
 *            highAck        sndNext         highData   limit
 *   ------------|-------------|----------------|--------|----->  block
 *    acknowledged  sent in this  sent in an     not yet
 *                  pass          earlier pass,  sent
 *                                to be resent
 * ```
 *
 * A pass is one transmission of the blocks after `highAck`, in order. When a timer expires too early, or the network
 * duplicates an ACK, both ends could answer each copy with a copy forever: the Sorcerer's Apprentice Syndrome (RFC
 * 1123, section 4.2.3.1). With windowsize 1 a duplicate ACK therefore never causes DATA. A larger window needs that
 * once, because a duplicate ACK is all that a receiver can send if the first block of a window is lost; `ack` describes
 * how the syndrome is prevented there.
 *
 * **Example** (Send three blocks in a window of two)
 *
 * ```ts
 * import { Sender } from "effect-inet/tftp"
 *
 * let state = Sender.finish(Sender.start({ windowsize: 2, rollover: 0 }), 3)
 * const sent: Array<number> = []
 * const sendWindow = (now: number) => {
 *   while (state.sndNext <= Sender.limit(state)) {
 *     sent.push(Sender.toWire(state.rollover, state.sndNext))
 *     state = Sender.sent(state, now)
 *   }
 * }
 * sendWindow(0)
 * sent // => [1, 2]
 *
 * const [next, verdict] = Sender.ack(state, 2, 10, undefined)
 * verdict // => { _tag: "Progress", sample: 10 }
 * state = next
 * sendWindow(10)
 * sent // => [1, 2, 3]
 * Sender.ack(state, 3, 20, undefined)[1] // => { _tag: "Done" }
 * ```
 */
import * as BlockNumber from "../protocol/BlockNumber.ts"
import type * as Retransmission from "./Retransmission.ts"

/** The parameters of a transfer that both ends agreed on. @category models @since 0.1.0 */
export interface Options {
  /** Blocks that may be sent ahead of their ACK, 1 to 32,767: both ends compare numbers modulo 65,536. */
  readonly windowsize: number
  /** The block number that follows 65,535 on the wire. */
  readonly rollover: BlockNumber.Rollover
}

/**
 * The state of a sender. Blocks are counted from 1 without rollover; times are in milliseconds.
 *
 * @category models
 * @since 0.1.0
 */
export interface State extends Options {
  /** The highest block acknowledged: every block up to it has arrived (HighACK of RFC 6675; SND.UNA is one higher). */
  readonly highAck: number
  /** The block to send next (SND.NXT of RFC 9293). */
  readonly sndNext: number
  /** The highest block ever sent (HighData of RFC 6675). */
  readonly highData: number
  /** The last block of the file; Infinity while the end of the source is unknown. */
  readonly last: number
  /** The congestion window (RFC 5681), in blocks: the size of a burst, rounded down. From 1 to `windowsize`. */
  readonly cwnd: number
  /** The last block of the current burst. */
  readonly burstEnd: number
  /** The block up to which duplicate ACKs are ignored: they may answer blocks that were sent twice. -1 for none. */
  readonly duplicateAckFloor: number
  /** The time at which the first block of this pass was sent; Infinity before. */
  readonly passStartedAt: number
  /** The time at which `highData` was sent, if its ACK gives a round trip time (Karn's rule); else undefined. */
  readonly highDataSentAt: number | undefined
  /** The highest block sent when the sender last went back (recover of RFC 6582). */
  readonly recover: number
  /** The pauses that this pass still waits for the ACK of its probe; 0 for no probe. */
  readonly probePausesLeft: number
  /** The number of probes that may still fail; 0 for a receiver that discards blocks received out of order. */
  readonly probeCredit: number
  /** The number of DATA packets sent again. */
  readonly resent: number
}

/** The meaning of an ACK. @category models @since 0.1.0 */
export type Verdict =
  /** More blocks have arrived. `sample` is a round trip time in ms, undefined if the ACK gives none (Karn's rule). */
  | { readonly _tag: "Progress"; readonly sample: number | undefined }
  /** The last block has arrived. */
  | { readonly _tag: "Done" }
  /** The receiver misses the block after `highAck`; `sndNext` goes back to it. */
  | { readonly _tag: "Gap" }
  /** The ACK is old, a duplicate, or names a block never sent. */
  | { readonly _tag: "Ignored" }

const untimed: Verdict = { _tag: "Progress", sample: undefined }
const done: Verdict = { _tag: "Done" }
const gap: Verdict = { _tag: "Gap" }
const ignored: Verdict = { _tag: "Ignored" }

/** The size of the first burst: the queue of a switch or a small socket buffer holds it. */
const initialWindowBlocks = 16

/** The pauses, each a quarter of a round trip time, that a sender waits for the ACK of a probe, twice. */
const probePauses = 5

/** The failed probes in a row after which a receiver is assumed to discard blocks received out of order. */
const maxFailedProbes = 3

/** The failed probes allowed before a receiver has shown that it buffers blocks. */
const initialProbeCredit = 2

/** The burst after an unanswered probe: enough blocks that a receiver takes the probed one for lost, not reordered. */
const probeBurstBlocks = 4

/** Returns the state before the first block is sent. @category constructors @since 0.1.0 */
export const start = ({ rollover, windowsize }: Options): State => {
  const cwnd = Math.min(windowsize, initialWindowBlocks)
  return {
    windowsize,
    rollover,
    highAck: 0,
    sndNext: 1,
    highData: 0,
    last: Infinity,
    cwnd,
    burstEnd: cwnd,
    duplicateAckFloor: -1,
    passStartedAt: Infinity,
    highDataSentAt: undefined,
    recover: 0,
    probePausesLeft: 0,
    probeCredit: initialProbeCredit,
    resent: 0
  }
}

/** Returns the highest block that may be sent now: send up to it. @category getters @since 0.1.0 */
export const limit = ({ highAck, last, windowsize }: State): number => Math.min(highAck + windowsize, last)

/** Returns the number of a block on the wire. @category getters @since 0.1.0 */
export const toWire = BlockNumber.toWire

/** Records that block `sndNext` was sent at a time. @category transitions @since 0.1.0 */
export const sent = (state: State, at: number): State => {
  const { sndNext: block } = state
  const isResent = block <= state.highData
  return {
    ...state,
    sndNext: block + 1,
    highData: isResent ? state.highData : block,
    passStartedAt: Math.min(state.passStartedAt, at),
    highDataSentAt: isResent ? state.highDataSentAt : at,
    resent: isResent ? state.resent + 1 : state.resent
  }
}

/** Records the last block, once the source has ended; it is at least `sndNext`. @category transitions @since 0.1.0 */
export const finish = (state: State, last: number): State => ({ ...state, last })

/**
 * Returns true if a burst has ended and more blocks may be sent: pause, then call `resume`.
 *
 * A window larger than the buffers on the path loses its end whenever it is sent back to back. The agreed window cannot
 * be reduced, because the receiver acknowledges full windows only, so it is sent in several bursts.
 *
 * @category getters
 * @since 0.1.0
 */
export const shouldPause = (state: State): boolean => state.sndNext > state.burstEnd && state.sndNext <= limit(state)

/** Starts a burst of at most `blocks` blocks, and at most `cwnd`. */
const startBurst = (state: State, blocks: number): State => ({
  ...state,
  burstEnd: state.sndNext - 1 + Math.floor(Math.min(blocks, state.cwnd))
})

/** Starts the burst after a pause: small while blocks are resent to a receiver that may have buffered them. */
const nextBurst = (state: State): State =>
  startBurst(state, state.probeCredit > 0 && state.sndNext <= state.recover ? probeBurstBlocks : state.cwnd)

/**
 * Ends a pause. Without a probe, the next burst starts. After a probe, the pass waits for `probePauses` pauses, sends a
 * small burst, waits for as many pauses again, and then continues: the probe has failed.
 *
 * @category transitions
 * @since 0.1.0
 */
export const resume = (state: State): State => {
  if (state.probePausesLeft === 0) return nextBurst(state)
  const waited = { ...state, probePausesLeft: state.probePausesLeft - 1 }
  switch (waited.probePausesLeft) {
    case probePauses:
      return startBurst(waited, probeBurstBlocks)
    case 0:
      return nextBurst({ ...waited, probeCredit: state.probeCredit - 1 })
    default:
      return waited
  }
}

/**
 * Starts a new pass after `highAck`, with a burst of `cwnd` blocks. No round trip is measured across passes: an ACK
 * could answer either copy (Karn's rule, RFC 6298 section 3).
 */
const startPass = (state: State, highAck: number, cwnd: number): State => ({
  ...state,
  highAck,
  sndNext: highAck + 1,
  cwnd,
  burstEnd: highAck + Math.floor(cwnd),
  passStartedAt: Infinity,
  highDataSentAt: undefined,
  probePausesLeft: 0
})

/** Begins a pass with a probe, a burst of one block, if the receiver may have buffered the blocks after it. */
const startProbe = (state: State): State =>
  state.probeCredit > 0 ? { ...state, burstEnd: state.sndNext, probePausesLeft: 2 * probePauses } : state

/**
 * Goes back to the block after `highAck`, which seems lost. The congestion window is halved (RFC 5681, section 3.1),
 * but not below the number of blocks of a burst that arrived: the path has just held those.
 */
const goBack = (state: State, highAck: number, arrivedOfBurst: number): State =>
  startProbe({ ...startPass(state, highAck, Math.max(state.cwnd / 2, arrivedOfBurst, 1)), recover: state.highData })

/** Handles an expired timer: all unacknowledged blocks are sent again. @category transitions @since 0.1.0 */
export const timedOut = (state: State): State => ({
  ...goBack(state, state.highAck, 0),
  duplicateAckFloor: state.highData
})

/** Handles an ACK of `highData`: the window moves, and the congestion window opens. */
const onNewHighest = (state: State, newlyAcked: number, at: number): readonly [State, Verdict] => {
  const { highData, highDataSentAt } = state
  const next = startPass(state, highData, Math.min(state.windowsize, state.cwnd + newlyAcked / 2))
  if (highData === state.last) return [next, done]
  return [next, highDataSentAt === undefined ? untimed : { _tag: "Progress", sample: at - highDataSentAt }]
}

/** Handles an ACK of a block that this pass has not reached: the receiver had buffered it, so it buffers blocks. */
const onSkip = (state: State, block: number): readonly [State, Verdict] => [
  startProbe({ ...startPass(state, block, state.cwnd), probeCredit: maxFailedProbes }),
  untimed
]

/**
 * Handles a partial acknowledgement (RFC 6582): the block after `block` is missing. If this pass has just sent it
 * again, nothing is resent: the ACK is too early to answer that copy, or the receiver buffers blocks and acknowledges
 * each gap that is filled, while the copy for the next gap is on its way. A second such ACK is a duplicate.
 *
 * The blocks after `highAck` were sent in bursts of `cwnd`, so the remainder of a division by `cwnd` is the number that
 * arrived of the burst with the missing block.
 */
const onPartial = (state: State, block: number, isTooEarly: boolean): readonly [State, Verdict] => {
  const isAlreadyResent = isTooEarly || (state.probeCredit > 0 && block < state.recover)
  if (isAlreadyResent) return [{ ...state, highAck: block }, untimed]
  return [goBack(state, block, (block - state.highAck) % Math.floor(state.cwnd)), gap]
}

/**
 * Handles a duplicate ACK. It goes back as if the timer had expired if the windowsize is not 1, a round trip time is
 * known, the ACK is not too early, and no block up to `highAck` was sent twice by a timer or by this rule.
 */
const onDuplicate = (state: State, mayAnswerPass: boolean): readonly [State, Verdict] =>
  state.windowsize > 1 && mayAnswerPass && state.highAck > state.duplicateAckFloor
    ? [timedOut(state), gap]
    : [state, ignored]

/**
 * Handles an ACK, received at a time in ms. The round trip estimate detects ACKs that are too early: a reply takes at
 * least the lowest round trip time, so an ACK within half of it after the start of a pass does not answer this pass.
 *
 * | block acknowledged | handled by | meaning |
 * | --- | --- | --- |
 * | below `highAck`, above `highData` | | `Ignored`: it is old, or was never sent |
 * | `highAck`, again | `onDuplicate` | `Gap` if the first block of a window seems lost, else `Ignored` |
 * | `highData` | `onNewHighest` | `Progress`: `cwnd` grows by half of the acknowledged blocks; `Done` at the last |
 * | between, not sent in this pass | `onSkip` | `Progress`: the receiver had buffered it; continue after it |
 * | between, sent in this pass | `onPartial` | `Gap`: go back; `Progress` if this pass has just sent the next block |
 *
 * So a duplicate ACK that arrives at once costs nothing, a late one costs one window once, and the duplicates of that
 * window cost nothing.
 *
 * @category transitions
 * @since 0.1.0
 */
export const ack = (
  state: State,
  wire: number,
  at: number,
  rtt: Retransmission.RttEstimate | undefined
): readonly [State, Verdict] => {
  const newlyAcked = BlockNumber.ahead(state.rollover, state.highAck, wire)
  const block = state.highAck + newlyAcked
  const isTooEarly = rtt !== undefined && at - state.passStartedAt < rtt.lowest / 2
  if (block > state.highData) return [state, ignored]
  if (newlyAcked === 0) return onDuplicate(state, rtt !== undefined && !isTooEarly)
  if (block === state.highData) return onNewHighest(state, newlyAcked, at)
  return block + 1 >= state.sndNext ? onSkip(state, block) : onPartial(state, block, isTooEarly)
}
