/** The heartbeat of workers: pings, each answered by any message. */

/** Times and limits of a heartbeat. */
export interface Heartbeat {
  readonly intervalMillis: number
  /** Pings in a row without an answer, after which a worker is unresponsive. */
  readonly unresponsiveAfterPings: number
  /** Pings in a row without an answer, after which a worker is killed. */
  readonly killAfterPings: number
}

/**
 * Returns the heartbeat that kills a worker which has not answered a ping for `timeoutMillis`.
 *
 * It has three pings in that time, and no new work after the second one that was missed. Undefined if the time is
 * infinite.
 */
export const withTimeout = (timeoutMillis: number): Heartbeat | undefined =>
  Number.isFinite(timeoutMillis)
    ? { intervalMillis: timeoutMillis / 3, unresponsiveAfterPings: 2, killAfterPings: 3 }
    : undefined
