/** Calls that change folders: create, link, rename and remove. Each is atomic in the cache, and logged. */
import * as DiskErrno from "./DiskErrno.ts"
import * as DiskInode from "./DiskInode.ts"
import * as DiskLookup from "./DiskLookup.ts"
import * as DiskVolume from "./DiskVolume.ts"

type Volume = DiskVolume.DiskVolume
const { execute, write } = DiskInode.permission

/** Permission bits that a new file or folder does not get: the umask of most systems. */
const umask = 0o022

const permissionBits = 0o7777

const checkChange = (volume: Volume, folder: DiskInode.Inode) => {
  // A removed folder takes no entries.
  if (folder.links === 0) DiskErrno.fail("ENOENT")
  DiskLookup.checkPermission(volume, folder, write | execute)
}

const addEntry = (
  volume: Volume,
  { folder, name }: Pick<DiskLookup.Place, "folder" | "name">,
  inode: DiskInode.Inode,
  operation: string,
  path: string
) => {
  DiskVolume.commit(volume, { entries: [{ folder, name, inode }], subject: inode }, operation, path)
  DiskVolume.notify(volume, folder, name, "Create")
}

/** Creates an empty file at a place where none exists. */
export const createFile = (volume: Volume, place: DiskLookup.Place, mode: number, path: string): DiskInode.Inode => {
  if (place.isFolderPath) return DiskErrno.fail("EISDIR")
  checkChange(volume, place.folder)
  DiskVolume.checkSpace(volume)
  const inode = DiskVolume.newInode(volume, "File", mode & ~umask & permissionBits)
  addEntry(volume, place, inode, "create", path)
  return inode
}

/** Creates a folder. */
export const makeFolder = (volume: Volume, path: string, mode = 0o777): void => {
  const place = DiskLookup.lookupName(volume, path)
  if (place.inode !== undefined) DiskErrno.fail("EEXIST")
  checkChange(volume, place.folder)
  DiskVolume.checkSpace(volume)
  const inode = DiskVolume.newInode(volume, "Directory", mode & ~umask & permissionBits, { parent: place.folder })
  addEntry(volume, place, inode, "mkdir", path)
}

const existingOrUndefined = (volume: Volume, path: string) => {
  try {
    return DiskLookup.existing(volume, path)
  } catch {
    return undefined
  }
}

/**
 * Creates a folder of a path that is created as a whole; false if its parent is missing. One that exists stays, and
 * anything else there is an error: `ENOTDIR` on the way, `EEXIST` at the end.
 */
export const makeFolderUnlessThere = (volume: Volume, path: string, isOnTheWay: boolean, mode?: number): boolean => {
  try {
    makeFolder(volume, path, mode)
    return true
  } catch (cause) {
    const code = cause instanceof DiskErrno.DiskErrno ? cause.code : undefined
    if (code === "ENOENT" && path.includes("/")) return false
    if (code !== "EEXIST") throw cause
    const inode = isOnTheWay ? existingOrUndefined(volume, path) : DiskLookup.existing(volume, path)
    return inode?.type === "Directory" || DiskErrno.fail(isOnTheWay ? "ENOTDIR" : "EEXIST")
  }
}

/** Creates a symbolic link. */
export const makeSymlink = (volume: Volume, target: string, path: string): void => {
  if (target === "") DiskErrno.fail("ENOENT")
  const place = DiskLookup.lookupName(volume, path)
  if (place.inode !== undefined) DiskErrno.fail("EEXIST")
  if (place.isFolderPath) DiskErrno.fail("ENOENT")
  checkChange(volume, place.folder)
  DiskVolume.checkSpace(volume)
  addEntry(volume, place, DiskVolume.newInode(volume, "SymbolicLink", 0o777, { target }), "symlink", path)
}

/** Gives a file another name. A symbolic link is not followed. */
export const makeLink = (volume: Volume, from: string, to: string): void => {
  const inode = DiskLookup.existing(volume, from, false)
  const place = DiskLookup.lookupName(volume, to)
  if (place.inode !== undefined) DiskErrno.fail("EEXIST")
  if (place.isFolderPath) DiskErrno.fail("ENOENT")
  if (inode.type === "Directory") DiskErrno.fail("EPERM")
  checkChange(volume, place.folder)
  addEntry(volume, place, inode, "link", to)
}

/** Removes a name of a file. */
export const unlink = (volume: Volume, path: string): void => {
  const { folder, inode, isFolderPath, name } = DiskLookup.lookupName(volume, path)
  if (inode === undefined) DiskErrno.fail("ENOENT")
  if (inode.type === "Directory") DiskErrno.fail("EISDIR")
  if (isFolderPath) DiskErrno.fail("ENOTDIR")
  checkChange(volume, folder)
  DiskVolume.commit(volume, { entries: [{ folder, name, inode: undefined }], subject: inode }, "unlink", path)
  DiskVolume.notify(volume, folder, name, "Remove")
}

/** Removes an empty folder. */
export const removeFolder = (volume: Volume, path: string): void => {
  const { folder, inode, name } = DiskLookup.lookupName(volume, path)
  if (inode === undefined) DiskErrno.fail("ENOENT")
  if (inode.type !== "Directory") DiskErrno.fail("ENOTDIR")
  if (name === "") DiskErrno.fail("EINVAL")
  checkChange(volume, folder)
  if (inode.entries.size > 0) DiskErrno.fail("ENOTEMPTY")
  DiskVolume.commit(volume, { entries: [{ folder, name, inode: undefined }], subject: inode }, "rmdir", path)
  inode.links = 0
  DiskVolume.notify(volume, folder, name, "Remove")
}

const isInside = ({ root }: Volume, folder: DiskInode.Inode, of: DiskInode.Inode) => {
  for (let at = folder; at !== root; at = at.parent!) if (at === of) return true
  return false
}

const checkReplaceable = (from: DiskInode.Inode, to: DiskInode.Inode) => {
  if (from.type === "Directory" && to.type !== "Directory") DiskErrno.fail("ENOTDIR")
  if (from.type !== "Directory" && to.type === "Directory") DiskErrno.fail("EISDIR")
  if (to.entries.size > 0) DiskErrno.fail("ENOTEMPTY")
}

/** Renames a file or folder, and replaces what has the new name. */
export const rename = (volume: Volume, from: string, to: string): void => {
  const source = DiskLookup.lookupName(volume, from)
  const target = DiskLookup.lookupName(volume, to)
  const { inode } = source
  if (inode === undefined) DiskErrno.fail("ENOENT")
  if (source.name === "" || target.name === "") DiskErrno.fail("EINVAL")
  if ((source.isFolderPath || target.isFolderPath) && inode.type !== "Directory") DiskErrno.fail("ENOTDIR")
  if (inode.type === "Directory" && isInside(volume, target.folder, inode)) DiskErrno.fail("EINVAL")
  checkChange(volume, source.folder)
  checkChange(volume, target.folder)
  // Two names of one file stay as they are.
  if (target.inode === inode) return
  if (target.inode !== undefined) checkReplaceable(inode, target.inode)
  const entries = [
    { folder: target.folder, name: target.name, inode },
    { folder: source.folder, name: source.name, inode: undefined }
  ]
  DiskVolume.commit(volume, { entries, subject: inode }, "rename", to)
  DiskVolume.notify(volume, source.folder, source.name, "Remove")
  DiskVolume.notify(volume, target.folder, target.name, "Create")
}

/** Changes attributes of a file. Only its owner may. */
export const setAttributes = (
  volume: Volume,
  inode: DiskInode.Inode,
  change: Partial<DiskInode.Attributes>,
  operation: string,
  path: string
): void => {
  if (volume.user !== 0 && volume.user !== inode.attributes.uid) DiskErrno.fail("EPERM")
  if (volume.user !== 0 && change.uid !== undefined && change.uid !== volume.user) DiskErrno.fail("EPERM")
  if (volume.user !== 0 && change.gid !== undefined && change.gid !== volume.group) DiskErrno.fail("EPERM")
  const attributes = { ...inode.attributes, ...change }
  DiskVolume.commit(volume, { entries: [], attributes: [inode, attributes], subject: inode }, operation, path)
}
