/**
 * What both Node servers do for the benchmark beside serving: say the port, collect garbage when asked, end with stdin.
 */
import * as Readline from "node:readline"

/** All of it, and free pages go back to the system: what a server comes to that has been idle for a while. */
const collect = () => globalThis.gc?.({ type: "major", execution: "sync", flavor: "last-resort" })

export const control = (port: number): void => {
  process.stdout.write(`${port}\n`)
  Readline.createInterface(process.stdin)
    .on("line", () => {
      collect()
      // What only finalizers held is garbage by the next turn.
      setImmediate(() => {
        collect()
        process.stdout.write("collected\n")
      })
    })
    .on("close", () => process.exit())
  process.on("SIGTERM", () => process.exit())
}
