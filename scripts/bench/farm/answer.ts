/** The command loop of both farms in the benchmark: reads the number of packets, runs them, and writes the result. */
import * as Readline from "node:readline"

/** Returns the bytes of the heap and of its array buffers, after a full collection. */
const used = () => {
  globalThis.gc?.({ type: "major", execution: "sync", flavor: "last-resort" })
  const { arrayBuffers, heapUsed } = process.memoryUsage()
  return heapUsed + arrayBuffers
}

export interface Answer {
  readonly packetsPerSecond: number
  /** The bytes at the last packet minus those after the first tenth, if memory is measured. */
  readonly growth: number
}

/** Reads lines `PACKETS` or `PACKETS memory`, and answers each; `run` calls `done` for each result. */
export const answer = (run: (packets: number, done: () => void) => Promise<void>): void => {
  process.stdout.write("ready\n")
  const lines = Readline.createInterface(process.stdin)
  lines.on("line", async (line) => {
    const [count = "", memory] = line.split(" ")
    const packets = Number(count)
    let done = 0
    let before = 0
    let after = 0
    const start = performance.now()
    await run(packets, () => {
      done++
      if (memory === undefined) return
      if (done === packets / 10) before = used()
      if (done === packets) after = used()
    })
    if (done !== packets) throw new Error(`${done} results of ${packets} packets`)
    const packetsPerSecond = (packets * 1_000) / (performance.now() - start)
    process.stdout.write(`${JSON.stringify({ packetsPerSecond, growth: after - before } satisfies Answer)}\n`)
  })
  lines.on("close", () => process.exit())
  process.on("SIGTERM", () => process.exit())
}
