/** Private memory of a process and its children, on Linux. */
import * as Fs from "node:fs"

export const isKnown = Fs.existsSync("/proc/self/smaps_rollup")

const read = (path: string): string => {
  try {
    return Fs.readFileSync(path, "utf8")
  } catch {
    // The process has ended since it was listed.
    return ""
  }
}

/** Returns the parent's id: the second field after the program's name, which may contain any character. */
const parentOf = (pid: string) => Number(/^.*\) \S (\d+)/s.exec(read(`/proc/${pid}/stat`))?.[1])

const ownKiB = (pid: number | string) =>
  Number(/^Private_Dirty:\s+(\d+) kB/m.exec(read(`/proc/${pid}/smaps_rollup`))?.[1] ?? 0)

/** Returns the private dirty memory in KiB. Steadier than RSS, which counts code and shared pages. */
export const ofFamily = (pid: number): number => {
  const children = Fs.readdirSync("/proc").filter((entry) => /^\d+$/.test(entry) && parentOf(entry) === pid)
  return [pid, ...children].reduce<number>((sum, each) => sum + ownKiB(each), 0)
}

/** Returns the descriptor limit of a process; Node raises its soft limit to the hard one. */
export const descriptors = (): number =>
  Number(/^Max open files\s+\d+\s+(\d+)/m.exec(read("/proc/self/limits"))?.[1] ?? 1_024)
