/** Reload of the configuration file by a running server: what can change is applied, the rest is listed. */
import * as Effect from "effect/Effect"
import * as Equal from "effect/Equal"
import type { Running } from "../ServerHost.ts"
import { ReloadSignal } from "../Shutdown.ts"
import * as serverFlags from "../serverFlags.ts"
import { CommandInput, type Input, Reparse } from "./CommandInput.ts"
import * as logLevel from "./logLevel.ts"
import { type Found, nameOf } from "./settings.ts"

type Values = Input["values"]

/** Keys of the limits of a TCP server. */
const tcpLimitKeys: ReadonlySet<string> = new Set(Object.keys(serverFlags.limits("")))

/** The difference between two command lines. */
export interface Difference {
  /** Keys of limits. */
  readonly limits: ReadonlyArray<string>
  /** Keys of options that need a restart. */
  readonly others: ReadonlyArray<string>
}

/** Compares the values of the same flags. `limitKeys` are those that a running server can change. Pure. */
export const compare = (before: Values, after: Values, limitKeys: ReadonlySet<string> = tcpLimitKeys): Difference => {
  const changed = [...new Set([...Object.keys(before), ...Object.keys(after)])].filter(
    (key) => !Equal.equals(before[key], after[key])
  )
  return {
    limits: changed.filter((key) => limitKeys.has(key)),
    others: changed.filter((key) => !limitKeys.has(key))
  }
}

/** Returns the limits among values. A limit without a value returns to its default. */
const limitsOf = (values: Values, limitKeys: ReadonlySet<string>) =>
  Object.fromEntries([...limitKeys].map((key) => [key, values[key]]))

/** Changes of a reload. */
interface Applied {
  /** Names of what was applied. */
  readonly names: ReadonlyArray<string>
  /** The values that the service runs with now. Those that need a restart are the old ones. */
  readonly values: Values
}

/**
 * Applies the limits that differ from those of the running service, and logs the options that need a restart. The
 * service reads its files again.
 */
export const apply = Effect.fnUntraced(function* (
  name: string,
  flags: Input["flags"],
  current: Values,
  after: Values,
  { limitKeys = tcpLimitKeys, reconfigure, reread = Effect.succeed([]) }: Running = {}
) {
  const { limits, others } = compare(current, after, limitKeys)
  const names = (keys: ReadonlyArray<string>) => keys.map((key) => nameOf(flags, key))
  const fixed = reconfigure === undefined ? [...limits, ...others] : others
  if (fixed.length > 0) {
    yield* Effect.logWarning(`${name}: changed in the file, waits for a restart: ${names(fixed).join(", ")}`)
  }
  const read = yield* reread
  if (reconfigure === undefined || limits.length === 0) return { names: read, values: current } satisfies Applied
  const applied = limitsOf(after, limitKeys)
  yield* reconfigure(applied)
  return { names: [...read, ...names(limits)], values: { ...current, ...applied } } satisfies Applied
})

/** Names of the settings of every command that a running one does not change. */
const fixedGlobalNames = ["faults", "fault-seed", "capture"]

/** Logs the settings of every command that have changed and need a restart. */
const reportFixed = (before: Found, after: Found) => {
  const changed = fixedGlobalNames.filter((name) => before.get(name)?.text !== after.get(name)?.text)
  return changed.length === 0
    ? Effect.void
    : Effect.logWarning(`changed in the file, waits for a restart: ${changed.join(", ")}`)
}

/** Applies new settings to a command that runs with the current values. Fails with one line for the user. */
export type Change = (after: Input, current: Values) => Effect.Effect<Applied, string>

/** Reports of a reload, for the service manager. */
export interface Reports {
  readonly before: Effect.Effect<void>
  readonly after: Effect.Effect<void>
}

/**
 * Reads the settings again at each request, for ever. `change` applies them and returns what it has changed. The old
 * settings stay if the new ones are invalid. New settings are compared with those that the command runs with, which are
 * not those of the last reload where a restart is needed.
 */
export const follow = (change: Change, { after, before }: Reports): Effect.Effect<never> =>
  Effect.gen(function* () {
    const { found, values } = yield* CommandInput
    let current = values
    const signal = yield* ReloadSignal
    const reparse = yield* Reparse
    const reload = Effect.gen(function* () {
      const next = yield* reparse
      const changed = yield* change(next, current)
      const level = (yield* logLevel.change(next.sources)) ? ["log-level"] : []
      yield* reportFixed(found, next.found)
      current = changed.values
      const applied = [...level, ...changed.names]
      yield* Effect.logInfo(
        applied.length === 0 ? "reloaded: no option to apply has changed" : `reloaded: ${applied.join(", ")}`
      )
    }).pipe(Effect.catch((message: string) => Effect.logError(`not reloaded, the old settings stay: ${message}`)))
    return yield* Effect.forever(Effect.andThen(signal, Effect.andThen(before, Effect.andThen(reload, after))))
  })
