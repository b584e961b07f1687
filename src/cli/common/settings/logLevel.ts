/** The level of the log: of `--log-level`, the environment or the configuration file, which a server reads again. */
import * as Context from "effect/Context"
import * as GlobalFlag from "effect/cli/GlobalFlag"
import * as Effect from "effect/Effect"
import * as Logger from "effect/Logger"
import * as LogLevel from "effect/LogLevel"
import * as MutableRef from "effect/MutableRef"
import * as Option from "effect/Option"
import * as References from "effect/References"
import { UsageError } from "../CliErrors.ts"
import { ConfigFile } from "./ConfigFile.ts"
import { logLevel } from "./globalSettings.ts"
import { invalid, type Source, Sources } from "./settings.ts"

/** The level of a command that can change while it runs; undefined where it cannot. */
class ChangeableLevel extends Context.Reference<MutableRef.MutableRef<LogLevel.LogLevel> | undefined>(
  "effect-inet/cli/ChangeableLevel",
  { defaultValue: () => undefined }
) {}

const defaultLevel: LogLevel.LogLevel = "Info"

/** Returns the level that the environment or the file selects. */
const find = Effect.fnUntraced(function* (source: Source) {
  const found = yield* Effect.orElseSucceed(source(logLevel.section, logLevel.name), () => undefined)
  if (found === undefined) return undefined
  const level = logLevel.parse(found.text)
  return level ?? (yield* new UsageError({ message: invalid(found, logLevel.expected).message }))
})

/** Logger that leaves out messages below the current level. */
const filtered = <Output>(logger: Logger.Logger<unknown, Output>, level: MutableRef.MutableRef<LogLevel.LogLevel>) =>
  Logger.make<unknown, Output | undefined>((options) =>
    LogLevel.isGreaterThanOrEqualTo(options.logLevel, MutableRef.get(level)) ? logger.log(options) : undefined
  )

/** Lets a level that changes decide what the current loggers print. */
export const changeable = <A, E, R>(program: Effect.Effect<A, E, R>): Effect.Effect<A, E, R> =>
  Effect.flatMap(ChangeableLevel, (level) =>
    level === undefined
      ? program
      : Effect.updateService(
          program,
          Logger.CurrentLoggers,
          (loggers) => new Set([...loggers].map((logger) => filtered(logger, level)))
        )
  )

/** Runs the program of a command with the level of its settings, unless `--log-level` has set one. */
export const withSettings = <E, R>(program: Effect.Effect<void, E, R>) =>
  Effect.gen(function* () {
    const flag = Option.flatten(yield* Effect.serviceOption(GlobalFlag.LogLevel))
    if (Option.isSome(flag)) return yield* program
    const level = yield* find(yield* Sources)
    if ((yield* ConfigFile) === undefined) {
      return yield* level === undefined ? program : Effect.provideService(program, References.MinimumLogLevel, level)
    }
    // Loggers get every message, since the level may fall later.
    return yield* changeable(program).pipe(
      Effect.provideService(References.MinimumLogLevel, "All" as const),
      Effect.provideService(ChangeableLevel, MutableRef.make(level ?? defaultLevel))
    )
  })

/** Changes the level of the running command to that of new settings. Returns true if it has changed. */
export const change = Effect.fnUntraced(function* (source: Source) {
  const current = yield* ChangeableLevel
  if (current === undefined) return false
  const next = (yield* Effect.orElseSucceed(find(source), () => undefined)) ?? defaultLevel
  if (next === MutableRef.get(current)) return false
  MutableRef.set(current, next)
  return true
})
