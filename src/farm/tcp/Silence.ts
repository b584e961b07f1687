/** How long a peer has been silent, as a timer of this side measures it. */

/** The least time that a late tick counts for: the period of a server's sweeper. */
const minStepMillis = 250

/** The silence of a peer. */
export interface Silence {
  /** Counts this moment as a sign of life. */
  readonly hear: () => void
  /** Counts the time since the last call or sign of life. Returns true if the silence is longer than the lease. */
  readonly tick: () => boolean
}

/**
 * Makes the silence of a peer with this lease. A tick counts for a quarter of the lease at most: one that is later shows
 * that this process was busy, whose timers run before it reads what has arrived meanwhile.
 */
export const make = (leaseMillis: number, now: () => number): Silence => {
  const maxStepMillis = Math.max(leaseMillis / 4, minStepMillis)
  let silentMillis = 0
  let countedAt = now()
  return {
    hear: () => {
      silentMillis = 0
      countedAt = now()
    },
    tick: () => {
      const at = now()
      silentMillis += Math.min(at - countedAt, maxStepMillis)
      countedAt = at
      return silentMillis > leaseMillis
    }
  }
}
