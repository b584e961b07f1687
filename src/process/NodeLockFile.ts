/**
 * A lock for processes of one host: an empty file beside the locked path, named after its owner.
 *
 * A process first creates its lock file, then looks for others, and fails if a running process has one. Of two
 * processes that start at the same time at least one sees the other, so that never both hold the lock. A lock file is
 * never taken over, because two processes could do that at the same time: files of dead processes are deleted. The
 * processes must share one process table, as those of one host do.
 */
import * as Fs from "node:fs"
import * as Path from "node:path"
import * as Effect from "effect/Effect"
import * as NodeFileOwner from "./NodeFileOwner.ts"
import * as NodeStateFile from "./NodeStateFile.ts"
import * as StateFileError from "./StateFileError.ts"

const lockedBy = (path: string, pid: number) =>
  StateFileError.make(path, "Locked", `locked by process ${pid}; stop it or name another file`)

/**
 * Locks a file, which need not exist, until the scope closes. Paths through symbolic links lock the same file, hard
 * links do not. The lock file of a killed process does not count.
 */
export const acquire = Effect.fnUntraced(function* (name: string) {
  const path = yield* NodeStateFile.resolve(name)
  const prefix = `${Path.basename(path)}.lock-`
  const ownName = `${prefix}${NodeFileOwner.self()}`
  const ownPath = Path.join(Path.dirname(path), ownName)
  const release = Effect.sync(() => Fs.rmSync(ownPath, { force: true }))
  const claim = Effect.try({
    try: () => Fs.closeSync(Fs.openSync(ownPath, "wx")),
    catch: (cause) => ((cause as NodeJS.ErrnoException).code === "EEXIST" ? lockedBy(path, process.pid) : cause)
  })
  const giveWay = Effect.gen(function* () {
    const running = yield* NodeFileOwner.sweep(Path.dirname(path), prefix, { foreignTimeoutMillis: 0 })
    const rival = running.find(({ name }) => name !== ownName)
    if (rival !== undefined) return yield* lockedBy(path, NodeFileOwner.pidOf(rival.owner))
  })
  const lock = Effect.andThen(
    claim,
    Effect.onError(giveWay, () => release)
  )
  const failed = (cause: unknown) => StateFileError.fromCause(path, cause)
  yield* Effect.acquireRelease(Effect.mapError(lock, failed), () => release)
})
