/**
 * An upload into a directory: written to a temporary file, which is then renamed, or copied into the file it replaces.
 * `NodeUploadTemporary` is the temporary file, `NodeReplacement` the end of an existing one.
 */
import * as Effect from "effect/Effect"
import * as Result from "effect/Result"
import type * as Scope from "effect/Scope"
import { Busy, type FileStoreError, NotReplaceable } from "./FileStoreError.ts"
import type * as NodeFileAttributes from "./NodeFileAttributes.ts"
import * as NodeFileCalls from "./NodeFileCalls.ts"
import { type Failure, typed } from "./NodeFileRead.ts"
import * as NodeReplacement from "./NodeReplacement.ts"
import * as Temporary from "./NodeUploadTemporary.ts"
import type * as Quota from "./Quota.ts"
import type { Writable } from "./Store.ts"
import * as UploadSteps from "./UploadSteps.ts"

/** The mode of new files or folders. */
export interface Mode {
  readonly bits: number
  /** True to set it regardless of the umask of the process. */
  readonly isExact: boolean
}

/** Options of one upload. */
export interface Options {
  /** The way in which an existing file is replaced; undefined to create only new ones. */
  readonly replace: NodeReplacement.Method | undefined
  readonly newFile: Mode
  readonly attributes: NodeFileAttributes.FileAttributes
  /** True to flush the file to the disk before the end. */
  readonly sync: boolean
  /** The folder of uploads that cannot be beside the file they replace. */
  readonly spool: string
  /** The size that the client has announced. */
  readonly announcedBytes: number | undefined
  /** The most bytes of the file. */
  readonly maxBytes: number | undefined
  /** Fails if a number of bytes more would leave less free than they must in the file system of a folder. */
  readonly checkSpace: (folder: string, bytes: number) => Effect.Effect<void, Failure>
  /** True to check the space before each write. */
  readonly checkEachWrite: boolean
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

/** Creates the temporary file of a target. */
const createTemporary = (target: Temporary.Target, { newFile, replace, spool }: Options) => {
  const mustBeBeside = replace === undefined || replace === "atomic"
  const created = Temporary.create(target, { mode: newFile.bits, spool: mustBeBeside ? undefined : spool })
  return target.existing === undefined
    ? created
    : Effect.mapError(created, (error) =>
        error instanceof Error && Temporary.isUnwritable(error) ? new NotReplaceable({ why: "Folder" }) : error
      )
}

/** Sets the mode of a new file or folder, if it is exact and the umask of the process has changed it. */
export const setMode = Effect.fnUntraced(function* (descriptor: number, { bits, isExact }: Mode) {
  if (!isExact) return
  const { mode } = yield* NodeFileCalls.fstat(descriptor)
  if ((mode & 0o777) !== bits) yield* NodeFileCalls.fchmod(descriptor, (mode & 0o7000) | bits)
})

/** Locks the name, creates the temporary file, and plans how it takes its place. */
const start = Effect.fnUntraced(function* (target: Temporary.Target, options: Options) {
  const { existing } = target
  const release = yield* Temporary.lockName(target)
  const temporary = yield* createTemporary(target, options)
  if (yield* Temporary.hasRival(temporary)) return yield* Effect.fail(new Busy())
  if (!temporary.isBeside) yield* options.checkSpace(temporary.folder, options.announcedBytes ?? 0)
  if (existing === undefined) yield* setMode(temporary.descriptor, options.newFile)
  const plan =
    existing === undefined || options.replace === undefined
      ? undefined
      : yield* NodeReplacement.plan(target, existing, temporary, options.replace)
  return { release, temporary, plan }
})

/** Starts an upload; closing the scope without a commit removes it. */
export const make = Effect.fnUntraced(function* (
  target: Temporary.Target,
  share: Quota.Share,
  options: Options
): Effect.fn.Return<Writable, FileStoreError, Scope.Scope> {
  const { folder, name } = target
  const { checkSpace, maxBytes, replace, sync } = options
  const failed = typed(target, NodeFileCalls.writeReason)
  const to = `${folder.path}/${name}`
  const { plan, release, temporary } = yield* failed(start(target, options))
  const sizeNow = Effect.match(NodeFileCalls.lstat(to), { onSuccess: ({ size }) => size, onFailure: () => 0 })

  let position = 0
  let writeError: FileStoreError | undefined
  const write = Effect.fnUntraced(function* (bytes: Uint8Array): Effect.fn.Return<void, Failure> {
    yield* Effect.fromResult(share.grow(bytes.length))
    if (options.checkEachWrite) yield* checkSpace(temporary.folder, bytes.length)
    yield* NodeFileCalls.writeAt(temporary.descriptor, position, bytes)
    position += bytes.length
  })
  const keepError = (error: FileStoreError) =>
    Effect.sync(() => {
      writeError = error
    })
  const takeName = Effect.gen(function* (): Effect.fn.Return<void, Failure> {
    if (plan !== undefined) return yield* NodeReplacement.replace(plan, temporary, options.attributes)
    yield* Temporary.close(temporary)
    yield* replace === undefined ? linkOrRename(temporary.path, to) : NodeFileCalls.rename(temporary.path, to)
    temporary.exists = false
  })
  const takePlace = UploadSteps.run<UploadSteps.NameStep, Failure, never>(UploadSteps.byName({ sync }), {
    SyncTemporary: NodeFileCalls.fsync(temporary.descriptor),
    TakeName: takeName,
    RemoveTemporary: Effect.andThen(
      Effect.ignore(Temporary.remove(temporary)),
      Effect.ignore(Temporary.close(temporary))
    ),
    SyncFolder: NodeFileCalls.fsync(folder.descriptor)
  })
  const commit = Effect.gen(function* () {
    if (writeError !== undefined) return yield* Effect.fail(writeError)
    const before = yield* sizeNow
    yield* failed(takePlace)
    share.end(position - before)
    release()
  })
  return {
    write: (bytes) => Effect.tapError(failed(write(bytes)), keepError),
    commit: Effect.uninterruptible(commit),
    maxBytes,
    descriptor: temporary.descriptor
  }
})
