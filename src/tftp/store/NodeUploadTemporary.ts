/**
 * The temporary file of an upload, which is also a lock. It is in the folder of the target, so that it can be renamed;
 * an existing target whose folder is not writable is spooled in another folder.
 *
 * Its name identifies the upload and the process that holds it: `.tftp-upload-<hash of the name>.<owner>.<random>`. A
 * process first creates its own file, then looks for others: of two that start at the same time, at least one sees the
 * other and is refused; within a process the first always wins. Any process removes the files of dead owners. No name
 * is used twice, so this never removes a file in use. While a file is written into its target, its name ends with
 * `.<name of the target>.complete`, and it is left to the operator if the process is killed.
 */
import * as Crypto from "node:crypto"
import { constants, type Stats } from "node:fs"
import * as Effect from "effect/Effect"
import type * as Scope from "effect/Scope"
import * as SystemErrorText from "../../network/SystemErrorText.ts"
import * as NodeFileOwner from "../../process/NodeFileOwner.ts"
import * as NodeFilePlatform from "../../process/NodeFilePlatform.ts"
import * as NameText from "../protocol/NameText.ts"
import { uploadPrefix } from "./FileName.ts"
import { Busy, DiskFull, type Reason, WriteFailed } from "./FileStoreError.ts"
import * as NodeFileCalls from "./NodeFileCalls.ts"

/** An open directory. */
export interface Folder {
  readonly descriptor: number
  /** A path through the descriptor, where the system has one. */
  readonly path: string
  readonly stats: Stats
}

/** The file that an upload creates or replaces. */
export interface Target {
  readonly folder: Folder
  readonly name: string
  /** The name as sent by the client, for errors. */
  readonly filename: string
  /** The file to be replaced; undefined if there is none. */
  readonly existing: Stats | undefined
}

/** The temporary file of an upload. */
export interface Temporary {
  path: string
  /** The path of its folder. */
  readonly folder: string
  descriptor: number
  /** True if it is in the folder of the target. */
  readonly isBeside: boolean
  /** Begins the names of all temporary files for this target. */
  readonly prefix: string
  isOpen: boolean
  exists: boolean
}

/** Options of a temporary file. */
export interface Options {
  /** The mode of a new file. */
  readonly mode: number
  /** The folder of uploads that cannot be beside their target; undefined to refuse them. */
  readonly spool: string | undefined
}

/** The mode of a temporary file that replaces another: its own is given to it at the end. */
const privateMode = 0o600

/** The identity of a target: the same for every path to it. */
const keyOf = ({ folder: { stats }, name }: Target) => `${stats.dev}:${stats.ino}/${name}`

/** The names being uploaded by this process, in all stores. */
const activeUploads = new Set<string>()

/** Locks a name within this process; returns its release, which the end of the scope calls at the latest. */
export const lockName = (target: Target): Effect.Effect<() => void, Reason, Scope.Scope> => {
  const key = keyOf(target)
  const acquire = Effect.suspend(() => {
    if (activeUploads.has(key)) return Effect.fail(new Busy())
    activeUploads.add(key)
    let isOurs = true
    return Effect.succeed(() => {
      if (isOurs) activeUploads.delete(key)
      isOurs = false
    })
  })
  return Effect.acquireRelease(acquire, (release) => Effect.sync(release))
}

const hash = (text: string) => Crypto.createHash("sha256").update(NameText.toBytes(text)).digest("hex").slice(0, 16)

/** Closes a temporary file. */
export const close = Effect.fnUntraced(function* (temporary: Temporary) {
  if (!temporary.isOpen) return
  temporary.isOpen = false
  yield* NodeFileCalls.close(temporary.descriptor)
})

/** Opens a temporary file again, to read it, if it was closed. */
export const reopen = Effect.fnUntraced(function* (temporary: Temporary) {
  if (temporary.isOpen) return
  temporary.descriptor = yield* NodeFileCalls.open(temporary.path, constants.O_RDONLY | constants.O_NOFOLLOW)
  temporary.isOpen = true
})

/** Ends the name of a temporary file while it is written into the target: no process removes it as abandoned. */
const completeSuffix = ".complete"

/** The most characters of the name of a target in that of its temporary file. */
const maxLabelChars = 120

/** Returns the end of the name of a target, as a part of a file name. */
const labelOf = (filename: string) => NameText.toUrlPath(filename).replaceAll("/", "%2F").slice(-maxLabelChars)

/** Marks a temporary file as complete: if this process is killed before the target is written, it is left. */
export const markComplete = Effect.fnUntraced(function* (temporary: Temporary, filename: string) {
  const path = `${temporary.path}.${labelOf(filename)}${completeSuffix}`
  yield* NodeFileCalls.rename(temporary.path, path)
  temporary.path = path
})

/** Removes the complete files of earlier uploads of the same target, which killed processes have left. */
export const removeComplete = Effect.fnUntraced(function* ({ folder, prefix }: Temporary) {
  for (const name of yield* NodeFileCalls.readdir(folder)) {
    if (!name.startsWith(prefix) || !name.endsWith(completeSuffix)) continue
    yield* NodeFileCalls.unlink(`${folder}/${name}`)
  }
})

/** The name of a complete file after its prefix: its owner, and the name of the target. */
const completePattern = /^\w+\.([0-9a-f]{8}-\d+-\w+)\.[0-9a-f]{8}(?:\.(.+))?\.complete$/

/** Warns of the complete files of this user that killed processes have left in a folder. */
const reportComplete = Effect.fnUntraced(function* (folder: string) {
  const names = yield* Effect.orElseSucceed(NodeFileCalls.readdir(folder), () => [])
  for (const name of names) {
    if (!name.startsWith(uploadPrefix)) continue
    const [, owner, label] = completePattern.exec(name.slice(uploadPrefix.length)) ?? []
    const path = `${folder}/${name}`
    if (owner === undefined || NodeFileOwner.isAlive(owner, path)) continue
    const stats = yield* Effect.orElseSucceed(NodeFileCalls.lstat(path), () => undefined)
    if (stats?.uid !== process.geteuid?.()) continue
    const target = label === undefined ? "a file" : NameText.quote(NameText.fromUrlPath(label) ?? label)
    yield* Effect.logWarning(
      `${NameText.quote(path)}: the server was killed while it wrote this upload into ${target}, which may have parts of both contents: copy the upload over it, or upload it again`
    )
  }
})

/** Removes a temporary file. */
export const remove = Effect.fnUntraced(function* (temporary: Temporary) {
  if (!temporary.exists) return
  temporary.exists = false
  yield* NodeFileCalls.unlink(temporary.path)
})

const createIn = (folder: string, prefix: string, isBeside: boolean, mode: number) => {
  const { O_CREAT, O_EXCL, O_NOFOLLOW, O_RDWR } = constants
  const acquire = Effect.gen(function* () {
    const path = `${folder}/${prefix}${NodeFileOwner.self()}.${Crypto.randomBytes(4).toString("hex")}`
    const descriptor = yield* NodeFileCalls.open(path, O_RDWR | O_CREAT | O_EXCL | O_NOFOLLOW, mode)
    const temporary: Temporary = { path, folder, descriptor, isBeside, prefix, isOpen: true, exists: true }
    return temporary
  })
  return Effect.acquireRelease(acquire, (temporary) =>
    Effect.andThen(Effect.ignore(remove(temporary)), Effect.ignore(close(temporary)))
  )
}

/** The error codes of a folder in which this process may not create files. */
const unwritable = new Set(["EACCES", "EPERM", "EROFS"])

/** Returns true if the folder of the failed call is not writable. */
export const isUnwritable = (cause: NodeJS.ErrnoException): boolean => unwritable.has(cause.code ?? "")

const spoolFailed = (spool: string, cause: NodeJS.ErrnoException): Reason => {
  const reason = NodeFileCalls.writeReason(cause)
  return reason._tag === "DiskFull"
    ? new DiskFull()
    : new WriteFailed({ cause: new Error(`spool folder ${NameText.quote(spool)}: ${SystemErrorText.format(cause)}`) })
}

/** Creates the temporary file of an upload; the end of the scope closes and removes it. */
export const create = (
  target: Target,
  { mode, spool }: Options
): Effect.Effect<Temporary, Reason | NodeJS.ErrnoException, Scope.Scope> => {
  const { existing, folder, name } = target
  const beside = createIn(
    folder.path,
    `${uploadPrefix}${hash(name)}.`,
    true,
    existing === undefined ? mode : privateMode
  )
  if (existing === undefined || spool === undefined) return beside
  return Effect.catchIf(beside, isUnwritable, () =>
    Effect.mapError(createIn(spool, `${uploadPrefix}${hash(keyOf(target))}.`, false, privateMode), (cause) =>
      spoolFailed(spool, cause)
    )
  )
}

/** Removes the temporary files of dead processes; returns true if a running one uploads the same name. */
export const hasRival = Effect.fnUntraced(function* ({ folder, path, prefix }: Temporary) {
  const running = yield* NodeFilePlatform.sweep(folder, uploadPrefix)
  return running.some(({ name }) => name.startsWith(prefix) && `${folder}/${name}` !== path)
})

/** The most folders in which `removeAbandoned` looks. */
const maxSweptFolders = 256

/** Removes the temporary files that dead processes of this user have left in a folder. */
const removeAbandonedIn = (folder: string) =>
  Effect.ignore(NodeFilePlatform.sweep(folder, uploadPrefix, { isOwnOnly: true }))

/**
 * Removes the temporary files that dead processes of this user have left in the spool folder and below a directory. It
 * warns of the complete ones. It looks into the first 256 folders, in order of their depth; the next upload into
 * another folder removes them there.
 */
export const removeAbandoned = Effect.fnUntraced(function* (root: string, spool: string) {
  yield* removeAbandonedIn(spool)
  yield* reportComplete(spool)
  const folders = [root]
  for (const folder of folders) {
    yield* removeAbandonedIn(folder)
    if (folder !== spool) yield* reportComplete(folder)
    if (folders.length >= maxSweptFolders) continue
    const below = yield* Effect.orElseSucceed(NodeFileCalls.subfolders(folder), () => [])
    folders.push(...below.slice(0, maxSweptFolders - folders.length))
  }
})
