/** Errors of the command line: each prints one line and sets the exit code. */
import * as Context from "effect/Context"
import * as Data from "effect/Data"
import * as Effect from "effect/Effect"
import * as Runtime from "effect/Runtime"

/** An invalid command line that the checks of single flags cannot detect. */
export class UsageError extends Data.TaggedError("UsageError")<{ readonly message: string }> {
  override readonly [Runtime.errorExitCode] = 2
}

/** A file that cannot be read or has an invalid format; the message names the file. */
export class CannotRead extends Data.TaggedError("CannotRead")<{ readonly message: string }> {}

/** A capture file that cannot be written; the message names it. */
export class CannotCapture extends Data.TaggedError("CannotCapture")<{ readonly message: string }> {}

/**
 * Failure of the capture of a client after its start: the client does its work, and then fails, because the file is
 * incomplete. Default: none, for a server, which logs a warning.
 */
export class CaptureFailure extends Context.Reference<{ error: CannotCapture | undefined } | undefined>(
  "effect-inet/cli/CaptureFailure",
  { defaultValue: () => undefined }
) {}

/** Fails after a program that has succeeded without its capture; logs it after any other end. */
export const failWithoutCapture = <A, E, R>(program: Effect.Effect<A, E, R>): Effect.Effect<A, E | CannotCapture, R> =>
  Effect.suspend(() => {
    const failure: { error: CannotCapture | undefined } = { error: undefined }
    return Effect.provideService(program, CaptureFailure, failure).pipe(
      Effect.onError(() => (failure.error === undefined ? Effect.void : Effect.logWarning(failure.error.message))),
      Effect.tap(() => (failure.error === undefined ? Effect.void : Effect.fail(failure.error)))
    )
  })

/** A failed transfer of a file; the message names the file. */
export class CannotTransfer extends Data.TaggedError("CannotTransfer")<{ readonly message: string }> {}

/** A failure that ends a game. */
export class CannotPlay extends Data.TaggedError("CannotPlay")<{ readonly message: string }> {}

/** A failure to count primes; the message states the reason. */
export class CannotCount extends Data.TaggedError("CannotCount")<{ readonly message: string }> {}

/** A failure of a cluster, its database, or a run on it. */
export class CannotCluster extends Data.TaggedError("CannotCluster")<{ readonly message: string }> {}

/** All farm hosts have failed: exit code 3. */
export class NoHostLeft extends Data.TaggedError("NoHostLeft")<{ readonly message: string }> {
  override readonly [Runtime.errorExitCode] = 3
}

/** A failure to write a plot. */
export class CannotDraw extends Data.TaggedError("CannotDraw")<{ readonly message: string }> {}

/** A failure of a program, whose message names the origins of its options: the exit code is that of the failure. */
export class OptionError extends Data.TaggedError("OptionError")<{
  readonly message: string
  readonly [Runtime.errorExitCode]: number
}> {}
