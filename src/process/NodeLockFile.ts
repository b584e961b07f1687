/**
 * A lock for processes of one host: an empty file beside the locked path, named after a process and its start time.
 *
 * A process first creates its lock file, then reads those of other processes, and fails if one of them runs. Of two
 * processes that start at the same time at least one sees the other, so that never both hold the lock. A lock file is
 * never taken over, because two processes could do that at the same time: files of dead processes are deleted. The
 * processes must share one process table, as those of one host do.
 */
import * as Fs from "node:fs"
import * as Path from "node:path"
import * as Effect from "effect/Effect"
import { startTimeOf } from "./NodeProcessStartTime.ts"

const isRunning = (pid: number, startTime: string) => {
  try {
    process.kill(pid, 0)
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code === "ESRCH") return false
  }
  const now = startTimeOf(pid)
  return now === undefined || startTime === "0" || now === startTime
}

/**
 * Locks a path until the scope closes; the lock file of a killed process does not count.
 *
 * `makeError` receives the error of the file system, or the id of the process that holds the lock.
 *
 * @category constructors
 * @since 0.1.0
 */
export const acquire = <E>(path: string, makeError: (cause: unknown, holder?: number) => E) =>
  Effect.acquireRelease(
    Effect.suspend(() => {
      const folder = Path.dirname(path)
      const prefix = `${Path.basename(path)}.lock-`
      const ownName = `${prefix}${process.pid}-${startTimeOf(process.pid) ?? "0"}`
      const ownPath = Path.join(folder, ownName)
      try {
        Fs.closeSync(Fs.openSync(ownPath, "wx"))
      } catch (cause) {
        const holder = (cause as NodeJS.ErrnoException).code === "EEXIST" ? process.pid : undefined
        return Effect.fail(makeError(cause, holder))
      }
      try {
        for (const name of Fs.readdirSync(folder)) {
          const [, pid, startTime] =
            /^(\d+)-(\w+)$/.exec(name.startsWith(prefix) ? name.slice(prefix.length) : "") ?? []
          if (pid === undefined || name === ownName) continue
          if (isRunning(Number(pid), startTime!)) {
            Fs.rmSync(ownPath, { force: true })
            return Effect.fail(makeError(undefined, Number(pid)))
          }
          Fs.rmSync(Path.join(folder, name), { force: true })
        }
      } catch (cause) {
        Fs.rmSync(ownPath, { force: true })
        return Effect.fail(makeError(cause))
      }
      return Effect.succeed(ownPath)
    }),
    (ownPath) => Effect.sync(() => Fs.rmSync(ownPath, { force: true }))
  )
