/**
 * Scoreboard journal in a file.
 *
 * Appended text is in the kernel when the write returns, so it survives the death of the process. It is not synced to
 * the disk: a crash of the machine may lose the last seconds. A compacted journal is written to a temporary file,
 * synced and renamed, so that a complete file exists at any moment.
 */
import * as Fs from "node:fs"
import * as Effect from "effect/Effect"
import * as NodeLockFile from "../process/NodeLockFile.ts"
import { type Journal, ScoreboardError } from "./Scoreboard.ts"

/** Limit for the size of the file: 256 MiB. */
const maxBytes = 256 * 1_024 * 1_024

const explanations: Readonly<Record<string, string>> = {
  EACCES: "permission denied: choose a writable file in a writable directory",
  EISDIR: "is a directory: name a file in it",
  ENOENT: "its directory does not exist: create it first",
  ENOSPC: "no space left on the device",
  ENOTDIR: "a part of the path is not a directory",
  EROFS: "is on a read-only file system"
}

const journalError = (path: string) => (cause: unknown) => {
  const { code = "", message } = cause as NodeJS.ErrnoException
  return new ScoreboardError({ message: `${path}: ${explanations[code] ?? message}` })
}

/**
 * Opens or creates the file, and locks it until the scope closes. Fails if another server has locked it, or if it
 * cannot be read and written.
 *
 * @category constructors
 * @since 0.1.0
 */
export const make = Effect.fnUntraced(function* (name: string) {
  // A symbolic link is kept: a compacted journal replaces the file that the link points to.
  const path = Fs.existsSync(name) ? Fs.realpathSync(name) : name
  const attempt = <A>(work: () => A) => Effect.try({ try: work, catch: journalError(path) })
  const attemptPromise = <A>(work: () => Promise<A>) => Effect.tryPromise({ try: work, catch: journalError(path) })
  const stats = yield* attempt(() => Fs.statSync(path, { throwIfNoEntry: false }))
  if (stats !== undefined && !stats.isFile()) {
    const problem = stats.isDirectory()
      ? explanations.EISDIR
      : "is not a regular file: name a regular file or a new path"
    return yield* new ScoreboardError({ message: `${path}: ${problem}` })
  }
  if (stats !== undefined && stats.size > maxBytes) {
    return yield* new ScoreboardError({
      message: `${path}: too large for a scoreboard (${stats.size} bytes, limit ${maxBytes})`
    })
  }
  yield* NodeLockFile.acquire(path, (cause, holder) =>
    holder === undefined
      ? journalError(path)(cause)
      : new ScoreboardError({ message: `${path}: locked by process ${holder}: stop it or name another file` })
  )
  let file = yield* attemptPromise(() => Fs.promises.open(path, "a+"))
  yield* Effect.addFinalizer(() => Effect.promise(() => file.close()))
  const initialText = yield* attemptPromise(() => file.readFile("utf8"))
  let size = (yield* attemptPromise(() => file.stat())).size

  const append = (text: string) => {
    const bytes = Buffer.from(text)
    return attemptPromise(async () => {
      let written = 0
      while (written < bytes.length) written += (await file.write(bytes, written)).bytesWritten
      size += bytes.length
    }).pipe(Effect.tapError(() => Effect.ignore(attemptPromise(() => file.truncate(size)))))
  }
  const temporaryPath = `${path}.new`
  const replace = (text: string) =>
    attemptPromise(async () => {
      const mode = (await file.stat()).mode & 0o777
      await Fs.promises.rm(temporaryPath, { force: true })
      // The file is opened before the rename, so that nothing can fail after it.
      const next = await Fs.promises.open(temporaryPath, "ax+", mode)
      try {
        await next.writeFile(text)
        await next.sync()
        await Fs.promises.rename(temporaryPath, path)
      } catch (cause) {
        await next.close()
        throw cause
      }
      const replaced = file
      file = next
      size = Buffer.byteLength(text)
      await replaced.close()
    })
  const journal: Journal = { name: path, initialText, append, replace }
  return journal
})
