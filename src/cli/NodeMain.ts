/** Entry point of the command line in a Node process: signals, exit codes, one line per error. */

import * as Fs from "node:fs"
import * as NodeServices from "@effect/platform-node/NodeServices"
import * as Cause from "effect/Cause"
import * as Console from "effect/Console"
import * as CliError from "effect/cli/CliError"
import * as CliOutput from "effect/cli/CliOutput"
import * as Command from "effect/cli/Command"
import * as Deferred from "effect/Deferred"
import * as Effect from "effect/Effect"
import * as Exit from "effect/Exit"
import * as Logger from "effect/Logger"
import * as Runtime from "effect/Runtime"
import { ShutdownSignal } from "./common/Shutdown.ts"
import { command } from "./main.ts"

const oneLine = (text: string) => text.trim().replaceAll(/\s*\n\s*/g, " ")

/** Prints one line and a hint for an invalid command line: a page of help would hide the error. */
const presenter: CliOutput.Presenter = {
  present: (event) =>
    event._tag === "InvalidInvocation"
      ? Console.error(
          `effect-inet: ${oneLine(event.errors.map((error) => error.message).join(" "))}\n` +
            `Try: ${event.commandPath.join(" ")} --help`
        )
      : CliOutput.defaultPresenter.present(event)
}

/** Reads the version from package.json, which is two folders up in the sources and in the published package. */
const version = () =>
  (JSON.parse(Fs.readFileSync(new URL("../../package.json", import.meta.url), "utf8")) as { version: string }).version

/** Returns the exit code and the line to print on stderr, if any. */
export const outcome = (exit: Exit.Exit<void, unknown>): readonly [code: number, line?: string] => {
  if (Exit.isSuccess(exit)) return [0]
  if (Cause.hasInterruptsOnly(exit.cause)) return [130]
  const error = Cause.squash(exit.cause)
  if (CliError.isCliError(error) && error._tag === "ShowHelp") return [error.errors.length === 0 ? 0 : 2]
  const message = oneLine(error instanceof Error ? error.message : String(error))
  return Cause.hasDies(exit.cause)
    ? [1, `internal error: ${message}; --log-level debug prints the stack`]
    : [Runtime.getErrorExitCode(error), message]
}

/** Executes a command line; results and messages go to the `Console`. */
export const execute = (args: ReadonlyArray<string>) =>
  Command.runWith(command, { version: version() })(args).pipe(
    Effect.provideService(CliOutput.Presenter, presenter),
    Effect.provideService(Logger.LogToStderr, true),
    Effect.provide(NodeServices.layer)
  )

/** Runs a command line to its end and exits the process. A second SIGINT or SIGTERM exits at once with code 130. */
export const run = (args: ReadonlyArray<string>) => {
  const stop = Deferred.makeUnsafe<void>()
  let serving = false
  let stopping = false
  const stopped = Effect.suspend(() => {
    serving = true
    return Deferred.await(stop)
  })
  const fiber = Effect.runFork(Effect.provideService(execute(args), ShutdownSignal, stopped))
  const onSignal = () => {
    if (stopping) process.exit(130)
    stopping = true
    if (serving) Deferred.doneUnsafe(stop, Exit.void)
    else fiber.interruptUnsafe()
  }
  process.on("SIGINT", onSignal)
  process.on("SIGTERM", onSignal)
  // A reader that closes the pipe early, such as head or less, is not an error.
  process.stdout.on("error", (error: NodeJS.ErrnoException) => process.exit(error.code === "EPIPE" ? 0 : 1))
  fiber.addObserver((exit) => {
    const [code, line] = outcome(exit)
    if (line !== undefined) process.stderr.write(`effect-inet: ${line}\n`)
    process.stdout.write("", () => process.exit(code))
  })
}
