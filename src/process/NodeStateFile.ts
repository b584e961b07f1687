/**
 * A file that is replaced atomically: after a crash of process or machine it has the old content or the new one.
 *
 * A write goes to a temporary file in the same folder, which is synced and renamed; then the folder is synced. Each
 * temporary file has a name of its own, so that of two processes that write at the same time one replaces the file of
 * the other. To exclude the other process, lock the path with `NodeLockFile`.
 */
import { constants } from "node:buffer"
import * as Crypto from "node:crypto"
import * as Fs from "node:fs/promises"
import * as Path from "node:path"
import * as Effect from "effect/Effect"
import * as Semaphore from "effect/Semaphore"
import * as NodeFileOwner from "./NodeFileOwner.ts"
import * as StateFileError from "./StateFileError.ts"

/** A file with a state as text. Its operations are uninterruptible and run one after the other. */
export interface NodeStateFile {
  readonly path: string
  /** Returns the content, undefined if the file does not exist. Deletes the temporary files of killed processes. */
  readonly read: Effect.Effect<string | undefined, StateFileError.StateFileError>
  /** Replaces the content, and keeps the permissions. On failure the old content is unchanged. */
  readonly write: (text: string) => Effect.Effect<void, StateFileError.StateFileError>
  /** Deletes the file, which need not exist. */
  readonly remove: Effect.Effect<void, StateFileError.StateFileError>
}

const undefinedIfMissing = (cause: NodeJS.ErrnoException) => {
  if (cause.code !== "ENOENT") throw cause
  return undefined
}

/** Returns the missing file that a path leads to through symbolic links. The kernel has refused a circle of them. */
const resolveMissing = async (path: string): Promise<string> => {
  const target = await Fs.readlink(path).catch(() => undefined)
  if (target === undefined) return path
  return resolveMissing(Path.resolve(await Fs.realpath(Path.dirname(path)), target))
}

/** Returns the file that a path leads to through symbolic links, which need not exist. */
const resolveFile = async (path: string) => {
  const stats = await Fs.stat(path).catch(undefinedIfMissing)
  if (stats?.isFile() === false) throw StateFileError.make(path, stats.isDirectory() ? "EISDIR" : "NotRegular")
  return { path: stats === undefined ? await resolveMissing(path) : await Fs.realpath(path), stats }
}

/** Runs a file operation. Node cannot cancel one: it is uninterruptible. */
const attempt = <A>(path: string, work: () => Promise<A>) =>
  Effect.uninterruptible(Effect.tryPromise({ try: work, catch: (cause) => StateFileError.fromCause(path, cause) }))

/** Returns the file that a path leads to through symbolic links. Fails if that is not a regular file or a new one. */
export const resolve = (path: string) =>
  Effect.map(
    attempt(path, () => resolveFile(path)),
    (file) => file.path
  )

/** The error codes of folders and file systems that cannot be synced. */
const unsyncable = new Set(["EINVAL", "ENOTSUP", "EPERM"])

/** Makes a rename durable, if the folder can be read and synced. */
const syncFolder = async (path: string) => {
  const folder = await Fs.open(path, "r").catch(() => undefined)
  try {
    await folder?.sync()
  } catch (cause) {
    if (!unsyncable.has((cause as NodeJS.ErrnoException).code ?? "")) throw cause
  } finally {
    await folder?.close()
  }
}

const temporaryPrefix = (name: string) => `${name}.new-`

const replace = async (to: string, text: string) => {
  const { path, stats } = await resolveFile(to)
  const temporaryPath = `${temporaryPrefix(path)}${NodeFileOwner.self()}.${Crypto.randomBytes(4).toString("hex")}`
  const temporary = await Fs.open(temporaryPath, "wx", (stats?.mode ?? 0o666) & 0o777)
  try {
    try {
      await temporary.writeFile(text)
      await temporary.sync()
    } finally {
      await temporary.close()
    }
    await Fs.rename(temporaryPath, path)
  } catch (cause) {
    await Fs.rm(temporaryPath, { force: true }).catch(() => undefined)
    throw cause
  }
  await syncFolder(Path.dirname(path))
}

const tooLarge = (path: string, bytes: number, maxBytes: number) =>
  StateFileError.make(path, "TooLarge", `is too large (${bytes} bytes, limit ${maxBytes})`)

/**
 * Reads a file, of which the size is that of its content or not. If it is a FIFO since it was found, this fails instead
 * of waiting for the writer.
 */
const readBounded = async (path: string, maxBytes: number) => {
  const file = await Fs.open(path, Fs.constants.O_RDONLY | Fs.constants.O_NONBLOCK)
  try {
    if (!(await file.stat()).isFile()) throw StateFileError.make(path, "NotRegular")
    const chunks: Array<Buffer> = []
    let bytes = 0
    for await (const chunk of file.createReadStream({ autoClose: false }) as AsyncIterable<Buffer>) {
      bytes += chunk.length
      if (bytes > maxBytes) throw tooLarge(path, bytes, maxBytes)
      chunks.push(chunk)
    }
    return Buffer.concat(chunks).toString("utf8")
  } finally {
    await file.close()
  }
}

const readText = Effect.fnUntraced(function* (from: string, maxBytes: number) {
  const { path, stats } = yield* attempt(from, () => resolveFile(from))
  yield* Effect.ignore(NodeFileOwner.sweep(Path.dirname(path), temporaryPrefix(Path.basename(path))))
  if (stats === undefined) return undefined
  if (stats.size > maxBytes) return yield* tooLarge(path, stats.size, maxBytes)
  return yield* attempt(from, () => readBounded(path, maxBytes))
})

/** The options of a state file. */
export interface Options {
  /** The most bytes that are read and written. Default: the longest string. */
  readonly maxBytes?: number | undefined
}

/** Makes the state file at a path. */
export const make = (path: string, { maxBytes = constants.MAX_STRING_LENGTH }: Options = {}): NodeStateFile => {
  const { withPermit } = Semaphore.makeUnsafe(1)
  const write = async (text: string) => {
    const bytes = Buffer.byteLength(text)
    if (bytes > maxBytes) throw tooLarge(path, bytes, maxBytes)
    return replace(path, text)
  }
  return {
    path,
    read: withPermit(readText(path, maxBytes)),
    write: (text) => withPermit(attempt(path, () => write(text))),
    remove: withPermit(attempt(path, async () => Fs.rm((await resolveFile(path)).path, { force: true })))
  }
}
