/**
 * A scoreboard in a file.
 *
 * What is appended is the kernel's when the write returns, and survives the death of the process; it is not forced to
 * the disk, so that a failing machine may lose the last seconds. Writing anew makes a file beside it, which then takes
 * its name: at any moment one of the two is whole.
 */
import * as Fs from "node:fs"
import * as Effect from "effect/Effect"
import * as NodeLockFile from "../process/NodeLockFile.ts"
import { type Journal, ScoreboardError } from "./Scoreboard.ts"

/** The largest file that is read. */
const maxBytes = 256 * 1_024 * 1_024

const advice: Readonly<Record<string, string>> = {
  EACCES: "no permission: choose a file that may be written, in a directory that may",
  EISDIR: "is a directory: name a file in it",
  ENOENT: "its directory does not exist: make it first",
  ENOSPC: "no space left on the device",
  ENOTDIR: "a part of the path is not a directory",
  EROFS: "is on a file system that cannot be written"
}

const failed = (path: string) => (cause: unknown) => {
  const { code = "", message } = cause as NodeJS.ErrnoException
  return new ScoreboardError({ message: `${path}: ${advice[code] ?? message}` })
}

/**
 * Opens the file, or makes it, and keeps other servers away from it until the scope closes. Fails where another one has
 * it, and where it is not a file that can be read and written.
 *
 * @category constructors
 * @since 0.1.0
 */
export const make = Effect.fnUntraced(function* (name: string) {
  // A link stays one: what is written anew takes the place of the file it leads to.
  const path = Fs.existsSync(name) ? Fs.realpathSync(name) : name
  const attempt = <A>(work: () => A) => Effect.try({ try: work, catch: failed(path) })
  const promise = <A>(work: () => Promise<A>) => Effect.tryPromise({ try: work, catch: failed(path) })
  const found = yield* attempt(() => Fs.statSync(path, { throwIfNoEntry: false }))
  if (found !== undefined && !found.isFile()) {
    const what = found.isDirectory() ? advice.EISDIR : "is not a regular file: name one, or none to make it"
    return yield* new ScoreboardError({ message: `${path}: ${what}` })
  }
  if (found !== undefined && found.size > maxBytes) {
    return yield* new ScoreboardError({ message: `${path}: ${found.size} bytes are too many for a scoreboard` })
  }
  yield* NodeLockFile.claim(path, (cause, holder) =>
    holder === undefined
      ? failed(path)(cause)
      : new ScoreboardError({ message: `${path}: process ${holder} keeps its scores there: stop it, or name another` })
  )
  let file = yield* promise(() => Fs.promises.open(path, "a+"))
  yield* Effect.addFinalizer(() => Effect.promise(() => file.close()))
  const past = yield* promise(() => file.readFile("utf8"))
  let size = (yield* promise(() => file.stat())).size

  const append = (text: string) => {
    const bytes = Buffer.from(text)
    return promise(async () => {
      let from = 0
      while (from < bytes.length) from += (await file.write(bytes, from)).bytesWritten
      size += bytes.length
    }).pipe(Effect.tapError(() => Effect.ignore(promise(() => file.truncate(size)))))
  }
  const beside = `${path}.new`
  const replace = (text: string) =>
    promise(async () => {
      const mode = (await file.stat()).mode & 0o777
      await Fs.promises.rm(beside, { force: true })
      // Open before it takes the name: nothing that may fail comes after.
      const next = await Fs.promises.open(beside, "ax+", mode)
      try {
        await next.writeFile(text)
        await next.sync()
        await Fs.promises.rename(beside, path)
      } catch (cause) {
        await next.close()
        throw cause
      }
      const before = file
      file = next
      size = Buffer.byteLength(text)
      await before.close()
    })
  const journal: Journal = { name: path, past, append, replace }
  return journal
})
