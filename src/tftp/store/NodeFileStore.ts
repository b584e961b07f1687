/** A store over a directory of the host; nothing outside of it can be read or written. */
import * as Os from "node:os"
import * as Effect from "effect/Effect"
import * as Layer from "effect/Layer"
import { FileStore, withoutTrailingFf } from "./FileStore.ts"
import { BadRoot, FileStoreError } from "./FileStoreError.ts"
import * as NodeFileCalls from "./NodeFileCalls.ts"
import * as NodeFileRead from "./NodeFileRead.ts"
import * as NodeFileWrite from "./NodeFileWrite.ts"
import type * as NodeReplacement from "./NodeReplacement.ts"
import type * as NodeUpload from "./NodeUpload.ts"
import * as NodeUploadTemporary from "./NodeUploadTemporary.ts"
import type * as Quota from "./Quota.ts"
import type { Store, WriteMode } from "./Store.ts"

/** The bits that new files and folders do not get, beside the umask of the process. */
const defaultUmask = 0o022

/** Returns a mode as chosen, or by a umask. */
const modeOf = (all: number, umask: number | undefined, chosen?: number): NodeUpload.Mode => ({
  bits: chosen ?? all & ~(umask ?? defaultUmask),
  isExact: chosen !== undefined || umask !== undefined
})

/** Options of a store over a directory. @category models @since 0.1.0 */
export interface Options {
  /**
   * The directory. A symbolic link is followed again for every request, so that it can be switched to another version.
   */
  readonly root: string
  /** The permission to write. Default `none`. */
  readonly write?: WriteMode | undefined
  /** The directory of uploads; files are read below `root` only. Default: the same directory. */
  readonly uploadRoot?: string | undefined
  /**
   * Way in which an upload replaces a file. Default `auto`: by a rename, which is atomic, where that keeps its owner,
   * group, mode, access control list, extended attributes and hard links; else the file is written in place when the
   * upload is complete. `atomic` is always a rename, and keeps of these what it may; `in-place` is never one.
   */
  readonly replace?: NodeReplacement.Method | undefined
  /**
   * The folder of uploads that will be written in place into a file whose folder is not writable. Default: the folder
   * of the system for temporary files.
   */
  readonly spool?: string | undefined
  /** True to create missing folders of uploads, up to 8 levels below the root. Default false. */
  readonly mkdirs?: boolean | undefined
  /** True to ignore case in the names of files and folders to read. Default false. */
  readonly ignoreCase?: boolean | undefined
  /**
   * The symbolic links to follow in names to read: those that stay inside the root, or all. Default `inside`. Uploads
   * always stay inside.
   */
  readonly followSymlinks?: NodeFileRead.Links | undefined
  /**
   * The name of a text file in each folder that lists the folder. A line has the time of the last change, the size and
   * the name of an entry that can be requested. An existing file of this name is served instead. Default: no listing.
   */
  readonly listing?: string | undefined
  /**
   * The limits on the size of a file, and of all files below the folder of uploads. The files are counted again
   * whenever an upload starts while no other is in progress. Default: no limits.
   */
  readonly quota?: Quota.Limits | undefined
  /** The bytes that uploads must leave free on the disk. Default 0. */
  readonly minFreeBytes?: number | undefined
  /** True to flush an upload to the disk (fsync) before it is acknowledged. Default false. */
  readonly sync?: boolean | undefined
  /** The mode of new files. Default: 0o666 without the bits of the umask. */
  readonly permissions?: number | undefined
  /** The bits that new files and folders do not get. Default: the umask of the process, and 0o022. */
  readonly umask?: number | undefined
}

/**
 * Makes a store over a directory. Fails with `BadRoot` if the root is not a readable directory.
 *
 * Reads follow links as `followSymlinks` says; directories, devices, pipes and sockets are refused. A name with a byte
 * 0xff at its end is also read without it, as by `FileStore.withoutTrailingFf`.
 *
 * An upload is written to a temporary file in the same folder, whose name begins with `.tftp-upload-` and cannot be
 * requested. At its end it takes the place of an existing file as `replace` says; readers keep the file they opened,
 * unless it is written in place. A file that the process may not write is refused, also to root if no one may write it.
 * A second upload of the same name is refused meanwhile, also by another server on the directory. The temporary files
 * of a killed server are removed by the next upload into the folder, and those of the same user when the store is made,
 * also if it is read-only. Uploads do not follow links.
 *
 * @category constructors
 * @since 0.1.0
 */
export const make = Effect.fnUntraced(function* (options: Options): Effect.fn.Return<Store, FileStoreError> {
  const { permissions, root, spool = Os.tmpdir(), umask, uploadRoot = root } = options
  for (const folder of new Set([root, uploadRoot])) {
    yield* Effect.catch(NodeFileCalls.readdir(folder), (cause) =>
      Effect.fail(new FileStoreError({ reason: new BadRoot({ cause }), filename: folder }))
    )
  }
  yield* NodeUploadTemporary.removeAbandoned(uploadRoot, spool)
  const reading: NodeFileRead.Options = {
    root,
    ignoreCase: options.ignoreCase ?? false,
    followSymlinks: options.followSymlinks ?? "inside",
    listing: options.listing
  }
  const write = yield* NodeFileWrite.make({
    root: uploadRoot,
    write: options.write ?? "none",
    replace: options.replace ?? "auto",
    spool,
    mkdirs: options.mkdirs ?? false,
    quota: options.quota,
    minFreeBytes: options.minFreeBytes ?? 0,
    sync: options.sync ?? false,
    newFile: modeOf(0o666, umask, permissions),
    newFolder: modeOf(0o777, umask)
  })
  return withoutTrailingFf({
    read: (request) =>
      NodeFileRead.typed(request, NodeFileCalls.readReason)(NodeFileRead.openReadable(reading, request)),
    write
  })
})

/** Provides a store over a directory as the `FileStore`. @category layers @since 0.1.0 */
export const layer = (options: Options): Layer.Layer<FileStore, FileStoreError> =>
  Layer.effect(FileStore, make(options))
