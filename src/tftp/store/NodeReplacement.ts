/**
 * The replacement of an existing file by an upload: by a rename, which is atomic, or written in place.
 *
 * A file is written in place when its whole upload is on the disk. The bytes after its old end come first: if the disk
 * is full, the file is cut there again and has lost nothing. If the server is killed between the first write and the
 * last, the file has parts of both contents, and the temporary file, which is then left, all of the new one.
 */
import { constants, type Stats } from "node:fs"
import * as Effect from "effect/Effect"
import type * as Scope from "effect/Scope"
import * as StateFileError from "../../process/StateFileError.ts"
import * as NameText from "../protocol/NameText.ts"
import { NotReplaceable, type Obstacle, type Reason } from "./FileStoreError.ts"
import type * as NodeFileAttributes from "./NodeFileAttributes.ts"
import * as NodeFileCalls from "./NodeFileCalls.ts"
import { type Failure, regular } from "./NodeFileRead.ts"
import * as Temporary from "./NodeUploadTemporary.ts"
import * as UploadSteps from "./UploadSteps.ts"

/** The way in which an existing file is replaced. @category models @since 0.1.0 */
export type Method =
  /** By a rename; refused where that is impossible. Attributes are kept as far as permitted, other hard links not. */
  | "atomic"
  /** Written in place, when the upload is complete. */
  | "in-place"
  /** By a rename where that keeps all attributes and hard links of the file, else written in place. */
  | "auto"

/** An existing file, and how it is to be replaced. */
export interface Plan {
  readonly target: Temporary.Target
  readonly stats: Stats
  readonly method: Method
  /** Why it is not replaced by a rename; undefined if none is known. */
  readonly obstacle: Obstacle | undefined
}

/** Flag to open a file without a right to its content, on Linux. Node does not export it. */
const openPathOnly = 0x20_0000

const pathOf = ({ folder, name }: Temporary.Target) => `${folder.path}/${name}`

const opened = (path: string, flags: number) =>
  Effect.acquireRelease(NodeFileCalls.open(path, flags | constants.O_NOFOLLOW), (descriptor) =>
    Effect.ignore(NodeFileCalls.close(descriptor))
  )

/** Calls a function with a descriptor that identifies the target; undefined if the system has none. */
const withIdentity = <A>(target: Temporary.Target, use: (descriptor: number | undefined) => Effect.Effect<A>) =>
  Effect.scoped(
    Effect.flatMap(
      process.platform === "linux"
        ? Effect.orElseSucceed(opened(pathOf(target), openPathOnly), () => undefined)
        : Effect.undefined,
      use
    )
  )

/** Returns true if a file is a mount point. Device numbers differ without one on some file systems (overlayfs). */
const isMountPoint = Effect.fnUntraced(function* (target: Temporary.Target, stats: Stats) {
  const { folder } = target
  const mount = yield* withIdentity(target, (descriptor) =>
    descriptor === undefined ? Effect.undefined : NodeFileCalls.mountOf(descriptor)
  )
  const mountOfFolder = yield* NodeFileCalls.mountOf(folder.descriptor)
  return mount === undefined || mountOfFolder === undefined ? stats.dev !== folder.stats.dev : mount !== mountOfFolder
})

/** Mode bit of a folder in which only the owner of a file may rename or remove it. */
const stickyBit = 0o1000

/** Returns true if only the owner of a file may rename over it, and that is another user. */
const isSticky = (file: Stats, folder: Stats) => {
  const user = process.geteuid?.()
  return (folder.mode & stickyBit) !== 0 && user !== 0 && user !== file.uid && user !== folder.uid
}

const obstacleTo = Effect.fnUntraced(function* (
  target: Temporary.Target,
  stats: Stats,
  { isBeside }: Temporary.Temporary
): Effect.fn.Return<Obstacle | undefined> {
  if (!isBeside) return "Folder"
  if (yield* isMountPoint(target, stats)) return "Mount"
  if (isSticky(stats, target.folder.stats)) return "Sticky"
  return stats.nlink > 1 ? "Links" : undefined
})

/** Plans the replacement of a file; fails with `NotReplaceable` if it has to be atomic, and that is impossible. */
export const plan = Effect.fnUntraced(function* (
  target: Temporary.Target,
  stats: Stats,
  temporary: Temporary.Temporary,
  method: Method
): Effect.fn.Return<Plan, Reason> {
  const obstacle = method === "in-place" ? undefined : yield* obstacleTo(target, stats, temporary)
  if (method !== "atomic") return { target, stats, method, obstacle }
  if (obstacle !== undefined && obstacle !== "Links") return yield* Effect.fail(new NotReplaceable({ why: obstacle }))
  return { target, stats, method, obstacle: undefined }
})

/** Makes the names in the folder of a temporary file durable, as far as its file system can. */
const syncFolderOf = ({ folder: { descriptor } }: Temporary.Target, { folder, isBeside }: Temporary.Temporary) => {
  const spool = Effect.acquireUseRelease(
    NodeFileCalls.open(folder, constants.O_RDONLY | constants.O_DIRECTORY),
    NodeFileCalls.fsync,
    (opened) => Effect.ignore(NodeFileCalls.close(opened))
  )
  return Effect.catchIf(
    isBeside ? NodeFileCalls.fsync(descriptor) : spool,
    ({ code = "" }) => StateFileError.unsyncable.has(code),
    () => Effect.void
  )
}

/** Copies a file into another that is open. If the disk is full, that is as it was. */
const copyInto = Effect.fnUntraced(function* (from: number, to: number) {
  const { size } = yield* NodeFileCalls.fstat(from)
  const old = yield* NodeFileCalls.fstat(to)
  yield* regular(old)
  if (size > old.size) {
    yield* Effect.tapError(NodeFileCalls.copyRange(from, to, old.size, size), () =>
      Effect.ignore(NodeFileCalls.ftruncate(to, old.size))
    )
  }
  yield* NodeFileCalls.copyRange(from, to, 0, Math.min(size, old.size))
  if (size < old.size) yield* NodeFileCalls.ftruncate(to, size)
  // The system clears set-user-ID and set-group-ID on a write, except for root.
  if ((old.mode & 0o6000) !== 0) yield* Effect.ignore(NodeFileCalls.fchmod(to, old.mode & 0o1777))
})

/** Writes the content of a temporary file into the target. Both are flushed to the disk, the temporary file first. */
const write = (target: Temporary.Target, temporary: Temporary.Temporary): Effect.Effect<void, Failure> => {
  const { O_NOCTTY, O_NONBLOCK, O_WRONLY } = constants
  const { descriptor: from } = temporary
  let to: number | undefined
  const openTarget = Effect.map(opened(pathOf(target), O_WRONLY | O_NONBLOCK | O_NOCTTY), (descriptor) => {
    to = descriptor
    return descriptor
  })
  const steps = UploadSteps.run<UploadSteps.InPlaceStep, Failure, Scope.Scope>(UploadSteps.inPlace, {
    SyncTemporary: NodeFileCalls.fsync(from),
    MarkComplete: Temporary.markComplete(temporary, target.filename),
    SyncTemporaryFolder: syncFolderOf(target, temporary),
    WriteTarget: Effect.flatMap(openTarget, (descriptor) => copyInto(from, descriptor)),
    SyncTarget: Effect.suspend(() => NodeFileCalls.fsync(to!)),
    RemoveComplete: Effect.ignore(Temporary.removeComplete(temporary))
  })
  return Effect.scoped(steps)
}

/** Obstacles that a failed rename has met, by its error code. */
const obstacleOfCode: Readonly<Record<string, Obstacle>> = {
  EBUSY: "Mount",
  EXDEV: "Mount",
  EACCES: "Folder",
  EPERM: "Folder",
  EROFS: "Folder"
}

/** Gives the temporary file the name of the target; returns the obstacle met. */
const rename = Effect.fnUntraced(function* (
  { target }: Plan,
  temporary: Temporary.Temporary
): Effect.fn.Return<Obstacle | undefined, Failure> {
  yield* Temporary.close(temporary)
  const failed = yield* Effect.match(NodeFileCalls.rename(temporary.path, pathOf(target)), {
    onSuccess: () => undefined,
    onFailure: (cause) => cause
  })
  if (failed === undefined) {
    temporary.exists = false
    return undefined
  }
  return obstacleOfCode[failed.code ?? ""] ?? (yield* Effect.fail(failed))
})

/** Replaces a file by the temporary one, which has all bytes of the upload. */
export const replace = Effect.fnUntraced(function* (
  plan: Plan,
  temporary: Temporary.Temporary,
  attributes: NodeFileAttributes.FileAttributes
): Effect.fn.Return<void, Failure> {
  const { method, stats, target } = plan
  if (method === "in-place") return yield* write(target, temporary)
  const tryRename = Effect.gen(function* (): Effect.fn.Return<Obstacle | undefined, Failure> {
    const lost = yield* withIdentity(target, (descriptor) =>
      attributes.copy({ stats, descriptor }, temporary.descriptor, method === "auto")
    )
    return method === "auto" && lost !== undefined ? lost : yield* rename(plan, temporary)
  })
  const why = plan.obstacle ?? (yield* tryRename)
  if (why === undefined) return
  if (method === "atomic") return yield* Effect.fail(new NotReplaceable({ why }))
  yield* Effect.logInfo(
    `${NameText.quote(target.filename)}: written in place, not replaced atomically: ${new NotReplaceable({ why }).obstacle}`
  )
  yield* Temporary.reopen(temporary)
  yield* write(target, temporary)
})
