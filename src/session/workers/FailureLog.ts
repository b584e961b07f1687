/** Limit for a log line that repeats: one in a minute, with the number of those left out. Pure. */

/** The last line that was logged, and the number of those left out since then. */
export interface FailureLog {
  readonly loggedAtMillis: number
  readonly omitted: number
}

/** A log without lines. */
export const initial: FailureLog = { loggedAtMillis: Number.NEGATIVE_INFINITY, omitted: 0 }

const intervalMillis = 60_000

/** Adds a line. Returns the next state, and the line to log; undefined if it is left out. */
export const add = (log: FailureLog, line: string, now: number): readonly [FailureLog, line: string | undefined] => {
  if (now - log.loggedAtMillis < intervalMillis) return [{ ...log, omitted: log.omitted + 1 }, undefined]
  const text = log.omitted === 0 ? line : `${line} (and ${log.omitted} times more since the last such line)`
  return [{ loggedAtMillis: now, omitted: 0 }, text]
}
