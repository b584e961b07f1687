/**
 * A checkpoint in a file. Each write goes to a temporary file beside it, which is then renamed: after a crash of the
 * process or the machine the checkpoint is the old one or the new one, never a part of one.
 */
import * as Fs from "node:fs/promises"
import * as Effect from "effect/Effect"
import * as Semaphore from "effect/Semaphore"
import type { Checkpoint } from "./FarmCheckpoint.ts"
import { CheckpointFailed, FarmError } from "./FarmError.ts"

const hints: Readonly<Record<string, string>> = {
  EACCES: "permission denied; choose a writable file in a writable directory",
  EISDIR: "is a directory; name a file in it",
  ENOENT: "its directory does not exist; create it first",
  ENOSPC: "no space left on the device",
  ENOTDIR: "a part of the path is not a directory"
}

/**
 * Makes the checkpoint in a file, which need not exist.
 *
 * @category constructors
 * @since 0.1.0
 */
export const file = (path: string): Checkpoint => {
  const temporaryPath = `${path}.new`
  const lock = Semaphore.makeUnsafe(1)
  // Node cannot cancel a file operation: it is uninterruptible, and the next one waits for it.
  const attempt = <A>(work: () => Promise<A>) =>
    Effect.tryPromise({
      try: work,
      catch: (cause) => {
        const { code = "", message } = cause as NodeJS.ErrnoException
        return new FarmError({ reason: new CheckpointFailed({ path, detail: hints[code] ?? message }) })
      }
    }).pipe(Effect.uninterruptible, lock.withPermit)
  const undefinedIfMissing = (cause: NodeJS.ErrnoException) => {
    if (cause.code !== "ENOENT") throw cause
    return undefined
  }
  return {
    path,
    read: attempt(() => Fs.readFile(path, "utf8").catch(undefinedIfMissing)),
    write: (text) =>
      attempt(async () => {
        await Fs.writeFile(temporaryPath, text, { flush: true })
        await Fs.rename(temporaryPath, path)
      }),
    remove: attempt(() => Fs.rm(path, { force: true }))
  }
}
