/** A store over a directory of the host; nothing outside of it can be read or written. */
import { constants } from "node:fs"
import * as Path from "node:path"
import * as Effect from "effect/Effect"
import * as Layer from "effect/Layer"
import * as Result from "effect/Result"
import type * as Scope from "effect/Scope"
import * as Semaphore from "effect/Semaphore"
import * as FileName from "./FileName.ts"
import { FileStore } from "./FileStore.ts"
import { AccessDenied, BadRoot, DiskFull, Exists, FileStoreError, type Reason } from "./FileStoreError.ts"
import * as NodeFileCalls from "./NodeFileCalls.ts"
import * as Upload from "./NodeUpload.ts"
import * as Quota from "./Quota.ts"
import type { Readable, Request, Store, WriteMode } from "./Store.ts"

/** Options of a store over a directory. @category models @since 0.1.0 */
export interface Options {
  /**
   * The directory. A symbolic link is followed again for every request, so that it can be switched to another version.
   */
  readonly root: string
  /** The permission to write. Default `none`. Missing folders are never created. */
  readonly write?: WriteMode | undefined
  /** True to ignore case in the names of files and folders to read. Default false. */
  readonly ignoreCase?: boolean | undefined
  /**
   * The limits on the size of a file, and of all files below the root. The files are counted again whenever an upload
   * starts while no other is in progress. Default: no limits.
   */
  readonly quota?: Quota.Limits | undefined
  /** The bytes that uploads must leave free on the disk. Default 0. */
  readonly minFreeBytes?: number | undefined
  /** True to flush an upload to the disk (fsync) before it is acknowledged. Default false. */
  readonly sync?: boolean | undefined
  /** The mode of new files, before the umask. Default 0o644. */
  readonly permissions?: number | undefined
}

/** A failure: a reason of `FileStoreError`, or a system error. */
type Failure = Reason | NodeJS.ErrnoException

const isErrno = (error: Failure): error is NodeJS.ErrnoException => error instanceof Error

/** Resolves a parsed name to a real path, following all links. */
const follow = Effect.fnUntraced(function* (
  root: string,
  parts: ReadonlyArray<string>,
  ignoreCase: boolean
): Effect.fn.Return<string, Failure> {
  const walk = Effect.fnUntraced(function* () {
    let path = root
    for (const part of parts) {
      const found = FileName.ignoringCase(yield* NodeFileCalls.readdir(path), part) ?? part
      path = yield* confined(root, yield* NodeFileCalls.realpath(Path.join(path, found)))
    }
    return path
  })
  const exact = NodeFileCalls.realpath(Path.join(root, ...parts))
  return yield* ignoreCase ? Effect.catchIf(exact, ({ code }) => code === "ENOENT", walk) : exact
})

/** Returns the path if it is inside the root and not an unfinished upload. */
const confined = (root: string, path: string): Effect.Effect<string, AccessDenied> => {
  if (!NodeFileCalls.isInside(root, path)) return Effect.fail(new AccessDenied({ why: "Outside" }))
  return Path.basename(path).startsWith(FileName.uploadPrefix)
    ? Effect.fail(new AccessDenied({ why: "Reserved" }))
    : Effect.succeed(path)
}

/** Opens a path inside the root, and checks the open file again: the path may have changed in between. */
const openInside = Effect.fnUntraced(function* (
  root: string,
  path: string,
  flags: number
): Effect.fn.Return<number, Failure, Scope.Scope> {
  const descriptor = yield* Effect.acquireRelease(
    NodeFileCalls.open(path, flags | constants.O_NOFOLLOW),
    (descriptor) => Effect.ignore(NodeFileCalls.close(descriptor))
  )
  yield* confined(root, yield* NodeFileCalls.realPathOf(descriptor, path))
  return descriptor
})

/** The flags for reading: do not wait for the other end of a pipe, nor acquire a terminal. */
const readFlags = constants.O_RDONLY | constants.O_NONBLOCK | constants.O_NOCTTY

const regular = (stats: Parameters<typeof NodeFileCalls.notRegular>[0]): Effect.Effect<void, AccessDenied> => {
  const refusal = NodeFileCalls.notRegular(stats)
  return refusal === undefined ? Effect.void : Effect.fail(refusal)
}

/** Returns the bytes of all files below a directory, without links and unfinished uploads. */
const measure = Effect.fnUntraced(function* (root: string) {
  const folders = [root]
  let sum = 0
  for (const folder of folders) {
    const entries = yield* Effect.orElseSucceed(NodeFileCalls.readdir(folder), () => [])
    for (const entry of entries) {
      if (entry.startsWith(FileName.uploadPrefix)) continue
      const path = Path.join(folder, entry)
      const stats = yield* Effect.orElseSucceed(NodeFileCalls.lstat(path), () => undefined)
      if (stats?.isDirectory()) folders.push(path)
      if (stats?.isFile()) sum += stats.size
    }
  }
  return sum
})

/** Makes a failure the error of a request. */
const typed =
  (request: Request, reasonOf: (cause: NodeJS.ErrnoException) => Reason) =>
  <A, R>(effect: Effect.Effect<A, Failure, R>): Effect.Effect<A, FileStoreError, R> =>
    Effect.mapError(effect, (error) => {
      const reason = isErrno(error) ? reasonOf(error) : error
      return new FileStoreError({ reason, filename: request.filename })
    })

/** Opens the requested file. */
const openReadable = Effect.fnUntraced(function* (
  { ignoreCase = false, root }: Options,
  { filename }: Request
): Effect.fn.Return<Readable, Failure, Scope.Scope> {
  const parts = yield* Effect.fromResult(FileName.parse(filename))
  const base = yield* NodeFileCalls.realpath(root)
  const path = yield* confined(base, yield* follow(base, parts, ignoreCase))
  yield* regular(yield* NodeFileCalls.lstat(path))
  const descriptor = yield* openInside(base, path, readFlags)
  const stats = yield* NodeFileCalls.fstat(descriptor)
  yield* regular(stats)
  return { size: stats.size, descriptor, body: NodeFileCalls.bodyOf(descriptor, filename) }
})

/** Opens the folder of an upload. */
const openFolder = Effect.fnUntraced(function* (
  base: string,
  parts: ReadonlyArray<string>
): Effect.fn.Return<Upload.Folder, Failure, Scope.Scope> {
  const path = yield* confined(base, yield* NodeFileCalls.realpath(Path.join(base, ...parts)))
  const descriptor = yield* openInside(base, path, constants.O_RDONLY | constants.O_DIRECTORY)
  const { dev, ino } = yield* NodeFileCalls.fstat(descriptor)
  return { descriptor, path: yield* NodeFileCalls.pathThrough(descriptor, path), id: `${dev}:${ino}` }
})

/**
 * Makes a store over a directory. Fails with `BadRoot` if the root is not a readable directory.
 *
 * Links are followed if they stay inside; directories, devices, pipes and sockets are refused. An upload is written to
 * a temporary file in the same folder, whose name begins with `.tftp-upload-` and cannot be requested; readers keep the
 * file they opened. A second upload of the same name is refused meanwhile, also by another server on the directory. The
 * temporary files of a killed server are removed by the next upload into the folder. Uploads do not follow links.
 *
 * @category constructors
 * @since 0.1.0
 */
export const make = Effect.fnUntraced(function* (options: Options): Effect.fn.Return<Store, FileStoreError> {
  const { minFreeBytes = 0, permissions = 0o644, root, sync = false, write: mode = "none" } = options
  const quota = Quota.make(options.quota)
  const admission = yield* Semaphore.make(1)
  const badRoot = (cause: unknown) =>
    Effect.fail(new FileStoreError({ reason: new BadRoot({ cause }), filename: root }))
  yield* Effect.catch(NodeFileCalls.readdir(root), badRoot)

  /** Reserves the upload's part of the quota and of the disk, before its first byte. */
  const admit = (base: string, folder: Upload.Folder, size: number | undefined) =>
    admission.withPermit(
      Effect.gen(function* (): Effect.fn.Return<Quota.Share, Failure, Scope.Scope> {
        if (options.quota?.total !== undefined && quota.isIdle()) quota.setStoredBytes(yield* measure(base))
        const room = (yield* NodeFileCalls.freeBytes(folder.path)) - minFreeBytes - quota.pendingBytes()
        const share = yield* Effect.acquireRelease(
          Effect.suspend(() => Effect.fromResult(quota.begin(size))),
          (share) => Effect.sync(() => share.end(0))
        )
        if (room < (size ?? 0)) return yield* Effect.fail(new DiskFull())
        return share
      })
    )

  const uploadTarget = Effect.fnUntraced(function* (
    request: Request
  ): Effect.fn.Return<readonly [Upload.Target, Quota.Share], Failure, Scope.Scope> {
    const { filename, size } = request
    const parts = yield* Effect.fromResult(FileName.parse(filename))
    if (mode === "none") return yield* Effect.fail(new AccessDenied({ why: "ReadOnly" }))
    const base = yield* NodeFileCalls.realpath(root)
    const folder = yield* openFolder(base, parts.slice(0, -1))
    const name = parts.at(-1)!
    const present = yield* Effect.result(NodeFileCalls.lstat(`${folder.path}/${name}`))
    if (Result.isSuccess(present)) {
      yield* regular(present.success)
      if (mode === "create") return yield* Effect.fail(new Exists())
    }
    return [{ folder, name, filename }, yield* admit(base, folder, size)] as const
  })

  return {
    read: (request) => typed(request, NodeFileCalls.readReason)(openReadable(options, request)),
    write: Effect.fnUntraced(function* (request) {
      const failed = typed(request, NodeFileCalls.writeReason)
      const [target, share] = yield* failed(uploadTarget(request))
      const checkFreeBytes = Effect.fnUntraced(function* (bytes: number): Effect.fn.Return<void, Failure> {
        if ((yield* NodeFileCalls.freeBytes(target.folder.path)) - bytes < minFreeBytes)
          return yield* Effect.fail(new DiskFull())
      })
      const availableBytes = minFreeBytes > 0 ? (bytes: number) => failed(checkFreeBytes(bytes)) : () => Effect.void
      return yield* Upload.make(target, share, {
        replace: mode === "overwrite",
        sync,
        permissions,
        checkSpace: availableBytes
      })
    })
  }
})

/** Provides a store over a directory as the `FileStore`. @category layers @since 0.1.0 */
export const layer = (options: Options): Layer.Layer<FileStore, FileStoreError> =>
  Layer.effect(FileStore, make(options))
