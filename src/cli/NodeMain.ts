/** Entry point of the command line in a Node process: signals, exit codes, one line per error. */

import * as Cause from "effect/Cause"
import * as Console from "effect/Console"
import * as CliConfig from "effect/cli/CliConfig"
import * as CliError from "effect/cli/CliError"
import * as CliOutput from "effect/cli/CliOutput"
import * as Command from "effect/cli/Command"
import * as Effect from "effect/Effect"
import * as Exit from "effect/Exit"
import * as Logger from "effect/Logger"
import * as Runtime from "effect/Runtime"
import * as TerminalText from "../network/TerminalText.ts"
import { InnerCommand } from "./common/capture/InnerCommand.ts"
import * as completionsFlag from "./common/completions/completionsFlag.ts"
import * as HelpPresenter from "./common/HelpPresenter.ts"
import { ReloadSignal, ShutdownSignal } from "./common/Shutdown.ts"
import * as CommandInput from "./common/settings/CommandInput.ts"
import * as ConfigFile from "./common/settings/ConfigFile.ts"
import * as negativeArguments from "./common/settings/negativeArguments.ts"
import * as terminalOutput from "./common/terminalOutput.ts"
import * as usageHint from "./common/usageHint.ts"
import { isServer, load, reloadsAlways } from "./main.ts"
import * as NodePackage from "./NodePackage.ts"
import * as NodeExit from "./node/NodeExit.ts"
import * as NodeLazyServices from "./node/NodeLazyServices.ts"
import * as NodeSignals from "./node/NodeSignals.ts"

const oneLine = (text: string) => text.trim().replaceAll(/\s*\n\s*/g, " ")

/** Returns the errors of an invalid command line as one line. */
const messageOf = ({ errors, helpDoc }: Extract<CliOutput.Presenter.Event, { readonly _tag: "InvalidInvocation" }>) =>
  TerminalText.escape(
    negativeArguments.decode(oneLine(errors.map((error) => usageHint.messageOf(error, helpDoc.flags)).join(" ")))
  )

/** Width of the terminal that shows the help. */
const helpColumns = () => process.stdout.columns || process.stderr.columns || Number.POSITIVE_INFINITY

/** Prints one line and a hint for an invalid command line: a page of help would hide the error. */
const presenter: CliOutput.Presenter = {
  present: (event) =>
    event._tag === "InvalidInvocation"
      ? Console.error(`effect-inet: ${messageOf(event)}\nTry: ${event.commandPath.join(" ")} --help`)
      : HelpPresenter.make(helpColumns()).present(event)
}

/**
 * Returns the exit code and the line to print on stderr, if any. A server that is requested to end while it starts has
 * not failed.
 */
export const outcome = (
  exit: Exit.Exit<void, unknown>,
  isServer: boolean = false
): readonly [code: number, line?: string] => {
  if (Exit.isSuccess(exit)) return [0]
  if (Cause.hasInterruptsOnly(exit.cause)) return [isServer ? 0 : 130]
  const error = Cause.squash(exit.cause)
  if (CliError.isCliError(error) && error._tag === "ShowHelp") return [error.errors.length === 0 ? 0 : 2]
  const message = TerminalText.escape(oneLine(error instanceof Error ? error.message : String(error)))
  return Cause.hasDies(exit.cause)
    ? [1, `internal error: ${message}; --log-level debug prints the stack`]
    : [Runtime.getErrorExitCode(error), message]
}

const readFrom = (args: ReadonlyArray<string>) => ConfigFile.pathOf(args, process.env.EFFECT_INET_CONFIG)

/** Executes a command line; results and messages go to the `Console`. */
export const execute = (
  args: ReadonlyArray<string>,
  output: CliOutput.Presenter = presenter
): Effect.Effect<void, unknown> =>
  Effect.gen(function* () {
    const command = yield* Effect.promise(() => load(args))
    const builtIns = completionsFlag.builtIns(yield* Effect.context<Command.Environment>())
    const run = Command.runWith(command, { version: NodePackage.version() })(negativeArguments.encode(args))
    yield* Effect.provideService(run, CliConfig.CliConfig, CliConfig.make({ builtIns }))
  }).pipe(
    ConfigFile.provide(readFrom(args), () => import("./run/config/file.ts")),
    Effect.provideService(CliOutput.Presenter, output),
    Effect.provideService(InnerCommand, (inner) => execute(inner, output)),
    Effect.provideService(Logger.CurrentLoggers, new Set([terminalOutput.logger, Logger.tracerLogger])),
    Effect.provideService(Logger.LogToStderr, true),
    Effect.provide(NodeLazyServices.layer)
  )

/** Parses a command line again, with the same checks, and does not run it. */
const reparse = (args: ReadonlyArray<string>): Effect.Effect<CommandInput.Input, string> =>
  Effect.suspend(() => {
    let input: CommandInput.Input | undefined
    let message: string | undefined
    const silent: CliOutput.Presenter = {
      present: (event) =>
        Effect.sync(() => {
          if (event._tag === "InvalidInvocation") message = messageOf(event)
        })
    }
    return execute(args, silent).pipe(
      Effect.provideService(CommandInput.InputReceiver, (received) => {
        input = received
      }),
      Effect.exit,
      Effect.flatMap((exit) =>
        input === undefined
          ? Effect.fail(message ?? outcome(exit)[1] ?? "the command line cannot be parsed")
          : Effect.succeed(input)
      )
    )
  })

/** Runs a command line to its end and exits the process. */
export const run = (args: ReadonlyArray<string>) => {
  const serves = isServer(args)
  const { endSignal, isReaderGone, reload, shutdown } = NodeSignals.listen({
    isServer: serves,
    reloads: readFrom(args) !== undefined || reloadsAlways(args),
    interrupt: () => fiber.interruptUnsafe()
  })
  const fiber = execute(args).pipe(
    Effect.provideService(ShutdownSignal, shutdown),
    Effect.provideService(ReloadSignal, reload),
    Effect.provideService(CommandInput.Reparse, reparse(args)),
    Effect.runFork
  )
  fiber.addObserver((exit) => {
    const [code, line] = isReaderGone() ? [0] : outcome(exit, serves)
    if (line !== undefined) process.stderr.write(`effect-inet: ${line}\n`)
    process.stdout.write("", () => NodeExit.exit(code, endSignal()))
  })
}
