/** Counts on one thread: answers a line `KERNEL FROM TO` with the count and its duration in milliseconds. */
import * as Readline from "node:readline"
import * as Kernels from "../../../src/primes/Kernels.ts"

process.stdout.write("ready\n")
Readline.createInterface(process.stdin)
  .on("line", (line) => {
    const [name, from, to] = line.split(" ")
    const start = performance.now()
    const count = Kernels.kernels[name as Kernels.Name].count(Number(from), Number(to))
    process.stdout.write(`${JSON.stringify({ count, millis: performance.now() - start })}\n`)
  })
  .on("close", () => process.exit())
process.on("SIGTERM", () => process.exit())
