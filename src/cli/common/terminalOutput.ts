/**
 * Console and logger of the command line, safe for a terminal. The lines of the console are those of a command, with
 * names of others in them: they are always escaped, since a pipe may end at a terminal. JSON stays the same value. Data
 * of others, such as a file, goes to standard output as a stream: see `terminalStreams`.
 */
import * as Console from "effect/Console"
import * as Effect from "effect/Effect"
import * as Logger from "effect/Logger"
import * as TerminalText from "../../network/TerminalText.ts"

const escapeParts = (parts: ReadonlyArray<unknown>) =>
  parts.map((part) => (typeof part === "string" ? TerminalText.escapeLines(part) : part))

/** Returns a console that escapes what it writes. */
export const escapedConsole = (console: Console.Console): Console.Console => ({
  ...console,
  log: (...parts) => console.log(...escapeParts(parts)),
  info: (...parts) => console.info(...escapeParts(parts)),
  debug: (...parts) => console.debug(...escapeParts(parts)),
  error: (...parts) => console.error(...escapeParts(parts)),
  warn: (...parts) => console.warn(...escapeParts(parts))
})

/** Runs the program of a command with such a console. Help and prompts have styles, and the console of the process. */
export const withEscapedConsole = <A, E, R>(program: Effect.Effect<A, E, R>) =>
  Effect.updateService(program, Console.Console, escapedConsole)

/** Logger of the command line: a message is one line. */
export const logger = Logger.make<unknown, void>((options) => {
  const parts = Array.isArray(options.message) ? options.message : [options.message]
  const message = parts.map((part) => (typeof part === "string" ? TerminalText.escape(part) : part))
  Logger.defaultLogger.log({ ...options, message })
})
