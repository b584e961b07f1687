/** What both farms do for the benchmark: run so many packets when they are told to, and say how that went. */
import * as Readline from "node:readline"

/** Bytes of the heap and what hangs on it, after a full collection. */
const used = () => {
  globalThis.gc?.({ type: "major", execution: "sync", flavor: "last-resort" })
  const { arrayBuffers, heapUsed } = process.memoryUsage()
  return heapUsed + arrayBuffers
}

export interface Answer {
  readonly packetsPerSecond: number
  /** Bytes more at the last packet than after the first tenth, if that was asked for. */
  readonly growth: number
}

/** Reads lines `PACKETS` or `PACKETS memory`; `run` calls `done` for each result. */
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
