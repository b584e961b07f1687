/**
 * A lock for processes of one host: an empty file beside the locked path, named after its owner.
 *
 * A process first creates its lock file, then looks for others, and fails if a running process has one. Of two
 * processes that start at the same time at least one sees the other, so that never both hold the lock. A lock file is
 * never taken over, because two processes could do that at the same time: files of dead processes are deleted. The
 * processes must share one process table, as those of one host do.
 */
import * as Effect from "effect/Effect"
import * as FileOwner from "./FileOwner.ts"
import * as FilePlatform from "./FilePlatform.ts"
import * as StateFile from "./StateFile.ts"
import * as StateFileError from "./StateFileError.ts"

const lockedBy = (path: string, pid: number) =>
  StateFileError.make(path, "Locked", `locked by process ${pid}; stop it or name another file`)

/**
 * Locks a file, which need not exist, until the scope closes. Paths through symbolic links lock the same file, hard
 * links do not. The lock file of a killed process does not count.
 */
export const acquire = Effect.fnUntraced(function* (platform: FilePlatform.FilePlatform, name: string) {
  const { fileSystem, owner, path: paths } = platform
  const path = yield* StateFile.resolve(platform, name)
  const folder = paths.dirname(path)
  const prefix = `${paths.basename(path)}.lock-`
  const ownName = `${prefix}${owner()}`
  const ownPath = paths.join(folder, ownName)
  const release = Effect.ignore(fileSystem.remove(ownPath, { force: true }))
  const claim = Effect.mapError(Effect.scoped(fileSystem.open(ownPath, { flag: "wx" })), (error) =>
    FilePlatform.codeOf(error) === "EEXIST" ? lockedBy(path, FileOwner.pidOf(owner())) : error
  )
  const giveWay = Effect.gen(function* () {
    const running = yield* FileOwner.sweep(platform, folder, prefix, { foreignTimeoutMillis: 0 })
    const rival = running.find(({ name }) => name !== ownName)
    if (rival !== undefined) return yield* lockedBy(path, FileOwner.pidOf(rival.owner))
  })
  const lock = Effect.andThen(
    claim,
    Effect.onError(giveWay, () => release)
  )
  const failed = (cause: unknown) => StateFileError.fromCause(path, cause)
  yield* Effect.acquireRelease(Effect.mapError(lock, failed), () => release)
})
