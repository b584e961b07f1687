/**
 * A crash of a simulated disk: all that was synced survives, and a random part of the rest.
 *
 * An unsynced write survives wholly, not at all, or in some of its sectors; pages survive in any order. Bytes of lost
 * pages before the end of a file are zeros. A write after a cut of the file survives only if the cut does.
 */
import * as DiskInode from "./DiskInode.ts"
import * as DiskPages from "./DiskPages.ts"
import * as DiskVolume from "./DiskVolume.ts"

/** Loss of a part of a file, or of a change of folders, that was not synced. */
export interface Loss {
  readonly operation: "lost" | "torn"
  readonly path: string
  readonly bytes: number
}

/** Options of a crash. */
export interface Options {
  /** Random numbers in [0, 1). */
  readonly random: () => number
  /** Probability that a sector has a wrong bit. */
  readonly bitRot: number
}

/** The ways in which unsynced changes survive; each has a share of the crashes, so that the common ones are tried. */
const shares = { all: 0.25, none: 0.25, prefix: 0.25 } as const

type Way = keyof typeof shares | "any"

const wayOf = (chance: number): Way => {
  if (chance < shares.all) return "all"
  if (chance < shares.all + shares.none) return "none"
  return chance < shares.all + shares.none + shares.prefix ? "prefix" : "any"
}

/** Keeps a random part of the sectors of a write to a page. */
const writeTorn = (content: DiskPages.DiskPages, { at, bytes, page }: DiskPages.Piece, random: () => number) => {
  const end = at + bytes.length
  for (let from = at; from < end; ) {
    const to = Math.min(end, (Math.floor(from / DiskPages.sectorBytes) + 1) * DiskPages.sectorBytes)
    if (random() < 0.5) DiskPages.writePiece(content, { page, at: from, bytes: bytes.subarray(from - at, to - at) })
    from = to
  }
}

/** Returns the number of changes that survive on each page, and in the size of the file. */
const cuts = (count: number, way: Way, random: () => number) => {
  const draw = () => Math.floor(random() * (count + 1))
  if (way === "all") return { ofPage: () => count, ofSize: count, isTorn: false }
  if (way === "none") return { ofPage: () => 0, ofSize: 0, isTorn: false }
  const first = draw()
  if (way === "prefix") {
    const isTorn = random() < 0.5
    return { ofPage: () => first, ofSize: Math.min(count, isTorn ? first + 1 : first), isTorn }
  }
  const pages = new Map<number, number>()
  const ofPage = (page: number) => {
    const known = pages.get(page) ?? draw()
    pages.set(page, known)
    return known
  }
  return { ofPage, ofSize: first, isTorn: true }
}

/** Returns the content of a file after a crash. */
const survivingContent = (
  { changes, durableContent }: Pick<DiskInode.Inode, "changes" | "durableContent">,
  random: () => number
): DiskPages.DiskPages => {
  if (changes.length === 0) return durableContent
  const content = DiskPages.clone(durableContent)
  const { isTorn, ofPage, ofSize } = cuts(changes.length, wayOf(random()), random)
  let { size } = durableContent
  const cutAt = (bytes: number) => {
    content.size = Number.POSITIVE_INFINITY
    DiskPages.resize(content, bytes)
    size = bytes
  }
  for (const [index, change] of changes.entries()) {
    if ("size" in change) {
      if (index >= ofSize) break
      cutAt(change.size)
      continue
    }
    for (const piece of DiskPages.piecesOf(change.offset, change.bytes)) {
      const cut = ofPage(piece.page)
      if (index < cut) DiskPages.writePiece(content, piece)
      else if (index === cut && isTorn) writeTorn(content, piece, random)
    }
    if (index < ofSize) size = Math.max(size, change.offset + change.bytes.length)
  }
  cutAt(size)
  return content
}

/** Returns the changes of folders that survive: the first ones, or any if the volume reorders. */
const survivingLog = ({ isReordering, log }: DiskVolume.DiskVolume, random: () => number) => {
  if (log.length === 0) return log
  const way = wayOf(random())
  if (way === "all") return log
  if (way === "none") return []
  if (way === "any" && isReordering) return log.filter(() => random() < 0.5)
  return log.slice(0, Math.floor(random() * (log.length + 1)))
}

const rot = ({ pages, size }: DiskPages.DiskPages, { bitRot, random }: Options) => {
  if (bitRot === 0) return
  for (let sector = 0; sector * DiskPages.sectorBytes < size; sector++) {
    if (random() >= bitRot) continue
    const page = pages.get(Math.floor((sector * DiskPages.sectorBytes) / DiskPages.pageBytes))
    const bit = Math.floor(random() * DiskPages.sectorBytes * 8)
    const at = ((sector * DiskPages.sectorBytes) % DiskPages.pageBytes) + (bit >> 3)
    if (page !== undefined) page[at] = page[at]! ^ (1 << (bit & 7))
  }
}

/** Makes a file what is left of it. */
const recoverFile = (volume: DiskVolume.DiskVolume, inode: DiskInode.Inode, path: string, options: Options) => {
  const bytes = inode.changes.reduce((sum, change) => sum + ("size" in change ? 0 : change.bytes.length), 0)
  const content = survivingContent(inode, options.random)
  rot(content, options)
  const isUnchanged = DiskPages.isEqual(content, inode.content)
  const isLost = content === inode.durableContent || DiskPages.isEqual(content, inode.durableContent)
  if (!isUnchanged) {
    inode.content.pages.clear()
    for (const [page, data] of content.pages) inode.content.pages.set(page, data.slice())
    inode.content.size = content.size
  }
  inode.durableContent = content
  inode.changes = []
  volume.usedPages += inode.content.pages.size
  return isUnchanged ? undefined : ({ operation: isLost ? "lost" : "torn", path, bytes } satisfies Loss)
}

/** Crashes a disk: its files and folders are then those that survive. Returns the losses, in order of their paths. */
export const crash = (volume: DiskVolume.DiskVolume, options: Options): ReadonlyArray<Loss> => {
  const losses: Array<Loss> = []
  const until = volume.now() - volume.writebackNanos
  DiskVolume.expireLog(volume)
  for (const inode of volume.dirty) DiskInode.flush(inode, until)
  const survivors = new Set(survivingLog(volume, options.random))
  for (const change of volume.log) {
    if (survivors.has(change)) DiskVolume.makeDurable(change)
    else losses.push({ operation: "lost", path: `${change.operation} ${change.path}`, bytes: 0 })
  }
  volume.log = []
  volume.usedPages = 0
  volume.dirty.clear()
  const seen = new Set<DiskInode.Inode>()
  const recover = (inode: DiskInode.Inode, path: string) => {
    if (inode.type !== "Directory") inode.links++
    if (seen.has(inode)) return
    seen.add(inode)
    inode.opened = 0
    inode.links = inode.type === "Directory" ? 2 : 1
    inode.attributes = { ...inode.durableAttributes, mtime: inode.attributes.mtime }
    if (inode.type === "File") {
      const loss = recoverFile(volume, inode, path, options)
      if (loss !== undefined) losses.push(loss)
    }
    if (inode.type !== "Directory") return
    inode.entries.clear()
    for (const name of [...inode.durableEntries.keys()].sort()) {
      const entry = inode.durableEntries.get(name)!
      // In two folders after a move of which a part survived: it stays in the first.
      if (entry.type === "Directory" && seen.has(entry)) continue
      inode.entries.set(name, entry)
      if (entry.type === "Directory") {
        entry.parent = inode
        inode.links++
      }
      recover(entry, `${path === "/" ? "" : path}/${name}`)
    }
  }
  recover(volume.root, "/")
  return losses
}
