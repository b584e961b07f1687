/** What a command knows of the process it runs in. */
import * as Context from "effect/Context"
import * as Data from "effect/Data"
import * as Effect from "effect/Effect"
import * as Runtime from "effect/Runtime"

/**
 * Waits until the process is told to end (SIGINT, SIGTERM). A server that waits for it closes its scope in good order
 * and has then done its work: exit code 0. A command that does not is interrupted: exit code 130.
 */
export class Stop extends Context.Reference<Effect.Effect<void>>("effect-inet/cli/Stop", {
  defaultValue: () => Effect.never
}) {}

/** A command line that the flags alone could not tell was wrong. */
export class UsageError extends Data.TaggedError("UsageError")<{ readonly message: string }> {
  override readonly [Runtime.errorExitCode] = 2
}

/** A file that cannot be read, or is not what it should be; the message names it. */
export class CannotRead extends Data.TaggedError("CannotRead")<{ readonly message: string }> {}

/** A file did not go from one host to the other; the message names it. */
export class CannotTransfer extends Data.TaggedError("CannotTransfer")<{ readonly message: string }> {}

/** A game could not go on; the message is a sentence. */
export class CannotPlay extends Data.TaggedError("CannotPlay")<{ readonly message: string }> {}

/** The primes could not be counted; the message says why. */
export class CannotCount extends Data.TaggedError("CannotCount")<{ readonly message: string }> {}

/** No host is left that counts. */
export class NoHostLeft extends Data.TaggedError("NoHostLeft")<{ readonly message: string }> {
  override readonly [Runtime.errorExitCode] = 3
}

/** The plot could not be written. */
export class CannotDraw extends Data.TaggedError("CannotDraw")<{ readonly message: string }> {}
