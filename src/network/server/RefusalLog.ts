/** Log of refused connections: at most one line a minute for each reason. Time in ms is an argument. */
import type { RefusalReason } from "./ConnectionLimits.ts"

/** Refusals of one reason that are not logged yet. */
interface Pending {
  readonly loggedAtMillis: number
  readonly count: number
  /** Description of the last refusal. */
  readonly detail: string
}

/** Log of a server. */
export type RefusalLog = Map<RefusalReason, Pending>

const intervalMillis = 60_000

const noun = (count: number) => `${count} connection${count === 1 ? "" : "s"}`

/** Notes a refusal. Returns the line to log if it is the first one; the others wait for `due`. */
export const note = (log: RefusalLog, reason: RefusalReason, detail: string, nowMillis: number): string | undefined => {
  const pending = log.get(reason)
  if (pending === undefined) {
    log.set(reason, { loggedAtMillis: nowMillis, count: 0, detail })
    return `${noun(1)} refused: ${detail}`
  }
  log.set(reason, { ...pending, count: pending.count + 1, detail })
  return undefined
}

/** Returns the lines that are due, a minute after the last line of their reason. */
export const due = (log: RefusalLog, nowMillis: number): ReadonlyArray<string> => {
  const lines: Array<string> = []
  for (const [reason, { count, detail, loggedAtMillis }] of log) {
    if (nowMillis - loggedAtMillis < intervalMillis) continue
    if (count === 0) log.delete(reason)
    else {
      log.set(reason, { loggedAtMillis: nowMillis, count: 0, detail })
      lines.push(`${noun(count)} refused in the last minute: ${detail}`)
    }
  }
  return lines
}
