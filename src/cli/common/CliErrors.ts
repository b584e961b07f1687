/** Errors of the command line: each prints one line and sets the exit code. */
import * as Data from "effect/Data"
import * as Runtime from "effect/Runtime"

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
