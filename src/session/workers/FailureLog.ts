/** Limit for a log line that repeats: one in a minute, with the number of those left out. Pure. */
import * as Quantity from "../../network/Quantity.ts"

/** The last line that was logged, and those left out since then. */
export interface FailureLog {
  readonly loggedAtMillis: number
  readonly omitted: number
  /** The last line that was left out. */
  readonly lastOmitted: string
}

/** A log without lines. */
export const initial: FailureLog = { loggedAtMillis: Number.NEGATIVE_INFINITY, omitted: 0, lastOmitted: "" }

const intervalMillis = 60_000

/** Adds a line. Returns the next state, and the line to log; undefined if it is left out. */
export const add = (log: FailureLog, line: string, now: number): readonly [FailureLog, line: string | undefined] => {
  if (now - log.loggedAtMillis < intervalMillis) {
    return [{ ...log, omitted: log.omitted + 1, lastOmitted: line }, undefined]
  }
  const text =
    log.omitted === 0 ? line : `${line} (and ${Quantity.format(log.omitted, "time")} more since the last such line)`
  return [{ ...initial, loggedAtMillis: now }, text]
}

/** Returns the line for those that are left out and not counted in a line yet: no more of them follow. */
export const flush = ({ lastOmitted, omitted }: FailureLog): string | undefined =>
  omitted === 0 ? undefined : `${lastOmitted} (${Quantity.format(omitted, "time")} since the last such line)`
