/** An open file of a simulated disk, which behaves as that of `NodeFileSystem`. */
import * as ByteSize from "effect/ByteSize"
import * as Effect from "effect/Effect"
import * as FileSystem from "effect/FileSystem"
import * as Option from "effect/Option"
import type * as PlatformError from "effect/PlatformError"
import type * as DiskCalls from "./DiskCalls.ts"
import * as DiskErrno from "./DiskErrno.ts"
import type * as DiskInode from "./DiskInode.ts"
import * as DiskLookup from "./DiskLookup.ts"
import * as DiskNames from "./DiskNames.ts"
import * as DiskPages from "./DiskPages.ts"
import * as DiskVolume from "./DiskVolume.ts"

/** Meaning of a flag. */
interface Mode {
  readonly reads: boolean
  readonly writes: boolean
  readonly creates: boolean
  readonly excludes: boolean
  readonly truncates: boolean
  readonly appends: boolean
}

/** Returns what a flag permits and does. */
export const modeOf = (flag: FileSystem.OpenFlag): Mode => {
  const isPlus = flag.includes("+")
  const kind = flag[0]
  return {
    reads: kind === "r" || isPlus,
    writes: kind !== "r" || isPlus,
    creates: kind !== "r",
    excludes: flag.includes("x"),
    truncates: kind === "w",
    appends: kind === "a"
  }
}

/** State of an open file. */
export interface Open {
  readonly inode: DiskInode.Inode
  readonly descriptor: number
  readonly mode: Mode
  isOpen: boolean
}

/** Options of opening a file. */
export interface OpenOptions {
  readonly flag?: FileSystem.OpenFlag | undefined
  readonly mode?: number | undefined
  readonly noFollow?: boolean | undefined
}

/** The first number of a file: the lower ones are the standard streams. */
const firstDescriptorNumber = 3

/** Opens a file in the cache. */
export const openNow = (
  volume: DiskVolume.DiskVolume,
  path: string,
  { flag = "r", mode: bits = 0o666, noFollow = false }: OpenOptions = {}
): Open => {
  const mode = modeOf(flag)
  const isFolderPath = mode.creates && path.endsWith("/")
  const place = DiskLookup.lookup(volume, isFolderPath ? path.replace(/\/+$/, "") : path, !noFollow && !mode.excludes)
  if (isFolderPath) DiskErrno.fail("EISDIR")
  if (place.inode === undefined && !mode.creates) return DiskErrno.fail("ENOENT")
  if (place.inode !== undefined && mode.excludes) return DiskErrno.fail("EEXIST")
  if (place.inode?.type === "SymbolicLink") return DiskErrno.fail("ELOOP")
  if (place.inode?.type === "Directory" && mode.writes) return DiskErrno.fail("EISDIR")
  if (place.inode !== undefined)
    DiskLookup.checkPermission(volume, place.inode, (mode.reads ? 4 : 0) | (mode.writes ? 2 : 0))
  const inode = place.inode ?? DiskNames.createFile(volume, place, bits, path)
  if (mode.truncates && inode.content.size > 0) resize(volume, inode, 0)
  inode.opened++
  return { inode, descriptor: firstDescriptorNumber, mode, isOpen: true }
}

/** Closes a file in the cache. */
export const closeNow = (volume: DiskVolume.DiskVolume, open: Open): void => {
  if (!open.isOpen) return
  open.isOpen = false
  open.inode.opened--
  DiskVolume.forgetIfUnused(volume, open.inode)
}

/** Fails for a length of `truncate` that Node does not take, with Node's message. */
export const checkLength = (length: unknown): Effect.Effect<void, PlatformError.PlatformError> => {
  if (typeof length !== "number") {
    const received = typeof length === "bigint" ? `type bigint (${length}n)` : `type ${typeof length}`
    const message = `The "len" argument must be of type number. Received ${received}`
    return Effect.fail(DiskErrno.badArgument("truncate", message))
  }
  if (Number.isSafeInteger(length)) return Effect.void
  const { MAX_SAFE_INTEGER: most, MIN_SAFE_INTEGER: least } = Number
  const wanted = Number.isInteger(length) ? `>= ${least} && <= ${most}` : "an integer"
  const message = `The value of "len" is out of range. It must be ${wanted}. Received ${length}`
  return Effect.fail(DiskErrno.badArgument("truncate", message))
}

/** Sets the size of a file in the cache. */
export const resize = (volume: DiskVolume.DiskVolume, inode: DiskInode.Inode, size: number): void => {
  DiskVolume.changeContent(volume, inode, { size })
  notifyUpdate(volume, inode)
}

/** Tells those who watch that a file has changed, by each of its names. */
export const notifyUpdate = (volume: DiskVolume.DiskVolume, inode: DiskInode.Inode): void => {
  if (volume.watchers.size === 0) return
  const visit = (folder: DiskInode.Inode) => {
    for (const [name, entry] of folder.entries) {
      if (entry === inode) DiskVolume.notify(volume, folder, name, "Update")
      if (entry.type === "Directory") visit(entry)
    }
  }
  visit(volume.root)
}

/** Writes bytes to a file in the cache; returns the number for which there was space. */
export const writeNow = (
  volume: DiskVolume.DiskVolume,
  inode: DiskInode.Inode,
  offset: number,
  bytes: Uint8Array,
  fault?: DiskErrno.Code
): number => {
  if (fault !== undefined && fault !== "ENOSPC") return DiskErrno.fail(fault)
  if (bytes.length === 0) return 0
  // A disk that becomes full takes the first pages of a write.
  const fitting =
    fault === undefined
      ? DiskVolume.writableBytes(volume, inode, offset, bytes.length)
      : Math.floor(bytes.length / DiskPages.pageBytes / 2) * DiskPages.pageBytes
  if (fitting === 0) return DiskErrno.fail("ENOSPC")
  DiskVolume.changeContent(volume, inode, { offset, bytes: bytes.slice(0, fitting) })
  notifyUpdate(volume, inode)
  return fitting
}

const typeBits = { File: 0o100_000, Directory: 0o040_000, SymbolicLink: 0o120_000 } as const

/** Units of `blocks`. */
const blockBytes = 512

/** Returns what `stat` says of an inode. */
export const infoOf = (inode: DiskInode.Inode): FileSystem.File.Info => {
  const { attributes, birthtime, content, ino, links, target, type } = inode
  const size = type === "File" ? content.size : type === "Directory" ? DiskPages.pageBytes : target.length
  const pages = type === "File" ? content.pages.size : type === "Directory" ? 1 : 0
  return {
    type,
    mtime: Option.some(new Date(attributes.mtime)),
    atime: Option.some(new Date(attributes.atime)),
    birthtime: Option.some(new Date(birthtime)),
    dev: 1n,
    rdev: Option.some(0n),
    ino: Option.some(BigInt(ino)),
    mode: typeBits[type] | attributes.mode,
    nlink: Option.some(BigInt(links)),
    uid: Option.some(attributes.uid),
    gid: Option.some(attributes.gid),
    size: ByteSize.bytes(size),
    blksize: Option.some(ByteSize.bytes(DiskPages.pageBytes)),
    blocks: Option.some(BigInt((pages * DiskPages.pageBytes) / blockBytes))
  }
}

/** Position of a file, which reads and writes advance. */
class DiskFile implements FileSystem.File {
  readonly [FileSystem.FileTypeId]: typeof FileSystem.FileTypeId = FileSystem.FileTypeId
  readonly stat: FileSystem.File["stat"]
  readonly sync: FileSystem.File["sync"]
  private position = 0
  private readonly calls: DiskCalls.DiskCalls
  private readonly open: Open
  private readonly path: string

  constructor(calls: DiskCalls.DiskCalls, open: Open, path: string) {
    this.calls = calls
    this.open = open
    this.path = path
    const { volume } = calls
    this.stat = this.perform({ method: "stat", syscall: "fstat", operation: "other" }, () => infoOf(open.inode))
    this.sync = this.perform({ method: "sync", syscall: "fsync", operation: "sync" }, (fault) => {
      if (fault === "EROFS" || fault === "ENOSPC") return
      DiskVolume.sync(volume, open.inode, fault !== undefined)
      if (fault !== undefined) DiskErrno.fail(fault)
    })
  }

  private perform<A>(
    call: Pick<DiskCalls.Call<A>, "method" | "syscall" | "operation" | "change" | "bytes">,
    run: DiskCalls.Call<A>["run"]
  ) {
    const { open, path } = this
    return this.calls.perform<A>({
      ...call,
      path,
      descriptor: open.descriptor,
      run: (fault) => (open.isOpen ? run(fault) : DiskErrno.fail("EBADF"))
    })
  }

  private readAt(method: string, into: Uint8Array, position: number) {
    const { inode, mode } = this.open
    const call = { method, syscall: "read", operation: "read", bytes: (count: number) => count } as const
    return this.perform(call, () => {
      if (!mode.reads) return DiskErrno.fail("EBADF")
      return inode.type === "Directory" ? DiskErrno.fail("EISDIR") : DiskPages.read(inode.content, position, into)
    })
  }

  private writeAt(method: string, bytes: Uint8Array) {
    const { inode, mode } = this.open
    const call = {
      ...({ method, syscall: "write", operation: "write", change: "modify" } as const),
      bytes: (count: number) => count
    }
    return this.perform(call, (fault) => {
      if (!mode.writes) return DiskErrno.fail("EBADF")
      const position = mode.appends ? inode.content.size : this.position
      const count = writeNow(this.calls.volume, inode, position, bytes, fault)
      if (!mode.appends) this.position = position + count
      return count
    })
  }

  seek(offset: bigint, from: FileSystem.SeekMode) {
    return Effect.suspend(() => {
      const position = (from === "start" ? 0 : this.position) + Number(offset)
      if (position < 0) return Effect.fail(DiskErrno.badArgument("seek", "Cannot seek before the start of the file"))
      this.position = position
      return Effect.succeed(BigInt(position))
    })
  }

  /** Reads from an explicit position, or from that of the file, which then advances. */
  private readFrom(method: string, into: Uint8Array, explicit: bigint | undefined) {
    if (explicit !== undefined && explicit < 0n) {
      return Effect.fail(DiskErrno.badArgument(method, "Cannot read before the start of the file"))
    }
    if (explicit !== undefined) return this.readAt(method, into, Number(explicit))
    const { position } = this
    return Effect.map(this.readAt(method, into, position), (count) => {
      this.position = position + count
      return count
    })
  }

  read(buffer: Uint8Array, options?: FileSystem.File.ReadOptions) {
    return Effect.suspend(() => this.readFrom("read", buffer, options?.position))
  }

  readAlloc(size: number, options?: FileSystem.File.ReadOptions) {
    return Effect.suspend(() => {
      if (!Number.isInteger(size) || size < 0) {
        return Effect.fail(DiskErrno.badArgument("readAlloc", "size must be a non-negative integer"))
      }
      const buffer = new Uint8Array(size)
      return Effect.map(this.readFrom("readAlloc", buffer, options?.position), (count) =>
        count === 0 ? Option.none() : Option.some(count === size ? buffer : buffer.slice(0, count))
      )
    })
  }

  truncate(length = 0) {
    const { inode, mode } = this.open
    const call = { method: "truncate", syscall: "ftruncate", operation: "other", change: "modify" } as const
    const perform = this.perform(call, () => {
      if (!mode.writes) DiskErrno.fail("EINVAL")
      resize(this.calls.volume, inode, Math.max(0, length))
      if (!mode.appends) this.position = Math.min(this.position, length)
    })
    return Effect.andThen(checkLength(length), perform)
  }

  write(buffer: Uint8Array) {
    return Effect.suspend(() => this.writeAt("write", buffer))
  }

  writeAll(buffer: Uint8Array): Effect.Effect<void, PlatformError.PlatformError> {
    if (buffer.length === 0) return Effect.void
    return Effect.suspend(() =>
      Effect.flatMap(this.writeAt("writeAll", buffer), (count) =>
        count < buffer.length ? this.writeAll(buffer.subarray(count)) : Effect.void
      )
    )
  }
}

/** Makes effect's view of an open file. */
export const make = (calls: DiskCalls.DiskCalls, open: Open, path: string): FileSystem.File =>
  new DiskFile(calls, open, path)
