/** Resolution of paths on a simulated disk, as path_resolution(7) of Linux has it. Relative paths start at `/`. */
import * as DiskErrno from "./DiskErrno.ts"
import * as DiskInode from "./DiskInode.ts"
import type * as DiskVolume from "./DiskVolume.ts"

/** Place that a path names: an entry of a folder, which need not exist. */
export interface Place {
  readonly folder: DiskInode.Inode
  /** Name in the folder; empty for a path that ends with `.`, `..` or is `/`. */
  readonly name: string
  readonly inode: DiskInode.Inode | undefined
  /** True if the path ends with a slash: it names a folder. */
  readonly isFolderPath: boolean
}

const maxLinks = 40
const maxNameBytes = 255
const maxPathBytes = 4_095

/** Returns the bytes of a text in UTF-8. */
const utf8Bytes = (text: string) => new TextEncoder().encode(text).length

const isTooLong = (text: string, maxBytes: number) => text.length * 3 > maxBytes && utf8Bytes(text) > maxBytes

/** Fails if the user may not do something with an inode. */
export const checkPermission = (
  { group, user }: Pick<DiskVolume.DiskVolume, "user" | "group">,
  inode: DiskInode.Inode,
  wanted: number
): void => {
  if (!DiskInode.isPermitted(inode, user, group, wanted)) DiskErrno.fail("EACCES")
}

/** Treatment of a symbolic link at the end of a path. With `NoFollow` it is followed if a slash follows it. */
type LastLink = "Follow" | "NoFollow" | "Name"

const resolve = (volume: DiskVolume.DiskVolume, path: string, lastLink: LastLink): Place => {
  if (path === "") return DiskErrno.fail("ENOENT")
  if (isTooLong(path, maxPathBytes)) return DiskErrno.fail("ENAMETOOLONG")
  const isLastFollowed = (isFolderPath: boolean) => lastLink === "Follow" || (isFolderPath && lastLink === "NoFollow")
  let links = 0
  const walk = (start: DiskInode.Inode, text: string, isWholePath: boolean): Place => {
    const isFolderPath = text.endsWith("/")
    let folder = text.startsWith("/") ? volume.root : start
    const names = text.split("/").filter((name) => name !== "")
    for (let index = 0; index < names.length; index++) {
      const name = names[index]!
      const isLast = index === names.length - 1
      if (folder.type !== "Directory") return DiskErrno.fail("ENOTDIR")
      checkPermission(volume, folder, DiskInode.permission.execute)
      if (isTooLong(name, maxNameBytes)) return DiskErrno.fail("ENAMETOOLONG")
      if (name === "." || name === "..") {
        if (name === "..") folder = folder.parent ?? folder
        if (isLast) return { folder, name: "", inode: folder, isFolderPath: true }
        continue
      }
      let place: Place = { folder, name, inode: folder.entries.get(name), isFolderPath }
      if (place.inode?.type === "SymbolicLink" && (!isLast || !isWholePath || isLastFollowed(isFolderPath))) {
        if (++links > maxLinks) return DiskErrno.fail("ELOOP")
        place = walk(folder, isLast && isFolderPath ? `${place.inode.target}/` : place.inode.target, false)
      }
      if (isLast) {
        if (isFolderPath && lastLink !== "Name" && place.inode !== undefined && place.inode.type !== "Directory")
          DiskErrno.fail("ENOTDIR")
        return place
      }
      folder = place.inode ?? DiskErrno.fail("ENOENT")
    }
    return { folder, name: "", inode: folder, isFolderPath: true }
  }
  return walk(volume.root, path, true)
}

/** Resolves a path. Symbolic links on the way are followed; one at the end if `isFollowing` or a slash follows it. */
export const lookup = (volume: DiskVolume.DiskVolume, path: string, isFollowing = true): Place =>
  resolve(volume, path, isFollowing ? "Follow" : "NoFollow")

/** Resolves the folder of a path; the name in it may be that of anything, also if a slash follows it. */
export const lookupName = (volume: DiskVolume.DiskVolume, path: string): Place => resolve(volume, path, "Name")

/** Resolves a path to what exists there. */
export const existing = (volume: DiskVolume.DiskVolume, path: string, isFollowing = true): DiskInode.Inode =>
  lookup(volume, path, isFollowing).inode ?? DiskErrno.fail("ENOENT")

/** Returns the path of a folder without links. */
const pathOf = ({ root }: Pick<DiskVolume.DiskVolume, "root">, folder: DiskInode.Inode): string => {
  const names: Array<string> = []
  for (let at = folder; at !== root; at = at.parent!) {
    const entry = [...at.parent!.entries].find(([, inode]) => inode === at)
    // A removed folder has no path.
    if (entry === undefined) return DiskErrno.fail("ENOENT")
    names.unshift(entry[0])
  }
  return `/${names.join("/")}`
}

/** Removes dots from a path, as text, and makes it absolute. */
export const normalize = (path: string): string => {
  const names: Array<string> = []
  for (const name of path.split("/")) {
    if (name === "..") names.pop()
    else if (name !== "" && name !== ".") names.push(name)
  }
  return `/${names.join("/")}`
}

/** Returns the path of an existing file without links. */
export const realPath = (volume: DiskVolume.DiskVolume, path: string): string => {
  const { folder, inode, name } = lookup(volume, path)
  if (inode === undefined) return DiskErrno.fail("ENOENT")
  const parent = pathOf(volume, folder)
  if (name === "") return parent
  return parent === "/" ? `/${name}` : `${parent}/${name}`
}
