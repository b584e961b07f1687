/**
 * Who holds an unfinished upload, and whether that process still runs. A process is known by host, id and time of
 * start: ids are given out again, such triples are not.
 */
import * as Crypto from "node:crypto"
import * as Fs from "node:fs/promises"
import * as Os from "node:os"
import * as Effect from "effect/Effect"
import { startTimeOf } from "./NodeProcessStartTime.ts"

/** How long a file of a process of another host may stay untouched before it counts as left behind. */
const foreignOwnerTimeoutMillis = 10 * 60_000

const hash = (...parts: ReadonlyArray<string>) =>
  Crypto.createHash("sha256").update(parts.join("\0")).digest("hex").slice(0, 8)

const readText = (path: string) =>
  Effect.orElseSucceed(
    Effect.tryPromise(() => Fs.readFile(path, "utf8")),
    () => ""
  )

/** This host, and within it the space in which process ids mean something: each container has its own. */
const hostTag = Effect.map(
  Effect.orElseSucceed(
    Effect.tryPromise(() => Fs.readlink("/proc/self/ns/pid")),
    () => ""
  ),
  (space) => hash(Os.hostname(), space)
)

/** The start of a process, in whichever life of the host. */
const startHashOf = Effect.fnUntraced(function* (pid: number) {
  const start = startTimeOf(pid)
  return start === undefined ? undefined : hash(yield* readText("/proc/sys/kernel/random/boot_id"), start)
})

/** This process, as part of a file name. */
export const self: Effect.Effect<string> = Effect.gen(function* () {
  return `${yield* hostTag}-${process.pid}-${(yield* startHashOf(process.pid)) ?? "unknown"}`
})

const exists = (pid: number) => {
  try {
    return process.kill(pid, 0)
  } catch (error) {
    return (error as NodeJS.ErrnoException).code === "EPERM"
  }
}

/**
 * Whether the owner of the file at `path` still runs. One of another host cannot be asked: it does as long as the file
 * is younger than ten minutes.
 */
export const isAlive = Effect.fnUntraced(function* (owner: string, path: string) {
  const [host, pid = "", start] = owner.split("-")
  if (host !== (yield* hostTag)) {
    const modifiedMillis = yield* Effect.match(
      Effect.tryPromise(() => Fs.lstat(path)),
      { onSuccess: ({ mtimeMs }) => mtimeMs, onFailure: () => 0 }
    )
    return Date.now() - modifiedMillis < foreignOwnerTimeoutMillis
  }
  const now = yield* startHashOf(Number(pid))
  return now === undefined || start === "unknown" ? exists(Number(pid)) : now === start
})
