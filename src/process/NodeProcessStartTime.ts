/** The start time of a process. The kernel reuses process ids; an id with its start time is unique until a reboot. */
import * as Fs from "node:fs"

/**
 * Returns the start time of a process in kernel ticks, or `gone` for a zombie. Undefined without /proc, or if the
 * process does not exist.
 */
export const startTimeOf = (pid: number): string | undefined => {
  try {
    const stat = Fs.readFileSync(`/proc/${pid}/stat`, "latin1")
    // The name of the process is in parentheses and may contain any character.
    const [state = "", ...fields] = stat.slice(stat.lastIndexOf(")") + 2).split(" ")
    return state === "Z" || state === "X" ? "gone" : fields[18]
  } catch {
    return undefined
  }
}
