/**
 * Control of both Node servers by the benchmark: prints the port, collects garbage on request, exits at the end of
 * stdin.
 */
import * as Readline from "node:readline"

/** Collects all garbage and returns free pages to the system, as for a server that has been idle for a while. */
const collect = () => globalThis.gc?.({ type: "major", execution: "sync", flavor: "last-resort" })

export const control = (port: number): void => {
  process.stdout.write(`${port}\n`)
  Readline.createInterface(process.stdin)
    .on("line", () => {
      collect()
      // Objects held only by finalizers are garbage by the next turn.
      setImmediate(() => {
        collect()
        process.stdout.write("collected\n")
      })
    })
    .on("close", () => process.exit())
  process.on("SIGTERM", () => process.exit())
}
