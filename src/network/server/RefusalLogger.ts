/** The driver of a `RefusalLog`: writes the first refusal of a reason at once, others once a minute and at the end. */
import * as Effect from "effect/Effect"
import * as FiberSet from "effect/FiberSet"
import * as RefusalLog from "./RefusalLog.ts"

/** Options of the driver. */
export interface Options<Reason extends string> {
  /** Returns monotonic time, in milliseconds. */
  readonly now: () => number
  /** Returns the text of a number of refusals. Default: those of connections. */
  readonly describe?: RefusalLog.Describe<Reason> | undefined
  readonly write: (line: RefusalLog.Line<Reason>) => Effect.Effect<void>
}

/** A log of refusals that writes its lines. */
export interface RefusalLogger<Reason extends string> {
  /** Adds a refusal. */
  readonly note: (reason: Reason, detail: string) => void
  /** The reasons with a line in the last minute. */
  readonly reasons: Pick<ReadonlySet<Reason>, "has" | "size">
}

/** Makes a log. When the scope closes it writes the refusals that wait for their line. */
export const make = Effect.fnUntraced(function* <Reason extends string>(options: Options<Reason>) {
  const { describe, now, write } = options
  const log: RefusalLog.RefusalLog<Reason> = new Map()
  const runFork = yield* FiberSet.makeRuntime<never>()
  let isWatching = false
  const writeAll = (lines: ReadonlyArray<RefusalLog.Line<Reason>>) => Effect.forEach(lines, write, { discard: true })
  const watch = Effect.gen(function* () {
    while (log.size > 0) {
      yield* Effect.sleep(Math.max(0, RefusalLog.nextDueMillis(log) - now()))
      yield* writeAll(RefusalLog.due(log, now(), describe))
    }
    isWatching = false
  })
  yield* Effect.addFinalizer(() => Effect.suspend(() => writeAll(RefusalLog.flush(log, describe))))
  const logger: RefusalLogger<Reason> = {
    reasons: log,
    note: (reason, detail) => {
      const text = RefusalLog.note(log, reason, detail, now(), describe)
      if (text === undefined) return
      runFork(write({ reason, level: "Warn", text }))
      if (isWatching) return
      isWatching = true
      runFork(watch)
    }
  }
  return logger
})
