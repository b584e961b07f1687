/**
 * The delay of the event loop of this process, as a periodic timer measures it. The timers of a process that was busy
 * run before it reads what has arrived meanwhile: a deadline that counted this time would blame those who have kept it.
 */

/** The least time between two ticks that counts: the period of a server's sweeper. */
const minStepMillis = 250

/** The delay of the event loop. */
export interface EventLoopDelay {
  /** Returns the time since the last call that does not count, in milliseconds. Each tick of the timer calls it. */
  readonly take: () => number
}

/** Makes the measure for a deadline. A tick counts for a quarter of it at most, so that a real silence is found. */
export const make = (deadlineMillis: number, now: () => number): EventLoopDelay => {
  const maxStepMillis = Math.max(deadlineMillis / 4, minStepMillis)
  let lastAt = now()
  return {
    take: () => {
      const elapsedMillis = now() - lastAt
      lastAt += elapsedMillis
      return Math.max(0, elapsedMillis - maxStepMillis)
    }
  }
}
