/** The level of the log: a setting of every command, which is a key at the top of the configuration file. */
import type * as LogLevel from "effect/LogLevel"
import { globalSection, type Parsed, type Setting, withoutParser } from "./settings.ts"

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

/** The same without its parser. */
export const logLevelSetting: Setting = withoutParser(logLevel)
