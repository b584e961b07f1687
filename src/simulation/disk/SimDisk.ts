/** A simulated disk: effect's `FileSystem` with a page cache, of which a crash loses what was not synced. */
import * as ByteSize from "effect/ByteSize"
import type * as Duration from "effect/Duration"
import type * as FileSystem from "effect/FileSystem"
import * as Option from "effect/Option"
import type * as Recording from "../Recording.ts"
import * as OptionCheck from "../runtime/OptionCheck.ts"
import type * as SimClock from "../runtime/SimClock.ts"
import * as DiskCalls from "./DiskCalls.ts"
import * as DiskCrash from "./DiskCrash.ts"
import * as DiskFile from "./DiskFile.ts"
import * as DiskFileSystem from "./DiskFileSystem.ts"
import type * as DiskInode from "./DiskInode.ts"
import * as DiskLookup from "./DiskLookup.ts"
import * as DiskNames from "./DiskNames.ts"
import * as DiskPages from "./DiskPages.ts"
import * as DiskVolume from "./DiskVolume.ts"

/** Options of a disk. @category models @since 0.1.0 */
export interface Options {
  /** Files that are on the disk at the start, by absolute path; their folders are created. */
  readonly files?: Readonly<Record<string, string | Uint8Array>> | undefined
  /** Size of the disk; a write beyond it fails with `ENOSPC`. Default: no limit. */
  readonly capacity?: ByteSize.Input | undefined
  /**
   * True if unsynced changes of folders survive a crash in any order, as POSIX permits. Default: in their order, as on
   * a file system with a journal (ext4, XFS).
   */
  readonly reorder?: boolean | undefined
  /** Virtual time after which unsynced changes are on the disk anyway. Default 30 seconds, as on Linux. */
  readonly writeback?: Duration.Input | undefined
  /** Virtual time of operations. Default: see `SimDisk.make`. `false`: none, so that no crash is between two. */
  readonly latency?: Latency | false | undefined
  /** Probability that a sector (512 bytes) has a wrong bit after a crash, 0 to 1. Default 0. */
  readonly bitRot?: number | undefined
  /** User and group of the programs. The user 0 passes all checks of permissions. Default 1000. */
  readonly user?: number | undefined
  readonly group?: number | undefined
}

/** Longest virtual time of operations; each takes a random part of it. @category models @since 0.1.0 */
export interface Latency {
  /** Of a sync. Default 5 ms. */
  readonly sync?: Duration.Input | undefined
  /** Of any other operation. Default 100 us. */
  readonly other?: Duration.Input | undefined
}

/** Kind of an operation, as rules of fault plans name it. @category models @since 0.1.0 */
export type Operation = DiskCalls.Operation

/** Fault of an operation: the error with which it fails, and a delay before it. @category models @since 0.1.0 */
export type Fault = DiskCalls.Fault

/** Host of a disk. @category models @since 0.1.0 */
export interface Host {
  readonly clock: Pick<SimClock.SimClock, "now" | "schedule">
  /** Random numbers in [0, 1), for what survives a crash and for names of temporary files. */
  readonly random: () => number
  /** Name of the host, for records. */
  readonly name: string
  readonly options?: Options | undefined
  /** Decides on the fault of an operation. Default: none. */
  readonly fault?: ((operation: Operation, path: string) => Fault | undefined) | undefined
  readonly record?: Recording.Recorder | undefined
  /** Wall clock of the host in milliseconds, for times of files. Default: that of `clock`. */
  readonly wallMillis?: (() => number) | undefined
  /** Virtual time until which the host is paused: no operation ends before. Default: never paused. */
  readonly pausedUntil?: (() => number) | undefined
}

/** A disk, which survives crashes of its host. @category models @since 0.1.0 */
export interface SimDisk {
  /**
   * File system for programs that start now (a getter). After a crash, operations of programs from before interrupt
   * their fibers and change nothing: read this again when the host starts again.
   */
  readonly fileSystem: FileSystem.FileSystem
  /** Loses what was not synced, or parts of it. Call it before the programs of the host are interrupted. */
  readonly crash: () => void
  /** Contents of all files as programs see them, by path, in order of their paths. Folders have no entry. */
  readonly image: () => ReadonlyMap<string, Uint8Array>
}

const defaults = { user: 1_000, writeback: "30 seconds", sync: "5 millis", other: "100 micros" } as const

const nanosOf = (name: string, duration: Duration.Input) => OptionCheck.millis(`${name} of a disk`, duration) * 1e6

/** Returns the bytes of a capacity. */
const bytesOf = (capacity: ByteSize.Input): number => {
  const bytes = ByteSize.fromInput(capacity)
  if (Option.isSome(bytes)) return Number(ByteSize.toBigInt(bytes.value))
  return OptionCheck.refuse("capacity of a disk", capacity, 'use a number of bytes from 0, or a size such as "10 MiB"')
}

/** Throws for invalid options, as `make` does. @category guards @since 0.1.0 */
export const check = (options: Options): void => {
  const { bitRot, capacity, group, user, writeback } = options
  const maxId = 2 ** 32 - 2
  OptionCheck.number("bitRot of a disk", bitRot, 0, 1, "use a probability from 0 to 1, such as 0.001")
  OptionCheck.number("user of a disk", user, 0, maxId, `use a number from 0 to ${maxId}`)
  OptionCheck.number("group of a disk", group, 0, maxId, `use a number from 0 to ${maxId}`)
  if (capacity !== undefined) bytesOf(capacity)
  if (writeback !== undefined) nanosOf("writeback", writeback)
  latencyOf(options)
}

const settingsOf = ({ clock, options = {}, wallMillis }: Host): DiskVolume.Settings => {
  const { capacity, group = options.user ?? defaults.user, reorder = false, user = defaults.user } = options
  const bytes = capacity === undefined ? undefined : bytesOf(capacity)
  return {
    user,
    group,
    capacityPages: bytes === undefined ? Number.POSITIVE_INFINITY : Math.floor(bytes / DiskPages.pageBytes),
    isReordering: reorder,
    writebackNanos: nanosOf("writeback", options.writeback ?? defaults.writeback),
    now: clock.now,
    wallMillis: wallMillis ?? (() => clock.now() / 1e6)
  }
}

/** Returns the longest time of each kind of call. */
const latencyOf = ({ latency = {} }: Options) => {
  if (latency === false) return () => 0
  const sync = nanosOf("latency of a sync", latency.sync ?? defaults.sync)
  const other = nanosOf("latency", latency.other ?? defaults.other)
  return (operation: Operation) => (operation === "sync" ? sync : other)
}

/** Puts the first files on the disk, and syncs all. */
const addFiles = (volume: DiskVolume.DiskVolume, files: Options["files"] = {}) => {
  DiskNames.makeFolder(volume, "/tmp")
  for (const [path, content] of Object.entries(files)) {
    const names = path.split("/").filter((name) => name !== "")
    for (let count = 1; count < names.length; count++) {
      const folder = `/${names.slice(0, count).join("/")}`
      if (DiskLookup.lookup(volume, folder).inode === undefined) DiskNames.makeFolder(volume, folder)
    }
    const open = DiskFile.openNow(volume, path, { flag: "w" })
    const bytes = typeof content === "string" ? new TextEncoder().encode(content) : content
    DiskFile.writeNow(volume, open.inode, 0, bytes)
    DiskVolume.sync(volume, open.inode)
    DiskFile.closeNow(volume, open)
  }
  for (const change of volume.log) DiskVolume.makeDurable(change)
  volume.log = []
}

/** Returns the files below a folder, in order of their paths. */
function* filesBelow(folder: DiskInode.Inode, path: string): Generator<readonly [string, Uint8Array]> {
  for (const name of [...folder.entries.keys()].sort()) {
    const inode = folder.entries.get(name)!
    if (inode.type === "Directory") yield* filesBelow(inode, `${path}/${name}`)
    if (inode.type === "File") yield [`${path}/${name}`, DiskPages.toBytes(inode.content)]
  }
}

/**
 * Creates a disk. It has the folders `/` and `/tmp`; relative paths start at `/`.
 *
 * A write, and every change of folders or attributes, is in the page cache at once, and on the disk after a sync of the
 * file or the folder, or after `writeback`. A sync of a file also makes its name durable, as on ext4, unless `reorder`.
 *
 * **Example** (A crash between a write and its sync)
 *
 * ```ts
 * import * as Effect from "effect/Effect"
 * import { SimClock, SimDisk } from "effect-inet/simulation"
 *
 * const clock = SimClock.make()
 * const disk = SimDisk.make({ clock, random: () => 0.3, name: "a", options: { latency: false } })
 * const program = Effect.gen(function* () {
 *   const file = yield* disk.fileSystem.open("/journal", { flag: "a" })
 *   yield* file.writeAll(new TextEncoder().encode("kept\n"))
 *   yield* file.sync
 *   yield* file.writeAll(new TextEncoder().encode("lost\n"))
 * })
 * await Effect.runPromise(Effect.scoped(program))
 * disk.crash()
 * await Effect.runPromise(disk.fileSystem.readFileString("/journal")) // => "kept\n"
 * ```
 *
 * @category constructors
 * @since 0.1.0
 */
export const make = (host: Host): SimDisk => {
  const { clock, fault, name, options = {}, pausedUntil = () => 0, random, record } = host
  const { bitRot = 0, files } = options
  check(options)
  const volume = DiskVolume.make(settingsOf(host))
  addFiles(volume, files)
  const environment = { volume, clock, random, host: name, fault, record, pausedUntil, latency: latencyOf(options) }
  let calls = DiskCalls.make(environment)
  let fileSystem: FileSystem.FileSystem | undefined
  return {
    get fileSystem() {
      fileSystem ??= DiskFileSystem.make(calls)
      return fileSystem
    },
    crash: () => {
      calls.crash()
      volume.watchers.clear()
      const losses = DiskCrash.crash(volume, { random, bitRot })
      for (const { bytes, operation, path } of record === undefined ? [] : losses) {
        record?.({ _tag: "Disk", at: clock.now(), host: name, operation, path, bytes, fault: undefined })
      }
      calls = DiskCalls.make(environment)
      fileSystem = undefined
    },
    image: () => new Map(filesBelow(volume.root, ""))
  }
}
