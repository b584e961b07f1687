/**
 * A file that is replaced atomically: after a crash of process or machine it has the old content or the new one.
 *
 * A write goes to a temporary file in the same folder, which is synced and renamed; then the folder is synced. Each
 * temporary file has a name of its own, so that of two processes that write at the same time one replaces the file of
 * the other. To exclude the other process, lock the path with `LockFile`.
 */
import * as ByteSize from "effect/ByteSize"
import * as Effect from "effect/Effect"
import * as Option from "effect/Option"
import type * as PlatformError from "effect/PlatformError"
import * as Semaphore from "effect/Semaphore"
import * as FileOwner from "./FileOwner.ts"
import * as FilePlatform from "./FilePlatform.ts"
import * as StateFileError from "./StateFileError.ts"

/** A file with a state as text. Its operations are uninterruptible and run one after the other. */
export interface StateFile {
  readonly path: string
  /** Returns the content, undefined if the file does not exist. Deletes the temporary files of killed processes. */
  readonly read: Effect.Effect<string | undefined, StateFileError.StateFileError>
  /**
   * Replaces the content, and keeps the permissions. On failure the file has the old content; or the new one if only
   * the sync of the folder has failed, and then a crash of the machine may bring the old one back.
   */
  readonly write: (text: string) => Effect.Effect<void, StateFileError.StateFileError>
  /**
   * Makes the content that is in place durable under its name, if a failed write or an earlier process may not have.
   * Only the name: bytes that were appended are synced by those who append them.
   */
  readonly syncName: Effect.Effect<void, StateFileError.StateFileError>
  /** Deletes the file, which need not exist. On failure it may be gone until a crash of the machine. */
  readonly remove: Effect.Effect<void, StateFileError.StateFileError>
}

/** Options of a state file. */
export interface Options {
  /** The most bytes that are read and written. */
  readonly maxBytes: number
}

type Platform = FilePlatform.FilePlatform
type Failing<A> = Effect.Effect<A, PlatformError.PlatformError | StateFileError.StateFileError>

/** The file that a path leads to through symbolic links. */
interface Resolved {
  readonly path: string
  /** Undefined if it does not exist. */
  readonly existing: { readonly mode: number; readonly size: number } | undefined
}

/** Returns the missing file that a path leads to through symbolic links. The kernel has refused a circle of them. */
const resolveMissing = (platform: Platform, path: string): Failing<string> => {
  const { fileSystem, path: paths } = platform
  return Effect.flatMap(Effect.option(fileSystem.readLink(path)), (target) =>
    Option.isNone(target)
      ? Effect.succeed(path)
      : Effect.flatMap(fileSystem.realPath(paths.dirname(path)), (folder) =>
          resolveMissing(platform, paths.resolve(folder, target.value))
        )
  )
}

/** Returns the file that a path leads to through symbolic links, which need not exist. */
const resolveFile = Effect.fnUntraced(function* (platform: Platform, path: string) {
  const { fileSystem } = platform
  const info = yield* Effect.catchIf(
    fileSystem.stat(path),
    (error) => FilePlatform.codeOf(error) === "ENOENT",
    () => Effect.undefined
  )
  if (info === undefined) return { path: yield* resolveMissing(platform, path), existing: undefined } satisfies Resolved
  if (info.type !== "File") {
    return yield* StateFileError.make(path, info.type === "Directory" ? "EISDIR" : "NotRegular")
  }
  const existing = { mode: info.mode, size: Number(ByteSize.toBigInt(info.size)) }
  return { path: yield* fileSystem.realPath(path), existing } satisfies Resolved
})

/** Runs operations. What happens half way is not known if they are interrupted: they are not. */
const attempt = <A>(path: string, work: Failing<A>) =>
  Effect.uninterruptible(Effect.mapError(work, (cause) => StateFileError.fromCause(path, cause)))

/** Returns the file that a path leads to through symbolic links. Fails if that is not a regular file or a new one. */
export const resolve = (platform: Platform, path: string): Effect.Effect<string, StateFileError.StateFileError> =>
  Effect.map(attempt(path, resolveFile(platform, path)), (file) => file.path)

/** Makes a rename durable, if the folder can be read and synced. Other errors of the disk are failures. */
const syncFolder = ({ fileSystem }: Pick<Platform, "fileSystem">, path: string) =>
  Effect.catchIf(
    Effect.scoped(Effect.flatMap(fileSystem.open(path), (folder) => folder.sync)),
    (error) => StateFileError.unsyncable.has(FilePlatform.codeOf(error)),
    () => Effect.void
  )

const temporaryPrefix = (name: string) => `${name}.new-`

const permissionBits = 0o777
const newFileBits = 0o666

/** Replaces a file by a new one, of which the name is not durable yet; returns its folder. */
const replace = Effect.fnUntraced(function* (platform: Platform, to: string, content: Uint8Array) {
  const { fileSystem, owner, path: paths, randomName } = platform
  const { existing, path } = yield* resolveFile(platform, to)
  const temporaryPath = `${temporaryPrefix(path)}${owner()}.${randomName()}`
  const mode = (existing?.mode ?? newFileBits) & permissionBits
  const removed = Effect.ignore(fileSystem.remove(temporaryPath, { force: true }))
  const fill = Effect.scoped(
    Effect.flatMap(fileSystem.open(temporaryPath, { flag: "wx", mode }), (file) =>
      Effect.onError(Effect.andThen(file.writeAll(content), file.sync), () => removed)
    )
  )
  yield* fill
  yield* Effect.onError(fileSystem.rename(temporaryPath, path), () => removed)
  return paths.dirname(path)
})

const tooLarge = (path: string, bytes: number, maxBytes: number) =>
  StateFileError.make(path, "TooLarge", `is too large (${bytes} bytes, limit ${maxBytes})`)

/** Bytes that are read at once. */
const chunkBytes = 256 * 1_024

/**
 * Reads a file, of which the size is that of its content or not. If it is a FIFO since it was found, this fails instead
 * of waiting for the writer.
 */
const readBounded = Effect.fnUntraced(function* ({ openToRead }: Platform, path: string, maxBytes: number) {
  const file = yield* openToRead(path)
  if ((yield* file.type) !== "File") return yield* StateFileError.make(path, "NotRegular")
  const decoder = new TextDecoder("utf-8", { ignoreBOM: true })
  let text = ""
  for (let bytes = 0; ; ) {
    const chunk = yield* file.readAlloc(chunkBytes)
    if (Option.isNone(chunk)) return text + decoder.decode()
    bytes += chunk.value.length
    if (bytes > maxBytes) return yield* tooLarge(path, bytes, maxBytes)
    text += decoder.decode(chunk.value, { stream: true })
  }
}, Effect.scoped)

const readText = Effect.fnUntraced(function* (platform: Platform, from: string, maxBytes: number) {
  const { path: paths } = platform
  const { existing, path } = yield* attempt(from, resolveFile(platform, from))
  yield* Effect.ignore(FileOwner.sweep(platform, paths.dirname(path), temporaryPrefix(paths.basename(path))))
  if (existing === undefined) return undefined
  if (existing.size > maxBytes) return yield* tooLarge(path, existing.size, maxBytes)
  return yield* attempt(from, readBounded(platform, path, maxBytes))
})

/** Makes the state file at a path. */
export const make = (platform: Platform, path: string, { maxBytes }: Options): StateFile => {
  const { withPermit } = Semaphore.makeUnsafe(1)
  // A process that was killed may have renamed a file and not synced the folder.
  let isNameDurable = false
  const syncFolderOf = (folder: string) =>
    Effect.map(syncFolder(platform, folder), () => {
      isNameDurable = true
    })
  const write = Effect.fnUntraced(function* (text: string) {
    const content = new TextEncoder().encode(text)
    if (content.length > maxBytes) return yield* tooLarge(path, content.length, maxBytes)
    isNameDurable = false
    yield* syncFolderOf(yield* replace(platform, path, content))
  })
  const syncName = Effect.gen(function* () {
    if (isNameDurable) return
    yield* syncFolderOf(platform.path.dirname((yield* resolveFile(platform, path)).path))
  })
  const remove = Effect.gen(function* () {
    const file = yield* resolveFile(platform, path)
    if (file.existing === undefined) return
    isNameDurable = false
    yield* platform.fileSystem.remove(file.path, { force: true })
    yield* syncFolderOf(platform.path.dirname(file.path))
  })
  return {
    path,
    read: withPermit(readText(platform, path, maxBytes)),
    write: (text) => withPermit(attempt(path, write(text))),
    syncName: withPermit(attempt(path, syncName)),
    remove: withPermit(attempt(path, remove))
  }
}
