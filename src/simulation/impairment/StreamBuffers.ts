/** Limits of the data that wait in impaired streams, so that a delay does not limit their rate. */
import * as HalfStream from "../stream/HalfStream.ts"

/** Bytes of a direction whose time has come, before its writer waits, or reading from the network pauses. */
const dueBytes = 65_536
/** Bytes of a direction that wait for their time: what Linux lets a receive window grow to. */
const delayedBytes = 6 * 2 ** 20
/** Pieces of a direction; a plan such as `chunk=1` makes small ones, each with its overhead. */
const maxPieces = 65_536

/** Bytes of all streams that wait. A direction may always have `dueBytes`. */
const totalBytes = 2 ** 28

/** The buffers of all streams of a network. */
export interface StreamBuffers {
  /** Returns true if a direction of a stream takes no more data for now. */
  readonly isFull: (side: HalfStream.Side, now: number) => boolean
  /** Counts bytes that are added to a buffer, or removed by a negative number. */
  readonly add: (bytes: number) => void
}

/**
 * Creates the buffers. `queueBytes` returns the limit of a direction with a bandwidth: a longer queue would only add to
 * the delay. It is undefined without one.
 */
export const make = (queueBytes: () => number | undefined): StreamBuffers => {
  let total = 0
  return {
    isFull: (side, now) => {
      const { queuedBytes } = side
      if (queuedBytes < dueBytes) return false
      const head = HalfStream.head(side)
      // Data that are due wait for a slow reader, and those of a stall for its end: more would not arrive earlier.
      if (head === undefined || head.dueNanos <= now || head.dueNanos === Number.POSITIVE_INFINITY) return true
      return queuedBytes >= (queueBytes() ?? delayedBytes) || side.pieces.length >= maxPieces || total >= totalBytes
    },
    add: (bytes) => {
      total += bytes
    }
  }
}
