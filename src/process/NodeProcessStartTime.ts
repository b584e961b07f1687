/** When a process began: ids are given out again, an id with its start is not, until the host starts anew. */
import * as Fs from "node:fs"

/** In ticks of the kernel; `gone` for a zombie; undefined where /proc does not tell, or there is no such process. */
export const startTimeOf = (pid: number): string | undefined => {
  try {
    const stat = Fs.readFileSync(`/proc/${pid}/stat`, "latin1")
    // The name of the process, in parentheses, may hold anything.
    const [state = "", ...fields] = stat.slice(stat.lastIndexOf(")") + 2).split(" ")
    return state === "Z" || state === "X" ? "gone" : fields[18]
  } catch {
    return undefined
  }
}
