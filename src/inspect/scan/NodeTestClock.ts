/**
 * Round-trip times of tests, without the time during which this thread was busy.
 *
 * It starts hundreds of tests before it looks for answers, and then has hundreds of answers. Measured from test to
 * callback, ports of this host seemed to be 15 to 60 ms away, and timeouts were ten times as long as needed.
 */

/** Tests that are started together. */
export interface Batch {
  /** Time at which all of them were started. */
  sentAtMillis: number
}

export interface TestClock {
  /** Starts tests, each of which keeps the batch. */
  readonly startBatch: (start: (batch: Batch) => void) => void
  /** Returns the time from the end of a batch to the first answer of this turn of the event loop. */
  readonly rttMillis: (batch: Batch) => number
}

/** Makes a clock of one thread. */
export const make = (): TestClock => {
  let turnAtMillis: number | undefined
  return {
    startBatch: (start) => {
      const batch: Batch = { sentAtMillis: performance.now() }
      start(batch)
      batch.sentAtMillis = performance.now()
    },
    rttMillis: ({ sentAtMillis }) => {
      if (turnAtMillis === undefined) {
        turnAtMillis = performance.now()
        setImmediate(() => {
          turnAtMillis = undefined
        })
      }
      return Math.max(0, turnAtMillis - sentAtMillis)
    }
  }
}
