/**
 * A file, folder or symbolic link of a simulated disk, with its content in the cache and its content on the disk.
 *
 * Programs see the first. The second is what is left if nothing survives a crash that was not synced.
 */
import * as DiskPages from "./DiskPages.ts"

/** Type of an inode. */
export type Type = "File" | "Directory" | "SymbolicLink"

/** Attributes that `chmod`, `chown` and `utimes` set. Times are milliseconds. */
export interface Attributes {
  /** Permission bits, without the type. */
  readonly mode: number
  readonly uid: number
  readonly gid: number
  readonly atime: number
  readonly mtime: number
}

/** A write or a change of the size that was not synced. */
export type Change =
  | { readonly at: number; readonly offset: number; readonly bytes: Uint8Array }
  | { readonly at: number; readonly size: number }

/** An inode. Fields named `durable` are those on the disk. */
export interface Inode {
  readonly ino: number
  readonly type: Type
  readonly birthtime: number
  attributes: Attributes
  durableAttributes: Attributes
  /** Names of the inode in folders; of a folder: 2 and one for each folder in it. */
  links: number
  /** Number of open files. */
  opened: number
  readonly content: DiskPages.DiskPages
  durableContent: DiskPages.DiskPages
  /** Changes of the content since the last sync, in order. */
  changes: Array<Change>
  /** Of a folder. */
  readonly entries: Map<string, Inode>
  readonly durableEntries: Map<string, Inode>
  parent: Inode | undefined
  /** Of a symbolic link. */
  readonly target: string
}

const noEntries: Map<string, Inode> = new Map()

/** Creates an inode that is not on the disk yet. */
export const make = (
  ino: number,
  type: Type,
  attributes: Attributes,
  { parent, target = "" }: { readonly parent?: Inode | undefined; readonly target?: string } = {}
): Inode => ({
  ino,
  type,
  birthtime: attributes.mtime,
  attributes,
  durableAttributes: attributes,
  links: type === "Directory" ? 2 : 0,
  opened: 0,
  content: DiskPages.make(),
  durableContent: DiskPages.make(),
  changes: [],
  entries: type === "Directory" ? new Map() : noEntries,
  durableEntries: type === "Directory" ? new Map() : noEntries,
  parent,
  target
})

/** Applies a change to a content. */
export const apply = (content: DiskPages.DiskPages, change: Change): void => {
  if ("size" in change) DiskPages.resize(content, change.size)
  else DiskPages.write(content, change.offset, change.bytes)
}

/** Puts the changes on the disk that were made at or before a time. */
export const flush = (inode: Inode, until = Number.POSITIVE_INFINITY): void => {
  const { changes, durableContent } = inode
  let done = 0
  while (done < changes.length && changes[done]!.at <= until) apply(durableContent, changes[done++]!)
  if (done > 0) changes.splice(0, done)
}

/** Permission to read, write, or execute a file and search a folder. */
export const permission = { read: 4, write: 2, execute: 1 } as const

/** Returns true if a user has a permission. The user 0 has all, except to execute a file that nobody may execute. */
export const isPermitted = ({ attributes, type }: Inode, user: number, group: number, wanted: number): boolean => {
  const { gid, mode, uid } = attributes
  if (user === 0) return (wanted & permission.execute) === 0 || type === "Directory" || (mode & 0o111) !== 0
  const bits = user === uid ? mode >> 6 : group === gid ? mode >> 3 : mode
  return (bits & wanted) === wanted
}
