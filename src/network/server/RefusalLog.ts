/** Log of refused connections or requests: at most one line a minute for each reason. Time in ms is an argument. */
import * as Quantity from "../Quantity.ts"
import type { RefusalReason } from "./ConnectionLimits.ts"

/** Refusals of one reason that are not logged yet. */
interface Pending {
  readonly loggedAtMillis: number
  readonly count: number
  /** Description of the last refusal. */
  readonly detail: string
}

/** Line of the log: a warning, or the information that a failure is over. */
export interface Line<Reason extends string = RefusalReason> {
  readonly reason: Reason
  readonly level: "Warn" | "Info"
  readonly text: string
}

/** Log of a server. */
export type RefusalLog<Reason extends string = RefusalReason> = Map<Reason, Pending>

/** Time between two lines of one reason. */
const intervalMillis = 60_000

/** Returns the text of a number of refusals, such as `2 connections refused`. */
export type Describe<Reason extends string> = (reason: Reason, count: number) => string

const connections: Describe<string> = (_, count) => `${Quantity.format(count, "connection")} refused`

/** Notes a refusal. Returns the line to log if it is the first one; the others wait for `due`. */
export const note = <Reason extends string>(
  log: RefusalLog<Reason>,
  reason: Reason,
  detail: string,
  nowMillis: number,
  describe: Describe<Reason> = connections
): string | undefined => {
  const pending = log.get(reason)
  if (pending === undefined) {
    log.set(reason, { loggedAtMillis: nowMillis, count: 0, detail })
    return `${describe(reason, 1)}: ${detail}`
  }
  log.set(reason, { ...pending, count: pending.count + 1, detail })
  return undefined
}

/** Reasons that are the state of this process: it is worth a line when they are over. The others are single clients. */
const ends: Readonly<Record<string, string | undefined>> = {
  NoDescriptors: "descriptors are available again: no connection was refused for want of one in the last minute"
}

/** Returns the time at which the next line may be due; infinity if no reason is noted. */
export const nextDueMillis = <Reason extends string>(log: RefusalLog<Reason>): number => {
  let nextMillis = Number.POSITIVE_INFINITY
  for (const { loggedAtMillis } of log.values()) nextMillis = Math.min(nextMillis, loggedAtMillis + intervalMillis)
  return nextMillis
}

/** Returns the lines that are due, a minute after the last line of their reason. */
export const due = <Reason extends string>(
  log: RefusalLog<Reason>,
  nowMillis: number,
  describe: Describe<Reason> = connections
): ReadonlyArray<Line<Reason>> => {
  const lines: Array<Line<Reason>> = []
  for (const [reason, { count, detail, loggedAtMillis }] of log) {
    if (nowMillis - loggedAtMillis < intervalMillis) continue
    if (count > 0) {
      log.set(reason, { loggedAtMillis: nowMillis, count: 0, detail })
      lines.push({ reason, level: "Warn", text: `${describe(reason, count)} in the last minute: ${detail}` })
      continue
    }
    log.delete(reason)
    const text = ends[reason]
    if (text !== undefined) lines.push({ reason, level: "Info", text })
  }
  return lines
}

/** Returns the lines for refusals that are not logged yet, and forgets all: for a server that stops. */
export const flush = <Reason extends string>(
  log: RefusalLog<Reason>,
  describe: Describe<Reason> = connections
): ReadonlyArray<Line<Reason>> => {
  const lines: Array<Line<Reason>> = []
  for (const [reason, { count, detail }] of log) {
    if (count === 0) continue
    lines.push({ reason, level: "Warn", text: `${describe(reason, count)} since the last such line: ${detail}` })
  }
  log.clear()
  return lines
}
