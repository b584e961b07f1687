/** Failure of the capture of a client: the client does its work, and then fails, because the file is incomplete. */
import * as Context from "effect/Context"
import * as Effect from "effect/Effect"
import type { CannotCapture } from "./CliErrors.ts"

/** Receives the failure of a capture after its start. Default: none, for a server, which logs a warning. */
export class CaptureFailure extends Context.Reference<{ error: CannotCapture | undefined } | undefined>(
  "effect-inet/cli/CaptureFailure",
  { defaultValue: () => undefined }
) {}

/** Fails after a program that has succeeded without its capture; logs it after any other end. */
export const check = <A, E, R>(program: Effect.Effect<A, E, R>): Effect.Effect<A, E | CannotCapture, R> =>
  Effect.suspend(() => {
    const failure: { error: CannotCapture | undefined } = { error: undefined }
    return Effect.provideService(program, CaptureFailure, failure).pipe(
      Effect.onError(() => (failure.error === undefined ? Effect.void : Effect.logWarning(failure.error.message))),
      Effect.tap(() => (failure.error === undefined ? Effect.void : Effect.fail(failure.error)))
    )
  })
