/** Standard output for a capture: `--capture -` writes a file to it, and so what a command prints must go elsewhere. */
import * as Console from "effect/Console"
import * as Effect from "effect/Effect"
import * as Stdio from "effect/Stdio"
import { UsageError } from "../CliErrors.ts"

/** Prints to standard error what a program would print to standard output. */
export const withoutStdout = <A, E, R>(program: Effect.Effect<A, E, R>) =>
  program.pipe(
    Effect.updateService(Console.Console, (console) => ({
      ...console,
      log: (...parts: ReadonlyArray<unknown>) => console.error(...parts),
      info: (...parts: ReadonlyArray<unknown>) => console.error(...parts)
    })),
    Effect.updateService(Stdio.Stdio, (stdio) => ({
      ...stdio,
      stdout: stdio.stderr,
      stdoutIsTerminal: stdio.stderrIsTerminal
    }))
  )

/** Fails if standard output is a terminal: a capture is not text. */
export const checkTerminal = Effect.fnUntraced(function* (flag: string) {
  const stdio = yield* Stdio.Stdio
  if (!(yield* stdio.stdoutIsTerminal)) return
  return yield* new UsageError({
    message: `--${flag} -: standard output is a terminal; redirect it to a file, or pipe it to a program`
  })
})

/** Runs a program whose capture is written to standard output. `isFree` is false if its results go there. */
export const run = <A, E, R>(isFree: boolean, program: Effect.Effect<A, E, R>) =>
  Effect.gen(function* () {
    if (!isFree) {
      return yield* new UsageError({
        message: "--capture -: the results of this command go to standard output; name a file or a pipe"
      })
    }
    yield* checkTerminal("capture")
    return yield* withoutStdout(program)
  })
