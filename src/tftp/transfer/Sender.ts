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
  readonly acked: number
  /** The block to send next. */
  readonly next: number
  /** The highest block ever sent. */
  readonly sent: number
  /** The last block; Infinity while the source has not ended. */
  readonly last: number
  /** How many blocks go out back to back; its whole part counts. */
  readonly window: number
  /** The last block of the burst that goes out now. */
  readonly burst: number
  /** Duplicated ACKs up to this block say nothing: they may answer blocks that were sent twice. */
  readonly doubtful: number
  /** When the first block of this pass went out; Infinity before. */
  readonly passAt: number
  /** The newest block that went out once only: its ACK gives a round trip. 0 if there is none. */
  readonly timed: number
  readonly timedAt: number
  /** The highest block sent before the sender last went back. */
  readonly known: number
  /** How many pauses there still are before this pass goes on. */
  readonly probing: number
  /** How many more passes are tried with one block; 0 for a receiver that throws away what comes early. */
  readonly holds: number
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
const firstWindow = 16

/** Pauses for an answer to what a pass began with: each is a quarter of a round trip. */
const patience = 5

/** So many passes in a row begin with one block in vain before the receiver is not believed to hold any. */
const trust = 3

/** A receiver that has not shown that it does gets so many. */
const credit = 2

/** Blocks of a burst when the first was in vain: enough that a receiver takes that for lost, not late. */
const few = 4

/** Nothing sent yet. @category constructors @since 0.1.0 */
export const start = ({ rollover, windowsize }: Options): State => {
  const window = Math.min(windowsize, firstWindow)
  return {
    windowsize,
    rollover,
    acked: 0,
    next: 1,
    sent: 0,
    last: Infinity,
    window,
    burst: window,
    doubtful: -1,
    passAt: Infinity,
    timed: 0,
    timedAt: 0,
    known: 0,
    probing: 0,
    holds: credit,
    resent: 0
  }
}

/** The highest block that may be sent now: send while `next` is not above it. @category getters @since 0.1.0 */
export const limit = ({ acked, last, windowsize }: State): number => Math.min(acked + windowsize, last)

/** The number of a block on the wire. @category getters @since 0.1.0 */
export const toWire = BlockNumber.toWire

/** Block `next` went out at this time. @category transitions @since 0.1.0 */
export const sent = (state: State, at: number): State => {
  const { next: block } = state
  const again = block <= state.sent
  return {
    ...state,
    next: block + 1,
    sent: again ? state.sent : block,
    passAt: Math.min(state.passAt, at),
    timed: again ? state.timed : block,
    timedAt: again ? state.timedAt : at,
    resent: again ? state.resent + 1 : state.resent
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
export const pause = (state: State): boolean => state.next > state.burst && state.next <= limit(state)

/** A receiver that holds blocks is asked with few of them where it is. */
const burstOf = ({ holds, known, next, probing, window }: State): number =>
  Math.floor(holds > probing && next <= known ? Math.min(window, few) : window)

/** Begins the next burst, or pauses once more. @category transitions @since 0.1.0 */
export const resume = (state: State): State =>
  state.probing > 1
    ? {
        ...state,
        probing: state.probing - 1,
        burst: state.probing === patience + 1 ? state.next - 1 + Math.floor(Math.min(few, state.window)) : state.burst
      }
    : { ...state, burst: state.next - 1 + burstOf(state), probing: 0, holds: state.holds - state.probing }

/**
 * Begins a new pass after `acked`. The burst shrinks to half, but not below the part of it that arrived. Nothing is
 * timed across a pass: an ACK could answer either copy (Karn's rule, RFC 6298 section 3).
 */
const goBack = (state: State, acked: number, arrived: number, doubtful: number): State => {
  const window = Math.max(state.window / 2, arrived, 1)
  return {
    ...state,
    acked,
    next: acked + 1,
    window,
    burst: acked + Math.floor(window),
    doubtful,
    known: state.sent,
    probing: 0,
    passAt: Infinity,
    timed: 0
  }
}

/** Begins with one block the pass after a gap, if the receiver may hold others. */
const probed = (state: State): State =>
  state.holds > 0 ? { ...state, burst: state.next, probing: 2 * patience } : state

/** Nothing was heard in time: what is not acknowledged goes out again. @category transitions @since 0.1.0 */
export const timedOut = (state: State): State => probed(goBack(state, state.acked, 0, state.sent))

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
  rtt: Retransmission.Rtt | undefined
): readonly [State, Verdict] => {
  const { acked, next, window } = state
  const count = BlockNumber.ahead(state.rollover, acked, wire)
  const block = acked + count
  if (block > state.sent) return [state, ignored]
  const early = rtt !== undefined && at - state.passAt < rtt.lowest / 2
  if (count === 0) {
    const lost = state.windowsize > 1 && rtt !== undefined && !early && acked > state.doubtful
    return lost ? [probed(goBack(state, acked, 0, state.sent)), gap] : [state, ignored]
  }
  if (block < state.sent) {
    if (block + 1 >= next) {
      const skipped = { ...state, acked: block, next: block + 1, holds: trust, passAt: Infinity, timed: 0 }
      return [probed(skipped), untimed]
    }
    return early || (state.holds > 0 && block < state.known)
      ? [{ ...state, acked: block }, untimed]
      : [probed(goBack(state, block, count % Math.floor(window), state.doubtful)), gap]
  }
  const opened = Math.min(state.windowsize, window + count / 2)
  const moved: State = {
    ...state,
    acked: block,
    next: block + 1,
    window: opened,
    burst: block + Math.floor(opened),
    probing: 0,
    passAt: Infinity,
    timed: 0
  }
  if (block === state.last) return [moved, done]
  return [moved, state.timed === block ? { _tag: "Progress", sample: at - state.timedAt } : untimed]
}
