/** The faults of simulated workers. */

/** The faults of a worker: for each packet a probability, 0 to 1. */
export interface FaultProfile {
  readonly capacity: number
  /** The time for a unit. */
  readonly millisPerUnit: number
  /** The longest delay of a message. */
  readonly maxDelayMillis: number
  readonly crash: number
  readonly hang: number
  readonly duplicate: number
  readonly garbage: number
  readonly throw: number
  /** Its reports are delayed, possibly beyond the lease. */
  readonly partition: number
  /** True if it does not restart after a crash. */
  readonly staysDown: boolean
  /** True if it never reports the outcome of a packet on which it hangs, even after a cancel. */
  readonly ignoresCancel: boolean
  /** True if it says that it is well while it hangs: only a timeout ends that. */
  readonly beatsWhileHanging: boolean
  /** True if it reports every begin; otherwise only the first one after it was idle. */
  readonly reportsEachBegin: boolean
  /** True if a packet that waits ends at once when it is cancelled; otherwise when it is its turn. */
  readonly dropsWaiting: boolean
  readonly host: string | undefined
  /** Its results are wrong. */
  readonly lie: number
}

export const healthy: FaultProfile = {
  ...{
    capacity: 4,
    millisPerUnit: 1,
    maxDelayMillis: 3,
    crash: 0,
    hang: 0,
    duplicate: 0,
    garbage: 0,
    throw: 0,
    partition: 0
  },
  ...{
    staysDown: false,
    ignoresCancel: false,
    beatsWhileHanging: false,
    dropsWaiting: true,
    reportsEachBegin: true,
    host: undefined,
    lie: 0
  }
}

/** Returns true if the dispatcher knows what a worker has begun: where it has to guess, messages may be under way. */
export const isBeginKnown = ({ duplicate, maxDelayMillis, partition, reportsEachBegin }: FaultProfile) =>
  // A packet that ends twice is a fault of the worker.
  duplicate === 0 && (reportsEachBegin || (maxDelayMillis === 0 && partition === 0))
