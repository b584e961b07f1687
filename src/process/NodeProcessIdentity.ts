/**
 * The owner of an unfinished upload: a process, identified by its host, id and start time.
 *
 * Process ids are reused; such triples are not.
 */
import * as Crypto from "node:crypto"
import * as Fs from "node:fs/promises"
import * as Os from "node:os"
import * as Effect from "effect/Effect"
import { startTimeOf } from "./NodeProcessStartTime.ts"

/** Age at which a file of a process on another host counts as abandoned. */
const foreignOwnerTimeoutMillis = 10 * 60_000

const hash = (...parts: ReadonlyArray<string>) =>
  Crypto.createHash("sha256").update(parts.join("\0")).digest("hex").slice(0, 8)

const readText = (path: string) =>
  Effect.orElseSucceed(
    Effect.tryPromise(() => Fs.readFile(path, "utf8")),
    () => ""
  )

/** Identifies this host and its process id namespace: each container has its own. */
const hostTag = Effect.map(
  Effect.orElseSucceed(
    Effect.tryPromise(() => Fs.readlink("/proc/self/ns/pid")),
    () => ""
  ),
  (space) => hash(Os.hostname(), space)
)

/** Returns a hash of the start time of a process and of the boot of the host. */
const startHashOf = Effect.fnUntraced(function* (pid: number) {
  const start = startTimeOf(pid)
  return start === undefined ? undefined : hash(yield* readText("/proc/sys/kernel/random/boot_id"), start)
})

/** Returns the identity of this process, as part of a file name. */
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
 * Returns whether the owner of the file at `path` still runs. A process on another host cannot be checked: it counts as
 * running while the file is younger than ten minutes.
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
