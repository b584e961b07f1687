/**
 * The side that sends DATA, as a pure state machine: the server of a read request, the client of a write request.
 *
 * The window of RFC 7440 is a go-back-N: what follows the last block acknowledged may be sent, `windowsize` blocks of
 * it, and on bad news all of that is sent again. News is bad when the timer fires or when an ACK names a block within
 * the window: the receiver found the next one missing. What came after it the receiver threw away, or it holds it, and
 * then one block is enough to make it name the next that is missing. So a pass after a gap begins with that block, and
 * goes on when no answer came for a little more than a round trip.
 *
 * ```
 *             acked          next            sent     limit
 *   ------------|-------------|----------------|--------|----->  block
 *    have arrived  sent in this  sent earlier,  not yet
 *                  pass          to be sent     sent
 *                                again
 * ```
 *
 * A pass is one go at the blocks after `acked`. When a timer falsely fires, or the network doubles an ACK, both ends
 * could go on forever to answer each copy with a copy: the Sorcerer's Apprentice (RFC 1123, 4.2.3.1). At windowsize 1
 * an ACK seen before never causes DATA. Larger windows need it once, as it is all that a receiver can say of a window
 * whose first block is lost; what keeps the apprentice away there is said at `ack`.
 */
import * as BlockNumber from "../protocol/BlockNumber.ts"
import type * as Retransmission from "./Retransmission.ts"

/** What both ends agreed on. @category models @since 0.1.0 */
export interface Options {
  /** Blocks that may be sent ahead of their ACK, 1 to 32767: both ends compare numbers modulo 65536. */
  readonly windowsize: number
  /** The number that follows 65535. */
  readonly rollover: BlockNumber.Rollover
}

/** Blocks are counted on from 1, without rollover; times are in milliseconds. @category models @since 0.1.0 */
export interface State extends Options {
  /** Every block up to this one has arrived. */
  readonly highAck: number
  /** The block to send next. */
  readonly sndNext: number
  /** The highest block ever sent. */
  readonly highData: number
  /** The last block; Infinity while the source has not ended. */
  readonly last: number
  /** How many blocks go out back to back; its whole part counts. */
  readonly cwnd: number
  /** The last block of the burst that goes out now. */
  readonly burstEnd: number
  /** Duplicated ACKs up to this block say nothing: they may answer blocks that were sent twice. */
  readonly duplicateAckFloor: number
  /** When the first block of this pass went out; Infinity before. */
  readonly passStartedAt: number
  /** The newest block that went out once only: its ACK gives a round trip. 0 if there is none. */
  readonly rttBlock: number
  readonly rttSentAt: number
  /** The highest block sent before the sender last went back. */
  readonly recover: number
  /** How many pauses there still are before this pass goes on. */
  readonly probePausesLeft: number
  /** How many more passes are tried with one block; 0 for a receiver that throws away what comes early. */
  readonly probeCredit: number
  /** How many DATA went out again. */
  readonly resent: number
}

/** What an ACK meant. @category models @since 0.1.0 */
export type Verdict =
  /** More has arrived; `sample` is a round trip in ms, where one can be told for certain (Karn). */
  | { readonly _tag: "Progress"; readonly sample: number | undefined }
  /** The last block has arrived. */
  | { readonly _tag: "Done" }
  /** The receiver misses the block after `acked`, and `next` goes back to it. */
  | { readonly _tag: "Gap" }
  /** Old, from the future, or seen before. */
  | { readonly _tag: "Ignored" }

const untimed: Verdict = { _tag: "Progress", sample: undefined }
const done: Verdict = { _tag: "Done" }
const gap: Verdict = { _tag: "Gap" }
const ignored: Verdict = { _tag: "Ignored" }

/** The first burst: what a switch or a small socket buffer is sure to hold. */
const initialWindowBlocks = 16

/** Pauses for an answer to what a pass began with: each is a quarter of a round trip. */
const probePauses = 5

/** So many passes in a row begin with one block in vain before the receiver is not believed to hold any. */
const maxFailedProbes = 3

/** A receiver that has not shown that it does gets so many. */
const initialProbeCredit = 2

/** Blocks of a burst when the first was in vain: enough that a receiver takes that for lost, not late. */
const probeBurstBlocks = 4

/** Nothing sent yet. @category constructors @since 0.1.0 */
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
    rttBlock: 0,
    rttSentAt: 0,
    recover: 0,
    probePausesLeft: 0,
    probeCredit: initialProbeCredit,
    resent: 0
  }
}

/** The highest block that may be sent now: send while `next` is not above it. @category getters @since 0.1.0 */
export const limit = ({ highAck, last, windowsize }: State): number => Math.min(highAck + windowsize, last)

/** The number of a block on the wire. @category getters @since 0.1.0 */
export const toWire = BlockNumber.toWire

/** Block `next` went out at this time. @category transitions @since 0.1.0 */
export const sent = (state: State, at: number): State => {
  const { sndNext: block } = state
  const isResent = block <= state.highData
  return {
    ...state,
    sndNext: block + 1,
    highData: isResent ? state.highData : block,
    passStartedAt: Math.min(state.passStartedAt, at),
    rttBlock: isResent ? state.rttBlock : block,
    rttSentAt: isResent ? state.rttSentAt : at,
    resent: isResent ? state.resent + 1 : state.resent
  }
}

/** The source ended: this block, at least `next`, is the last. @category transitions @since 0.1.0 */
export const finish = (state: State, last: number): State => ({ ...state, last })

/**
 * Whether a burst is used up and more may be sent: pause a moment, then `resume`.
 *
 * A window larger than the buffers on the way loses its end each time it goes out at once. The window agreed on cannot
 * be made smaller, as the receiver only acknowledges full ones, so it is sent in parts.
 *
 * @category getters
 * @since 0.1.0
 */
export const shouldPause = (state: State): boolean => state.sndNext > state.burstEnd && state.sndNext <= limit(state)

/** A receiver that holds blocks is asked with few of them where it is. */
const burstSize = ({ probeCredit, recover, sndNext, probePausesLeft, cwnd }: State): number =>
  Math.floor(probeCredit > probePausesLeft && sndNext <= recover ? Math.min(cwnd, probeBurstBlocks) : cwnd)

/** Begins the next burst, or pauses once more. @category transitions @since 0.1.0 */
export const resume = (state: State): State =>
  state.probePausesLeft > 1
    ? {
        ...state,
        probePausesLeft: state.probePausesLeft - 1,
        burstEnd:
          state.probePausesLeft === probePauses + 1
            ? state.sndNext - 1 + Math.floor(Math.min(probeBurstBlocks, state.cwnd))
            : state.burstEnd
      }
    : {
        ...state,
        burstEnd: state.sndNext - 1 + burstSize(state),
        probePausesLeft: 0,
        probeCredit: state.probeCredit - state.probePausesLeft
      }

/**
 * Begins a new pass after `acked`. The burst shrinks to half, but not below the part of it that arrived. Nothing is
 * timed across a pass: an ACK could answer either copy (Karn's rule, RFC 6298 section 3).
 */
const goBack = (state: State, highAck: number, arrived: number, duplicateAckFloor: number): State => {
  const cwnd = Math.max(state.cwnd / 2, arrived, 1)
  return {
    ...state,
    highAck,
    sndNext: highAck + 1,
    cwnd,
    burstEnd: highAck + Math.floor(cwnd),
    duplicateAckFloor,
    recover: state.highData,
    probePausesLeft: 0,
    passStartedAt: Infinity,
    rttBlock: 0
  }
}

/** Begins with one block the pass after a gap, if the receiver may hold others. */
const startProbe = (state: State): State =>
  state.probeCredit > 0 ? { ...state, burstEnd: state.sndNext, probePausesLeft: 2 * probePauses } : state

/** Nothing was heard in time: what is not acknowledged goes out again. @category transitions @since 0.1.0 */
export const timedOut = (state: State): State => startProbe(goBack(state, state.highAck, 0, state.highData))

/**
 * An ACK came, at this time. What the RTT is for: an answer takes at least as long as the quickest one so far, so an
 * ACK that comes sooner after a pass began, by half of that, cannot speak of this pass.
 *
 * | block acknowledged | meaning |
 * | --- | --- |
 * | the last | `Done` |
 * | the highest sent | `Progress`: the window moves and opens by half of what arrived |
 * | between, sent in this pass | `Gap`: go back to the one after it; `Progress` if this pass has sent that again |
 * | between, not sent in this pass | `Progress`: the receiver holds it; go on after it |
 * | `acked`, again | `Gap`, when the first block of a window seems lost; else `Ignored` |
 * | any other | `Ignored`: below is old, above was never sent |
 *
 * The same ACK again makes the sender go back only if the windowsize is not 1, an RTT is known, the ACK is not too
 * early, and no block up to `acked` was sent twice by a timer or by this rule. So a doubled ACK costs nothing, one that
 * also comes late costs one window once, and the duplicates of that window cost nothing again.
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
  const { highAck, sndNext, cwnd } = state
  const newlyAcked = BlockNumber.ahead(state.rollover, highAck, wire)
  const block = highAck + newlyAcked
  if (block > state.highData) return [state, ignored]
  const isTooEarly = rtt !== undefined && at - state.passStartedAt < rtt.lowest / 2
  if (newlyAcked === 0) {
    const isFirstLost = state.windowsize > 1 && rtt !== undefined && !isTooEarly && highAck > state.duplicateAckFloor
    return isFirstLost ? [startProbe(goBack(state, highAck, 0, state.highData)), gap] : [state, ignored]
  }
  if (block < state.highData) {
    if (block + 1 >= sndNext) {
      const skipped: State = {
        ...state,
        highAck: block,
        sndNext: block + 1,
        probeCredit: maxFailedProbes,
        passStartedAt: Infinity,
        rttBlock: 0
      }
      return [startProbe(skipped), untimed]
    }
    return isTooEarly || (state.probeCredit > 0 && block < state.recover)
      ? [{ ...state, highAck: block }, untimed]
      : [startProbe(goBack(state, block, newlyAcked % Math.floor(cwnd), state.duplicateAckFloor)), gap]
  }
  const cwndOpened = Math.min(state.windowsize, cwnd + newlyAcked / 2)
  const advanced: State = {
    ...state,
    highAck: block,
    sndNext: block + 1,
    cwnd: cwndOpened,
    burstEnd: block + Math.floor(cwndOpened),
    probePausesLeft: 0,
    passStartedAt: Infinity,
    rttBlock: 0
  }
  if (block === state.last) return [advanced, done]
  return [advanced, state.rttBlock === block ? { _tag: "Progress", sample: at - state.rttSentAt } : untimed]
}
