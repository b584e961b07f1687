/**
 * Pipes that take a capture while it is made, such as a named pipe that Wireshark reads. A file system would wait for
 * the reader of a pipe, in `open` and in `write`, and nothing could end that wait: these functions do not.
 */
import * as Context from "effect/Context"
import * as Data from "effect/Data"
import type * as Effect from "effect/Effect"
import type * as Scope from "effect/Scope"

/** A pipe that cannot be opened or written. The message is the reason, such as `the reader has closed the pipe`. */
export class PipeError extends Data.TaggedError("PipeError")<{ readonly message: string }> {}

/** A pipe that is open for writing. */
export interface OpenPipe {
  /** Writes bytes, and waits until the system has taken them all. An interrupted write may have written a part. */
  readonly write: (bytes: Uint8Array) => Effect.Effect<void, PipeError>
}

/** Functions that open pipes. */
export interface Pipes {
  /** Opens a named pipe without waiting; undefined if it has no reader. The scope closes it. */
  readonly open: (path: string) => Effect.Effect<OpenPipe | undefined, PipeError, Scope.Scope>
  /** Standard output that is neither a file nor a pipe, such as a socket. */
  readonly stdout: OpenPipe
}

/** The pipes of the host. Default: none, and a capture to a pipe fails when it starts. */
export const Pipes: Context.Reference<Pipes | undefined> = Context.Reference<Pipes | undefined>(
  "effect-inet/capture/Pipes",
  { defaultValue: () => undefined }
)
