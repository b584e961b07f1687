/** Files of a failure: `SIM_CAPTURE` names a capture of the shrunk run, and `SIM_HTML` a page. */
import * as Fs from "node:fs"
import * as Data from "effect/Data"
import * as Effect from "effect/Effect"
import type { FailedRun } from "./FailedRun.ts"

/** A file that could not be written. */
export class FailureFileError extends Data.TaggedError("FailureFileError")<{
  readonly path: string
  readonly cause: unknown
}> {
  override get message(): string {
    const why = this.cause instanceof Error ? this.cause.message : String(this.cause)
    return `cannot write ${this.path}: ${why}`
  }
}

const write = (path: string, content: () => Promise<string | ReadonlyArray<Uint8Array>>) =>
  Effect.tryPromise({
    try: async () => {
      const data = await content()
      Fs.writeFileSync(path, typeof data === "string" ? data : Buffer.concat(data))
    },
    catch: (cause) => new FailureFileError({ path, cause })
  })

/** Writes the capture of a failed run. */
export const writeCapture = (path: string, { events, hosts }: FailedRun): Effect.Effect<void, FailureFileError> =>
  write(path, async () => {
    const FailureCapture = await import("./FailureCapture.ts")
    return FailureCapture.encode({ events, hosts })
  })

/** Writes the page of a failed run. */
export const writePage = (path: string, failed: FailedRun): Effect.Effect<void, FailureFileError> =>
  write(path, async () => {
    const FailurePage = await import("./html/FailurePage.ts")
    const { events, second, ...failure } = failed
    return FailurePage.format(second === undefined ? [events] : [events, second], failure)
  })
