/** The writing side of a store over a directory: the folder of an upload, what it may replace, and its quota. */
import { constants, type Stats } from "node:fs"
import * as Path from "node:path"
import * as Effect from "effect/Effect"
import type * as Scope from "effect/Scope"
import * as Semaphore from "effect/Semaphore"
import * as FileName from "./FileName.ts"
import { AccessDenied, DiskFull, Exists, FolderNotFound, TargetNotFound } from "./FileStoreError.ts"
import * as NodeFileAttributes from "./NodeFileAttributes.ts"
import * as NodeFileCalls from "./NodeFileCalls.ts"
import { confined, type Failure, openInside, regular, typed } from "./NodeFileRead.ts"
import type * as NodeReplacement from "./NodeReplacement.ts"
import * as Upload from "./NodeUpload.ts"
import type { Folder, Target } from "./NodeUploadTemporary.ts"
import * as Quota from "./Quota.ts"
import type { Request, Store, WriteMode } from "./Store.ts"

/** Options of writing. */
export interface Options {
  readonly root: string
  readonly write: WriteMode
  readonly replace: NodeReplacement.Method
  /** True to create missing folders. */
  readonly mkdirs: boolean
  readonly spool: string
  readonly quota: Quota.Limits | undefined
  readonly minFreeBytes: number
  readonly sync: boolean
  /** The mode of new files, and of new folders. */
  readonly newFile: Upload.Mode
  readonly newFolder: Upload.Mode
}

/** The deepest folder that an upload may create, counted from the root. */
const maxFolderDepth = 8

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

const isMissing = (error: Failure) => "code" in error && (error.code === "ENOENT" || error.code === "ENOTDIR")

/** Opens the folder of an upload. */
const openFolder = Effect.fnUntraced(function* (
  base: string,
  parts: ReadonlyArray<string>
): Effect.fn.Return<Folder, Failure, Scope.Scope> {
  const path = yield* confined(base, yield* NodeFileCalls.realpath(Path.join(base, ...parts)))
  const descriptor = yield* openInside(base, path, constants.O_RDONLY | constants.O_DIRECTORY)
  const stats = yield* NodeFileCalls.fstat(descriptor)
  return { descriptor, path: yield* NodeFileCalls.pathThrough(descriptor, path), stats }
})

/** Creates a folder, which the end of the scope removes if it is empty; returns false if another upload created it. */
const createFolder = (path: string, { bits }: Upload.Mode) =>
  Effect.acquireRelease(Effect.as(NodeFileCalls.mkdir(path, bits), true), () =>
    Effect.ignore(NodeFileCalls.rmdir(path))
  ).pipe(
    Effect.catchIf(
      ({ code }) => code === "EEXIST",
      () => Effect.succeed(false)
    )
  )

/** Opens the folder of an upload, and creates it and those above it if they are missing. */
const openOrCreateFolder = (
  base: string,
  parts: ReadonlyArray<string>,
  { newFolder: mode, sync }: Pick<Options, "newFolder" | "sync">
): Effect.Effect<Folder, Failure, Scope.Scope> =>
  Effect.catchIf(
    openFolder(base, parts),
    (error) => "code" in error && error.code === "ENOENT" && parts.length > 0,
    Effect.fnUntraced(function* () {
      if (parts.length > maxFolderDepth) return yield* Effect.fail(new AccessDenied({ why: "TooDeep" }))
      const parent = yield* openOrCreateFolder(base, parts.slice(0, -1), { newFolder: mode, sync })
      const isOurs = yield* createFolder(`${parent.path}/${parts.at(-1)}`, mode)
      if (sync) yield* NodeFileCalls.fsync(parent.descriptor)
      const folder = yield* openFolder(base, parts)
      if (isOurs) yield* Upload.setMode(folder.descriptor, mode)
      return folder
    })
  )

/** Fails if a file may not be replaced: no one may write it, or this process may not. */
const checkWritable = (path: string, { mode }: Stats): Effect.Effect<void, Failure> =>
  (mode & 0o222) === 0 ? Effect.fail(new AccessDenied({ why: "Forbidden" })) : NodeFileCalls.checkWritable(path)

/** Makes the function that opens uploads. */
export const make = Effect.fnUntraced(function* (options: Options): Effect.fn.Return<Store["write"]> {
  const { minFreeBytes, root, write: mode } = options
  const mayCreate = mode !== "existing"
  const quota = Quota.make(options.quota)
  const diskFull = new DiskFull(minFreeBytes > 0 ? { minFreeBytes } : {})
  const admission = yield* Semaphore.make(1)
  const attributes = yield* NodeFileAttributes.make()

  /** Reserves the upload's part of the quota and of the disk, before its first byte. */
  const admit = (base: string, folder: Folder, size: number | undefined) =>
    admission.withPermit(
      Effect.gen(function* (): Effect.fn.Return<Quota.Share, Failure, Scope.Scope> {
        if (options.quota?.total !== undefined && quota.isIdle()) quota.setStoredBytes(yield* measure(base))
        const room = (yield* NodeFileCalls.freeBytes(folder.path)) - minFreeBytes - quota.pendingBytes()
        const share = yield* Effect.acquireRelease(
          Effect.suspend(() => Effect.fromResult(quota.begin(size))),
          (share) => Effect.sync(() => share.end(0))
        )
        if (room < (size ?? 0)) return yield* Effect.fail(diskFull)
        return share
      })
    )

  const checkSpace = Effect.fnUntraced(function* (folder: string, bytes: number): Effect.fn.Return<void, Failure> {
    if ((yield* NodeFileCalls.freeBytes(folder)) - bytes < minFreeBytes) return yield* Effect.fail(diskFull)
  })

  const openTarget = Effect.fnUntraced(function* (
    base: string,
    parts: ReadonlyArray<string>,
    { filename }: Request
  ): Effect.fn.Return<Target, Failure, Scope.Scope> {
    const folders = parts.slice(0, -1)
    const folder = yield* mayCreate && options.mkdirs
      ? openOrCreateFolder(base, folders, options)
      : Effect.catchIf(openFolder(base, folders), isMissing, () =>
          Effect.fail(mayCreate ? new FolderNotFound() : new TargetNotFound())
        )
    const name = parts.at(-1)!
    const path = `${folder.path}/${name}`
    const existing = yield* Effect.orElseSucceed(NodeFileCalls.lstat(path), () => undefined)
    if (existing === undefined && !mayCreate) return yield* Effect.fail(new TargetNotFound())
    if (existing !== undefined) {
      yield* regular(existing)
      if (mode === "create") return yield* Effect.fail(new Exists())
      yield* checkWritable(path, existing)
    }
    return { folder, name, filename, existing }
  })

  const open = Effect.fnUntraced(function* (
    request: Request
  ): Effect.fn.Return<readonly [Target, Quota.Share, base: string, name: string], Failure, Scope.Scope> {
    const parts = yield* Effect.fromResult(FileName.parse(request.filename))
    if (mode === "none") return yield* Effect.fail(new AccessDenied({ why: "ReadOnly" }))
    const base = yield* NodeFileCalls.realpath(root)
    const target = yield* openTarget(base, parts, request)
    return [target, yield* admit(base, target.folder, request.size), base, parts.join("/")]
  })

  return Effect.fnUntraced(function* (request) {
    const [target, share, base, name] = yield* typed(request, NodeFileCalls.writeReason)(open(request))
    const writable = yield* Upload.make(target, share, {
      ...options,
      replace: mode === "create" ? undefined : options.replace,
      attributes,
      announcedBytes: request.size,
      maxBytes: options.quota?.file,
      checkSpace,
      checkEachWrite: minFreeBytes > 0
    })
    return { ...writable, path: Path.join(base, name), name }
  })
})
