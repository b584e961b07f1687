/** The log of `effect/cluster` on hosts and workers: one line an entry, and what repeats is counted. */
import * as Cause from "effect/Cause"
import * as Context from "effect/Context"
import * as Effect from "effect/Effect"
import * as Logger from "effect/Logger"
import * as References from "effect/References"
import { messageWithCauses } from "../../../cluster/ClusterError.ts"
import * as Quantity from "../../../network/Quantity.ts"

/** The time in which an entry is printed once: shards and polls fail together, and again each second. */
const repeatMillis = 30_000

/** An entry that was printed. */
interface Printed {
  readonly atMillis: number
  /** Entries like it since then. */
  readonly repeats: number
}

/** Log of the lines that were printed, and may repeat. */
export type PrintedLines = Map<string, Printed>

/** Adds a line. Returns the text to print, undefined for a repeat. Forgets old lines that have not repeated. */
export const add = (printed: PrintedLines, line: string, nowMillis: number): string | undefined => {
  const before = printed.get(line)
  if (before !== undefined && nowMillis - before.atMillis < repeatMillis) {
    printed.set(line, { ...before, repeats: before.repeats + 1 })
    return undefined
  }
  for (const [old, { atMillis, repeats }] of printed) {
    if (repeats === 0 && nowMillis - atMillis >= repeatMillis) printed.delete(old)
  }
  printed.set(line, { atMillis: nowMillis, repeats: 0 })
  const repeats = before?.repeats ?? 0
  return repeats === 0 ? line : `${line} (${Quantity.format(repeats, "time")} more since the last line)`
}

/** Returns true for an entry of the cluster, some of which have no annotation: only those have causes here. */
const isOfCluster = ({ cause, fiber }: Logger.Options<unknown>) =>
  cause.reasons.length > 0 ||
  String(fiber.getRef(References.CurrentLogAnnotations).module).startsWith("effect/cluster/")

const isVerbose = ({ fiber }: Logger.Options<unknown>) => {
  const level = fiber.getRef(References.MinimumLogLevel)
  return level === "Debug" || level === "Trace" || level === "All"
}

const causeText = (cause: Cause.Cause<unknown>) => {
  if (cause.reasons.length === 0) return ""
  const error = Cause.squash(cause)
  return `: ${error instanceof Error ? messageWithCauses(error) : String(error)}`
}

const lineOf = ({ cause, message }: Logger.Options<unknown>) => {
  const [first] = Array.isArray(message) ? message : [message]
  return `${first}${causeText(cause)}`.replaceAll(/\s*\n\s*/g, ", ")
}

/** Makes a logger that passes entries on to `loggers`, those of the cluster without stack and annotations. */
const make = (loggers: ReadonlySet<Logger.Logger<unknown, unknown>>) => {
  const printed: PrintedLines = new Map()
  return Logger.make<unknown, void>((entry) => {
    if (!isOfCluster(entry) || isVerbose(entry)) {
      for (const logger of loggers) logger.log(entry)
      return
    }
    const text = add(printed, lineOf(entry), entry.date.getTime())
    if (text === undefined) return
    const context = entry.fiber.context.pipe(
      Context.add(Logger.CurrentLoggers, loggers),
      Context.add(References.CurrentLogAnnotations, {})
    )
    const { logLevel } = entry
    const level = logLevel === "All" || logLevel === "None" ? undefined : logLevel
    Effect.runSyncWith(context)(Effect.logWithLevel(level)(text))
  })
}

/** Runs the parts of a cluster with such a log; `--log-level debug` shows all of it, with stacks. */
export const provide = <A, E, R>(self: Effect.Effect<A, E, R>): Effect.Effect<A, E, R> =>
  Effect.updateService(self, Logger.CurrentLoggers, (loggers) => new Set([make(loggers)]))
