/** The processor time and memory of a server with all of its threads and children, on Linux. */
import * as Fs from "node:fs"
import * as Path from "node:path"
import * as Effect from "effect/Effect"
import * as Schedule from "effect/Schedule"

const read = (path: string): string => {
  try {
    return Fs.readFileSync(path, "utf8")
  } catch {
    // The process has ended since it was listed.
    return ""
  }
}

const parentOf = (pid: string) => Number(/^PPid:\s+(\d+)/m.exec(read(`/proc/${pid}/status`))?.[1])

const family = (pid: number): ReadonlyArray<number | string> => {
  const children = Fs.readdirSync("/proc").filter((entry) => /^\d+$/.test(entry) && parentOf(entry) === pid)
  return [pid, ...children]
}

export const hasMemory = Fs.existsSync("/proc/self/status")

/** Resident memory in MiB. */
export const resident = (pid: number): number =>
  family(pid).reduce<number>(
    (sum, each) => sum + Number(/^VmRSS:\s+(\d+) kB/m.exec(read(`/proc/${each}/status`))?.[1] ?? 0) / 1_024,
    0
  )

/**
 * A cgroup that measures processor time. The times of the children of tftpd-hpa are not added to its own, and /proc has
 * a resolution of only 10 ms.
 */
export interface Meter {
  /** Adds a process, and all processes that it starts from now on. */
  readonly add: (pid: number) => void
  /** Returns the user and system time so far, in microseconds. */
  readonly cpu: () => number
}

const hierarchy = ["/sys/fs/cgroup/unified", "/sys/fs/cgroup"].find((path) =>
  Fs.existsSync(`${path}/cgroup.controllers`)
)

const isWritable = (() => {
  try {
    Fs.accessSync(hierarchy ?? "", Fs.constants.W_OK)
    return process.getuid?.() === 0
  } catch {
    return false
  }
})()

/** True if processor time can be measured: this requires root and a writable cgroup v2. */
export const hasMeter = hierarchy !== undefined && isWritable

let count = 0

const group = (parent: string) =>
  Effect.acquireRelease(
    Effect.sync(() => {
      const path = Path.join(parent, `effect-inet-bench-${process.pid}-${count++}`)
      Fs.mkdirSync(path)
      return path
    }),
    // The group stays busy for a moment after its last process was killed.
    (path) =>
      Effect.try(() => Fs.rmdirSync(path)).pipe(
        Effect.retry(Schedule.spaced("10 millis").pipe(Schedule.upTo({ times: 200 }))),
        Effect.ignore
      )
  )

const join = (path: string, pid: number | string) => {
  try {
    Fs.writeFileSync(Path.join(path, "cgroup.procs"), String(pid))
  } catch {
    // The child has ended in the meantime.
  }
}

/** Makes a meter; make it before the server, as its group can be removed only after it. Without cgroups it counts 0. */
export const meter = Effect.gen(function* () {
  if (hierarchy === undefined || !hasMeter) return { add: () => {}, cpu: () => 0 } satisfies Meter
  const path = yield* group(hierarchy)
  const counting: Meter = {
    add: (pid) => {
      for (const each of family(pid)) join(path, each)
    },
    cpu: () => Number(/^usage_usec (\d+)/.exec(read(Path.join(path, "cpu.stat")))?.[1])
  }
  return counting
})
