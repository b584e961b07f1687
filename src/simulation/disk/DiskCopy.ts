/** Copies of files and folders, as `copyFile` and `cp` of Node make them. */
import * as Effect from "effect/Effect"
import type * as FileSystem from "effect/FileSystem"
import type * as PlatformError from "effect/PlatformError"
import type * as DiskCalls from "./DiskCalls.ts"
import * as DiskErrno from "./DiskErrno.ts"
import * as DiskFile from "./DiskFile.ts"
import * as DiskInode from "./DiskInode.ts"
import * as DiskLookup from "./DiskLookup.ts"
import * as DiskNames from "./DiskNames.ts"
import * as DiskPages from "./DiskPages.ts"
import type * as DiskVolume from "./DiskVolume.ts"

type Failing<A> = Effect.Effect<A, PlatformError.PlatformError>

type List = (method: string, path: string) => Failing<ReadonlyArray<readonly [name: string, inode: DiskInode.Inode]>>

/** Copies the content and the permissions of a file in the cache. */
const copyNow = (
  volume: DiskVolume.DiskVolume,
  from: string,
  to: string,
  fault: DiskErrno.Code | undefined
): number => {
  const { inode: source } = DiskLookup.lookup(volume, from)
  if (source === undefined) return DiskErrno.fail("ENOENT")
  DiskLookup.checkPermission(volume, source, DiskInode.permission.read)
  const bytes = DiskPages.toBytes(source.content)
  const open = DiskFile.openNow(volume, to, { flag: "a", mode: source.attributes.mode })
  const { inode: target } = open
  DiskFile.closeNow(volume, open)
  if (source === target) return 0
  if (source.type === "Directory") {
    // libuv fails when it copies the content, and then removes the target, also one that was there.
    DiskNames.unlink(volume, to)
    return DiskErrno.fail("EISDIR")
  }
  if (target.content.size > 0) DiskFile.resize(volume, target, 0)
  let done = 0
  while (done < bytes.length) done += DiskFile.writeNow(volume, target, done, bytes.subarray(done), fault)
  if (target.attributes.mode !== source.attributes.mode) {
    DiskNames.setAttributes(volume, target, { mode: source.attributes.mode }, "fchmod", to)
  }
  return done
}

const folderOf = (path: string) => path.slice(0, Math.max(1, path.lastIndexOf("/")))

/** Makes the methods that copy. */
export const make = (
  { perform, volume }: DiskCalls.DiskCalls,
  list: List,
  remove: (path: string) => Failing<void>
): Pick<FileSystem.FileSystem, "copy" | "copyFile"> => {
  const copyAs = (method: string, from: string, to: string) =>
    perform({
      ...{ method, syscall: method === "copy" ? "cp" : "copyfile", path: from, operation: "write", change: "create" },
      bytes: (count: number) => count,
      run: (fault) => copyNow(volume, from, to, fault)
    })
  const lookAt = (path: string) =>
    perform({
      ...{ method: "copy", syscall: "lstat", path, operation: "other" },
      run: () => DiskLookup.lookup(volume, path, false).inode
    })
  const change = (syscall: string, path: string, run: () => void) =>
    perform({ method: "copy", syscall, path, operation: "other", change: "create", run })

  /** Returns why one inode cannot be copied to a path where another is. */
  const refusal = (source: DiskInode.Inode, target: DiskInode.Inode | undefined): DiskErrno.Code | undefined => {
    if (target === undefined) return undefined
    if (source === target) return "ERR_FS_CP_EINVAL"
    if (source.type === "Directory" && target.type !== "Directory") return "ERR_FS_CP_DIR_TO_NON_DIR"
    return source.type !== "Directory" && target.type === "Directory" ? "ERR_FS_CP_NON_DIR_TO_DIR" : undefined
  }

  const copyTree = Effect.fnUntraced(function* (
    from: string,
    to: string,
    options: Parameters<FileSystem.FileSystem["copy"]>[2]
  ): Effect.fn.Return<void, PlatformError.PlatformError> {
    const source = yield* lookAt(from)
    const fail = (code: DiskErrno.Code) =>
      Effect.fail(
        DiskErrno.platformError({ method: "copy", syscall: code === "ENOENT" ? "lstat" : "cp", path: from }, code)
      )
    if (source === undefined) return yield* fail("ENOENT")
    const target = yield* lookAt(to)
    const refused = refusal(source, target)
    if (refused !== undefined) return yield* fail(refused)
    if (source.type === "Directory") {
      if (`${to}/`.startsWith(`${from}/`)) return yield* fail("ERR_FS_CP_EINVAL")
      if (target === undefined) yield* change("mkdir", to, () => DiskNames.makeFolder(volume, to))
      for (const [name] of yield* list("copy", from)) yield* copyTree(`${from}/${name}`, `${to}/${name}`, options)
      if (target === undefined) {
        const { mode } = source.attributes
        yield* change("chmod", to, () =>
          DiskNames.setAttributes(volume, DiskLookup.existing(volume, to), { mode }, "chmod", to)
        )
      }
      return
    }
    if (target !== undefined && options?.overwrite !== true) return
    if (target !== undefined) yield* remove(to)
    if (source.type === "SymbolicLink") {
      // Node resolves the target, so that the copy leads to the same file.
      const resolved = source.target.startsWith("/") ? source.target : `${folderOf(from)}/${source.target}`
      return yield* change("symlink", to, () => DiskNames.makeSymlink(volume, resolved, to))
    }
    yield* copyAs("copy", from, to)
    if (options?.preserveTimestamps !== true) return
    const { atime, mtime } = source.attributes
    yield* change("utime", to, () =>
      DiskNames.setAttributes(volume, DiskLookup.existing(volume, to), { atime, mtime }, "utime", to)
    )
  })
  const makeParents = Effect.fnUntraced(function* (path: string) {
    const names = folderOf(path).split("/")
    for (let count = 2; count <= names.length; count++) {
      const folder = names.slice(0, count).join("/")
      if ((yield* lookAt(folder)) === undefined)
        yield* change("mkdir", folder, () => DiskNames.makeFolder(volume, folder))
    }
  })
  return {
    copyFile: (from, to) => Effect.asVoid(copyAs("copyFile", from, to)),
    copy: (from, to, options) =>
      Effect.flatMap(lookAt(from), (source) =>
        Effect.andThen(source === undefined ? Effect.void : makeParents(to), copyTree(from, to, options))
      )
  }
}
