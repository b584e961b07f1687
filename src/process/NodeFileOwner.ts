/**
 * The owner of a lock file or temporary file: a process, identified by its host, id and start time.
 *
 * The name of the file contains its owner. Process ids are reused, such triples are not: a file of a killed process is
 * recognised, and any process may delete it.
 */
import * as Crypto from "node:crypto"
import * as Fs from "node:fs"
import * as Os from "node:os"
import * as FileOwner from "./FileOwner.ts"

const hash = (...parts: ReadonlyArray<string>) =>
  Crypto.createHash("sha256").update(parts.join("\0")).digest("hex").slice(0, 8)

/** Returns the result of a call, or undefined if it throws: a file under /proc is missing. */
const attempt = <A>(call: () => A): A | undefined => {
  try {
    return call()
  } catch {
    return undefined
  }
}

/** Returns the value of the first call in all later ones: for what is the same as long as this process lives. */
const once = (read: () => string) => {
  let value: string | undefined
  return () => {
    value ??= read()
    return value
  }
}

/** Identifies this host and its process id namespace: each container has its own. */
const hostTag = once(() => hash(Os.hostname(), attempt(() => Fs.readlinkSync("/proc/self/ns/pid")) ?? ""))

const bootId = once(() => attempt(() => Fs.readFileSync("/proc/sys/kernel/random/boot_id", "latin1")) ?? "")

/**
 * Returns a hash of the boot of the host and the start time of a process, or `gone` for a zombie. Undefined without
 * /proc, or if the process does not exist.
 */
const startTagOf = (pid: number) => {
  const stat = attempt(() => Fs.readFileSync(`/proc/${pid}/stat`, "latin1"))
  if (stat === undefined) return undefined
  // The name of the process is in parentheses and may contain any character.
  const [state = "", ...fields] = stat.slice(stat.lastIndexOf(")") + 2).split(" ")
  if (state === "Z" || state === "X") return "gone"
  return hash(bootId(), fields[18]!)
}

/** Returns this process as part of a file name: `host-pid-start`. */
export const self: () => string = once(() => `${hostTag()}-${process.pid}-${startTagOf(process.pid) ?? "unknown"}`)

const exists = (pid: number) => {
  try {
    return process.kill(pid, 0)
  } catch (error) {
    return (error as NodeJS.ErrnoException).code === "EPERM"
  }
}

const isForeign = (owner: string) => !owner.startsWith(`${hostTag()}-`)

/** Returns true if the owner of a file is running; on another host, if the file is not older than the time limit. */
export const isAlive = (
  owner: string,
  path: string,
  foreignTimeoutMillis = FileOwner.defaultForeignTimeoutMillis
): boolean => {
  const [, pid = "", start] = owner.split("-")
  if (isForeign(owner)) {
    return Date.now() - (attempt(() => Fs.lstatSync(path).mtimeMs) ?? 0) < foreignTimeoutMillis
  }
  const now = startTagOf(Number(pid))
  return now === undefined || start === "unknown" ? exists(Number(pid)) : now === start
}
