/**
 * An upload into a directory: written to a temporary file in the same folder, which is then renamed atomically.
 *
 * The temporary file is also a lock. Its name identifies the upload and the process that holds it:
 * `.tftp-upload-<hash of the name>.<owner>.<random>`. A process first creates its own file, then looks for others: of
 * two that start at the same time, at least one sees the other and is refused; within a process the first always wins.
 * Any process removes the files of dead owners. No name is used twice, so this never removes a file in use.
 */
import * as Crypto from "node:crypto"
import { constants } from "node:fs"
import * as Effect from "effect/Effect"
import * as Result from "effect/Result"
import * as NodeFileOwner from "../../process/NodeFileOwner.ts"
import { uploadPrefix } from "./FileName.ts"
import { Busy, FileStoreError, type Reason } from "./FileStoreError.ts"
import * as NodeFileCalls from "./NodeFileCalls.ts"
import type * as Quota from "./Quota.ts"
import type { Writable } from "./Store.ts"

/** An open directory. */
export interface Folder {
  readonly descriptor: number
  /** A path through the descriptor, where the system has one. */
  readonly path: string
  /** The identity of the directory: the same for every path to it. */
  readonly id: string
}

/** The file that an upload creates or replaces. */
export interface Target {
  readonly folder: Folder
  readonly name: string
  /** The name as sent by the client, for errors. */
  readonly filename: string
}

/** Options of one upload. */
export interface Options {
  readonly replace: boolean
  readonly sync: boolean
  readonly permissions: number
  /** Called before each write with its number of bytes; fails if the disk is full. */
  readonly checkSpace: (bytes: number) => Effect.Effect<void, FileStoreError>
}

/** The names being uploaded by this process, in all stores. */
const activeUploads = new Set<string>()

/** Locks a name within this process; returns its release, which the end of the scope calls at the latest. */
const lockName = ({ filename, folder, name }: Target) => {
  const key = `${folder.id}/${name}`
  const acquire = Effect.suspend(() => {
    if (activeUploads.has(key)) return Effect.fail(new FileStoreError({ reason: new Busy(), filename }))
    activeUploads.add(key)
    let isOurs = true
    return Effect.succeed(() => {
      if (isOurs) activeUploads.delete(key)
      isOurs = false
    })
  })
  return Effect.acquireRelease(acquire, (release) => Effect.sync(release))
}

const tagOf = (name: string) => Crypto.createHash("sha256").update(name).digest("hex").slice(0, 16)

/** Removes the temporary files of dead processes; returns true if a running one uploads the same name. */
const hasRival = Effect.fnUntraced(function* ({ folder, name }: Target, own: string) {
  const running = yield* NodeFileOwner.sweep(folder.path, uploadPrefix)
  return running.some((entry) => entry.name !== own && entry.name.startsWith(`${uploadPrefix}${tagOf(name)}.`))
})

interface Temporary {
  readonly path: string
  readonly descriptor: number
  isOpen: boolean
  exists: boolean
}

const create = ({ folder, name }: Target, permissions: number) => {
  const { O_CREAT, O_EXCL, O_NOFOLLOW, O_WRONLY } = constants
  const acquire = Effect.gen(function* () {
    const entry = `${uploadPrefix}${tagOf(name)}.${NodeFileOwner.self()}.${Crypto.randomBytes(4).toString("hex")}`
    const path = `${folder.path}/${entry}`
    const descriptor = yield* NodeFileCalls.open(path, O_WRONLY | O_CREAT | O_EXCL | O_NOFOLLOW, permissions)
    const temporary: Temporary = { path, descriptor, isOpen: true, exists: true }
    return { entry, temporary }
  })
  return Effect.acquireRelease(acquire, ({ temporary: { descriptor, isOpen, exists: isThere, path } }) =>
    Effect.andThen(
      Effect.ignore(isThere ? NodeFileCalls.unlink(path) : Effect.void),
      Effect.ignore(isOpen ? NodeFileCalls.close(descriptor) : Effect.void)
    )
  )
}

/** The error codes of file systems without hard links. */
const linkless = new Set(["EPERM", "ENOTSUP", "EOPNOTSUPP", "ENOSYS", "EMLINK"])

const isPresent = (path: string) =>
  Effect.match(NodeFileCalls.lstat(path), { onSuccess: () => true, onFailure: () => false })

/**
 * Gives the temporary file its final name, and fails if that exists, by a hard link. On a file system without hard
 * links, a file that is created between the check and the rename is replaced.
 */
const linkOrRename = Effect.fnUntraced(function* (from: string, to: string) {
  const linked = yield* Effect.result(NodeFileCalls.link(from, to))
  if (Result.isSuccess(linked)) return yield* Effect.ignore(NodeFileCalls.unlink(from))
  if (!linkless.has(linked.failure.code ?? "")) return yield* Effect.fail(linked.failure)
  if (yield* isPresent(to)) return yield* Effect.fail(NodeFileCalls.errno("EEXIST"))
  yield* NodeFileCalls.rename(from, to)
})

/** Starts an upload; closing the scope without a commit removes it. */
export const make = Effect.fnUntraced(function* (target: Target, share: Quota.Share, options: Options) {
  const { filename, folder, name } = target
  const fail = (reason: Reason) => Effect.fail(new FileStoreError({ reason, filename }))
  const failed = (cause: NodeJS.ErrnoException) => fail(NodeFileCalls.writeReason(cause))
  const to = `${folder.path}/${name}`

  const release = yield* lockName(target)
  const { entry, temporary } = yield* Effect.catch(create(target, options.permissions), failed)
  if (yield* Effect.catch(hasRival(target, entry), failed)) return yield* fail(new Busy())
  const sizeNow = Effect.match(NodeFileCalls.lstat(to), { onSuccess: ({ size }) => size, onFailure: () => 0 })

  let position = 0
  let writeError: FileStoreError | undefined
  const write = Effect.fnUntraced(function* (bytes: Uint8Array) {
    const grown = share.grow(bytes.length)
    if (Result.isFailure(grown)) return yield* fail(grown.failure)
    yield* options.checkSpace(bytes.length)
    yield* Effect.catch(NodeFileCalls.writeAt(temporary.descriptor, position, bytes), failed)
    position += bytes.length
  })
  const keepError = (error: FileStoreError) =>
    Effect.sync(() => {
      writeError = error
    })
  const commit = Effect.gen(function* () {
    if (writeError !== undefined) return yield* Effect.fail(writeError)
    if (options.sync) yield* Effect.catch(NodeFileCalls.fsync(temporary.descriptor), failed)
    temporary.isOpen = false
    yield* Effect.catch(NodeFileCalls.close(temporary.descriptor), failed)
    const before = yield* sizeNow
    if (options.replace) yield* Effect.catch(NodeFileCalls.rename(temporary.path, to), failed)
    else yield* Effect.catch(linkOrRename(temporary.path, to), failed)
    temporary.exists = false
    if (options.sync) yield* Effect.catch(NodeFileCalls.fsync(folder.descriptor), failed)
    share.end(position - before)
    release()
  })
  const writable: Writable = {
    write: (bytes) => Effect.tapError(write(bytes), keepError),
    commit: Effect.uninterruptible(commit),
    descriptor: temporary.descriptor
  }
  return writable
})
