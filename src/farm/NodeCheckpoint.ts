/**
 * A checkpoint in a file. It is written beside the file and then takes its name: whenever the process or the machine
 * dies, one of the two is whole, and half a file is never read.
 */
import * as Fs from "node:fs/promises"
import * as Effect from "effect/Effect"
import * as Semaphore from "effect/Semaphore"
import type { Checkpoint } from "./FarmCheckpoint.ts"
import { CheckpointFailed as Bad, FarmError } from "./FarmError.ts"

const hints: Readonly<Record<string, string>> = {
  EACCES: "no permission: choose a file that may be written, in a directory that may",
  EISDIR: "is a directory: name a file in it",
  ENOENT: "its directory does not exist: make it first",
  ENOSPC: "no space left on the device",
  ENOTDIR: "a part of the path is not a directory"
}

/**
 * The checkpoint in this file, which need not exist.
 *
 * @category constructors
 * @since 0.1.0
 */
export const file = (path: string): Checkpoint => {
  const temporaryPath = `${path}.new`
  const lock = Semaphore.makeUnsafe(1)
  // What the file system has begun it also ends: nobody may go on before.
  const attempt = <A>(work: () => Promise<A>) =>
    Effect.tryPromise({
      try: work,
      catch: (cause) => {
        const { code = "", message } = cause as NodeJS.ErrnoException
        return new FarmError({ reason: new Bad({ path, detail: hints[code] ?? message }) })
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
