/**
 * The attributes of a file that is replaced by another: owner, group, mode, access control list, extended attributes.
 *
 * Node has no calls for the last two, nor any to learn if a file has some. The program `cp` of GNU coreutils copies
 * them, through descriptors that it inherits; on a system without it or without /proc they are not kept. It takes about
 * 25 ms of CPU time in both processes, ten times that of the rest of an upload, but only at the end of one that
 * replaces a file by a rename.
 */
import * as ChildProcess from "node:child_process"
import type { Stats } from "node:fs"
import * as Effect from "effect/Effect"
import * as Semaphore from "effect/Semaphore"
import * as NodeFileCalls from "./NodeFileCalls.ts"

/** A copier of attributes. */
export interface FileAttributes {
  /**
   * Gives an open file the attributes of another; returns what cannot be kept. With `mustKeepAll` it stops there, else
   * it keeps the rest.
   */
  readonly copy: (from: Source, to: number, mustKeepAll: boolean) => Effect.Effect<Loss | undefined>
}

/** A file with attributes. */
interface Source {
  readonly stats: Stats
  /** A descriptor of the file, which need not be readable; undefined to copy only what `stats` has. */
  readonly descriptor: number | undefined
}

/** An attribute that cannot be kept. */
type Loss = "Owner" | "Attributes"

/** The most programs that run at the same time. */
const maxPrograms = 4

/** The time after which a program is killed, in milliseconds. */
const programTimeoutMillis = 5_000

/** Mode bits that a new content may keep: not set-user-ID and set-group-ID, as the system clears them on a write. */
const keptModeBits = 0o1777

/** Returns true if `cp` has the options to copy attributes alone. */
const isSupported = Effect.callback<boolean>((resume) => {
  ChildProcess.execFile("cp", ["--version"], { timeout: programTimeoutMillis }, (error, stdout) =>
    resume(Effect.succeed(error === null && stdout.includes("coreutils")))
  )
})

/** Copies the access control list and the extended attributes; returns false if that failed. */
const copyExtended = (from: number, to: number) =>
  Effect.callback<boolean>((resume) => {
    const args = ["--attributes-only", "--preserve=mode,xattr", "--", "/proc/self/fd/3", "/proc/self/fd/4"]
    const program = ChildProcess.spawn("cp", args, {
      stdio: ["ignore", "ignore", "ignore", from, to],
      timeout: programTimeoutMillis,
      killSignal: "SIGKILL"
    })
    program.once("error", () => resume(Effect.succeed(false)))
    program.once("close", (code) => resume(Effect.succeed(code === 0)))
  })

const succeeds = (call: Effect.Effect<unknown, NodeJS.ErrnoException>) =>
  Effect.match(call, { onSuccess: () => true, onFailure: () => false })

/** Gives a file an owner and a group; if the owner is not permitted, the group alone. Returns false if one is lost. */
const keepOwner = Effect.fnUntraced(function* ({ gid, uid }: Stats, descriptor: number) {
  const now = yield* Effect.orElseSucceed(NodeFileCalls.fstat(descriptor), () => undefined)
  if (now?.uid === uid && now.gid === gid) return true
  if (yield* succeeds(NodeFileCalls.fchown(descriptor, uid, gid))) return true
  yield* Effect.ignore(NodeFileCalls.fchown(descriptor, -1, gid))
  return false
})

/** Makes a copier. */
export const make = Effect.fnUntraced(function* (): Effect.fn.Return<FileAttributes> {
  const programs = yield* Semaphore.make(maxPrograms)
  const supported = yield* Effect.cached(process.platform === "linux" ? isSupported : Effect.succeed(false))
  const extendedKept = Effect.fnUntraced(function* (from: number | undefined, to: number) {
    if (from === undefined || !(yield* supported)) return true
    return yield* programs.withPermit(copyExtended(from, to))
  })
  return {
    copy: Effect.fnUntraced(function* ({ descriptor: from, stats }, to, mustKeepAll) {
      const isOwnerKept = yield* keepOwner(stats, to)
      if (!isOwnerKept && mustKeepAll) return "Owner"
      const isExtendedKept = yield* extendedKept(from, to)
      // The mode comes last: a new owner or access control list would change it.
      const isModeKept = yield* succeeds(NodeFileCalls.fchmod(to, stats.mode & keptModeBits))
      if (!isOwnerKept) return "Owner"
      return isExtendedKept && isModeKept ? undefined : "Attributes"
    })
  }
})
