/** A simulated disk: effect's `FileSystem` with a page cache, of which a crash loses what was not synced. */
import type * as ByteSize from "effect/ByteSize"
import type * as Duration from "effect/Duration"
import * as FileSystem from "effect/FileSystem"
import type * as Recording from "../Recording.ts"
import type * as SimClock from "../runtime/SimClock.ts"

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
export type Operation = "read" | "write" | "sync" | "other"

/** Fault of an operation: the error with which it fails, and a delay before it happens. @category models @since 0.1.0 */
export interface Fault {
  readonly error?: "EIO" | "ENOSPC" | "EROFS" | undefined
  readonly delayNanos: number
}

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

/** Creates a disk. @category constructors @since 0.1.0 */
export const make = (_host: Host): SimDisk => {
  const fileSystem = FileSystem.makeNoop({})
  return { fileSystem, crash: () => {}, image: () => new Map() }
}
