/** Settings of every command, which are not those of a service: keys at the top of the configuration file. */
import type * as LogLevel from "effect/LogLevel"
import type { Parsed, Setting } from "./settings.ts"
import { globalSection } from "./settings.ts"

const levels: Readonly<Record<string, LogLevel.LogLevel>> = {
  all: "All",
  trace: "Trace",
  debug: "Debug",
  info: "Info",
  warn: "Warn",
  warning: "Warn",
  error: "Error",
  fatal: "Fatal",
  none: "None"
}

/** The level of the log, as with `--log-level`. */
export const logLevel: Parsed<LogLevel.LogLevel> = {
  section: globalSection,
  name: "log-level",
  expected: `a level: ${Object.keys(levels).join(", ")}`,
  parse: (text) => (Object.hasOwn(levels, text) ? levels[text] : undefined)
}

/** All of them. */
export const globalSettings: ReadonlyArray<Setting> = [
  { ...logLevel, accepts: (text) => logLevel.parse(text) !== undefined }
]
