/** State of a simulated disk: its inodes, and the log of changes of folders and attributes that are not on it yet. */
import * as DiskErrno from "./DiskErrno.ts"
import * as DiskInode from "./DiskInode.ts"
import * as DiskPages from "./DiskPages.ts"

/** A change of folders or attributes. It is on the disk wholly or not at all. */
export interface MetadataChange {
  readonly at: number
  /** Name of the call, for records. */
  readonly operation: string
  readonly path: string
  readonly entries: ReadonlyArray<Entry>
  readonly attributes?: readonly [DiskInode.Inode, DiskInode.Attributes] | undefined
  /** The inode that is created, moved or removed: a sync of it in a journaled file system makes the change durable. */
  readonly subject: DiskInode.Inode
}

/** A new entry of a folder; without an inode the name is removed. */
interface Entry {
  readonly folder: DiskInode.Inode
  readonly name: string
  readonly inode: DiskInode.Inode | undefined
}

/** Kind of an event for those who watch a folder. */
export type WatchKind = "Create" | "Update" | "Remove"

/** Receives a change of an entry of a folder. */
export type Watcher = (folder: DiskInode.Inode, name: string, kind: WatchKind) => void

/** Settings of a volume. */
export interface Settings {
  readonly user: number
  readonly group: number
  readonly capacityPages: number
  readonly isReordering: boolean
  readonly writebackNanos: number
  /** Virtual nanoseconds. */
  readonly now: () => number
  readonly wallMillis: () => number
}

/** State of a disk. */
export interface DiskVolume extends Settings {
  readonly root: DiskInode.Inode
  log: Array<MetadataChange>
  /** Files with unsynced changes. */
  readonly dirty: Set<DiskInode.Inode>
  readonly watchers: Set<Watcher>
  nextIno: number
  usedPages: number
}

/** The root folder has this number on ext4. */
const rootInodeNumber = 2

/** Creates an empty volume; its folders `/` and `/tmp` belong to the user. */
export const make = (settings: Settings): DiskVolume => {
  const { group: gid, user: uid, wallMillis } = settings
  const time = wallMillis()
  const root = DiskInode.make(rootInodeNumber, "Directory", { mode: 0o755, uid, gid, atime: time, mtime: time })
  root.parent = root
  return {
    ...settings,
    root,
    log: [],
    dirty: new Set(),
    watchers: new Set(),
    nextIno: rootInodeNumber + 1,
    usedPages: 0
  }
}

/** Creates an inode that no folder has yet. */
export const newInode = (
  volume: DiskVolume,
  type: DiskInode.Type,
  mode: number,
  more?: { readonly parent?: DiskInode.Inode; readonly target?: string }
): DiskInode.Inode => {
  const time = volume.wallMillis()
  const attributes = { mode, uid: volume.user, gid: volume.group, atime: time, mtime: time }
  return DiskInode.make(volume.nextIno++, type, attributes, more)
}

/** Tells those who watch. */
export const notify = ({ watchers }: DiskVolume, folder: DiskInode.Inode, name: string, kind: WatchKind): void => {
  for (const watcher of watchers) watcher(folder, name, kind)
}

/** Sets attributes of an inode, without a record of it. */
const touch = (inode: DiskInode.Inode, change: Partial<DiskInode.Attributes>): void => {
  inode.attributes = { ...inode.attributes, ...change }
}

/** Frees the pages of a file that has no name and is not open. */
export const forgetIfUnused = (volume: DiskVolume, inode: DiskInode.Inode): void => {
  if (inode.links > 0 || inode.opened > 0 || inode.type !== "File") return
  volume.usedPages -= inode.content.pages.size
  inode.content.pages.clear()
  volume.dirty.delete(inode)
}

const removeLink = (volume: DiskVolume, inode: DiskInode.Inode) => {
  inode.links = inode.type === "Directory" ? 0 : inode.links - 1
  forgetIfUnused(volume, inode)
}

const setEntry = (volume: DiskVolume, { folder, inode, name }: Entry) => {
  const before = folder.entries.get(name)
  if (inode === undefined) folder.entries.delete(name)
  else folder.entries.set(name, inode)
  if (before?.type === "Directory") folder.links--
  if (inode?.type === "Directory") {
    folder.links++
    inode.parent = folder
  } else if (inode !== undefined) inode.links++
  // A folder that loses a name may have been moved: the call that removes it sets its links.
  if (before !== undefined && (inode !== undefined || before.type !== "Directory")) removeLink(volume, before)
  touch(folder, { mtime: volume.wallMillis() })
}

/** Changes folders and attributes in the cache, and logs it. */
export const commit = (
  volume: DiskVolume,
  change: Omit<MetadataChange, "at" | "operation" | "path">,
  operation: string,
  path: string
): void => {
  // New names come first: an inode that moves never has none.
  for (const entry of change.entries) if (entry.inode !== undefined) setEntry(volume, entry)
  for (const entry of change.entries) if (entry.inode === undefined) setEntry(volume, entry)
  if (change.attributes !== undefined) change.attributes[0].attributes = change.attributes[1]
  expireLog(volume)
  volume.log.push({ ...change, operation, path, at: volume.now() })
}

/** Puts a change on the disk. */
export const makeDurable = ({ attributes, entries }: MetadataChange): void => {
  for (const { folder, inode, name } of entries) {
    if (inode === undefined) folder.durableEntries.delete(name)
    else folder.durableEntries.set(name, inode)
  }
  if (attributes !== undefined) attributes[0].durableAttributes = attributes[1]
}

/** Most changes in the log, and most of one file: as a kernel with little memory, the disk writes the oldest ones. */
const maxUnsyncedChanges = 10_000

/** Puts the changes on the disk that are older than the writeback. */
export const expireLog = (volume: DiskVolume): void => {
  const { log } = volume
  const until = volume.now() - volume.writebackNanos
  if (log.length <= maxUnsyncedChanges && (log[0]?.at ?? Number.POSITIVE_INFINITY) > until) return
  let done = 0
  while (done < log.length && (log[done]!.at <= until || log.length - done > maxUnsyncedChanges))
    makeDurable(log[done++]!)
  volume.log = log.slice(done)
}

/** Changes the content of a file in the cache. */
export const changeContent = (
  volume: DiskVolume,
  inode: DiskInode.Inode,
  change: { readonly offset: number; readonly bytes: Uint8Array } | { readonly size: number }
): void => {
  const at = volume.now()
  const pages = inode.content.pages.size
  const dated = { ...change, at }
  DiskInode.apply(inode.content, dated)
  volume.usedPages += inode.content.pages.size - pages
  touch(inode, { mtime: volume.wallMillis() })
  const oldest = inode.changes[0]
  if (inode.changes.length >= maxUnsyncedChanges) DiskInode.flush(inode)
  else if (oldest !== undefined && oldest.at <= at - volume.writebackNanos) {
    DiskInode.flush(inode, at - volume.writebackNanos)
  }
  inode.changes.push(dated)
  volume.dirty.add(inode)
}

/** Returns the number of bytes of a write for which the disk has space; fails if it has none. */
export const writableBytes = (
  volume: DiskVolume,
  { content }: DiskInode.Inode,
  offset: number,
  length: number
): number => {
  const free = volume.capacityPages - volume.usedPages
  if (DiskPages.pagesToAdd(content, offset, length) <= free) return length
  let end = offset
  for (let added = 0; end < offset + length; end = (Math.floor(end / DiskPages.pageBytes) + 1) * DiskPages.pageBytes) {
    if (!content.pages.has(Math.floor(end / DiskPages.pageBytes)) && ++added > free) break
  }
  return end === offset ? DiskErrno.fail("ENOSPC") : Math.min(length, end - offset)
}

/** Fails if the disk has no space for a new file or folder. */
export const checkSpace = ({ capacityPages, usedPages }: DiskVolume): void => {
  if (usedPages >= capacityPages) DiskErrno.fail("ENOSPC")
}

/** Makes the changes durable that a sync of a file or folder does; `isLost` if the disk has failed to write them. */
export const sync = (volume: DiskVolume, inode: DiskInode.Inode, isLost = false): void => {
  // After a failed sync Linux marks the pages as clean: no later sync writes them.
  if (isLost) inode.changes = []
  else DiskInode.flush(inode)
  volume.dirty.delete(inode)
  if (isLost) return
  inode.durableAttributes = inode.attributes
  const { isReordering, log } = volume
  if (isReordering) {
    const concerns = ({ attributes, entries }: MetadataChange) =>
      attributes?.[0] === inode || entries.some(({ folder }) => folder === inode)
    for (const change of log) if (concerns(change)) makeDurable(change)
    volume.log = log.filter((change) => !concerns(change))
    return
  }
  const last = log.findLastIndex(
    ({ attributes, entries, subject }) =>
      subject === inode || attributes?.[0] === inode || entries.some(({ folder }) => folder === inode)
  )
  for (const change of log.slice(0, last + 1)) makeDurable(change)
  volume.log = log.slice(last + 1)
}
