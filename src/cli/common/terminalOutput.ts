/**
 * Console and logger of the command line, safe for a terminal. Messages are always escaped, results only on a terminal:
 * a file or a pipe gets their bytes unchanged.
 */
import * as Console from "effect/Console"
import * as Effect from "effect/Effect"
import * as Logger from "effect/Logger"
import * as Stdio from "effect/Stdio"
import * as TerminalText from "../../network/TerminalText.ts"

const escapeParts = (parts: ReadonlyArray<unknown>) =>
  parts.map((part) => (typeof part === "string" ? TerminalText.escapeLines(part) : part))

/** Returns a console that escapes what it writes to standard error, and to standard output if that is a terminal. */
export const escapedConsole = (console: Console.Console, stdoutIsTerminal: boolean): Console.Console => {
  const results = stdoutIsTerminal ? escapeParts : (parts: ReadonlyArray<unknown>) => parts
  return {
    ...console,
    log: (...parts) => console.log(...results(parts)),
    info: (...parts) => console.info(...results(parts)),
    debug: (...parts) => console.debug(...results(parts)),
    error: (...parts) => console.error(...escapeParts(parts)),
    warn: (...parts) => console.warn(...escapeParts(parts))
  }
}

/** Runs the program of a command with such a console. Help and prompts have styles, and the console of the process. */
export const withEscapedConsole = <A, E, R>(program: Effect.Effect<A, E, R>) =>
  Effect.gen(function* () {
    const { stdoutIsTerminal } = yield* Stdio.Stdio
    const console = escapedConsole(yield* Console.Console, yield* stdoutIsTerminal)
    return yield* Effect.provideService(program, Console.Console, console)
  })

/** Logger of the command line: a message is one line. */
export const logger = Logger.make<unknown, void>((options) => {
  const parts = Array.isArray(options.message) ? options.message : [options.message]
  const message = parts.map((part) => (typeof part === "string" ? TerminalText.escape(part) : part))
  Logger.defaultLogger.log({ ...options, message })
})
