/**
 * One process at a time: a claim is an empty file beside the thing it is for, named after a process and when that
 * began.
 *
 * A process first makes its claim, then looks at those of others, and gives way to one that lives. Of two that begin at
 * the same time at least one sees the other, so that never both go on. No claim is ever taken over, which two could do
 * at once: those of the dead are only swept away. Processes must see each other, as those of one host do.
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
 * Claims a path until the scope closes. Fails with what `orFail` makes of the file system's error, or of the process
 * that has it already; a claim left by one that was killed does not count.
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
          const [, pid, startTime] = /^(\d+)-(\w+)$/.exec(name.startsWith(prefix) ? name.slice(prefix.length) : "") ?? []
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
