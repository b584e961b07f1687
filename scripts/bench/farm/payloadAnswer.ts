/** The command loop of both farms in the benchmark of buffers. */
import * as Fs from "node:fs"
import * as Readline from "node:readline"
import type { Payload } from "./payload.ts"

export interface Answer {
  /** The time of all threads, in microseconds. */
  readonly cpuMicrosPerPacket: number
  /** The most memory of the process during the run, minus that before it. */
  readonly peakBytes: number
}

const kibibytesOf = (field: string) =>
  Number(new RegExp(`^${field}:\\s+(\\d+) kB$`, "m").exec(Fs.readFileSync("/proc/self/status", "utf8"))?.[1])

/** Makes the kernel count the peak of the memory from here. */
const resetPeak = () => Fs.writeFileSync("/proc/self/clear_refs", "5")

/** Reads lines `PACKETS BYTES copied|moved`, and answers each; `run` returns the number of results. */
export const answer = (run: (payload: Payload, isMoved: boolean) => Promise<number>): void => {
  process.stdout.write("ready\n")
  const lines = Readline.createInterface(process.stdin)
  lines.on("line", async (line) => {
    const [packets = 0, bytes = 0] = line.split(" ").map(Number)
    globalThis.gc?.()
    resetPeak()
    const before = kibibytesOf("VmRSS")
    const cpu = process.cpuUsage()
    const done = await run({ packets, bytes }, line.endsWith("moved"))
    const { system, user } = process.cpuUsage(cpu)
    if (done !== packets) throw new Error(`${done} results of ${packets} packets`)
    const figures: Answer = {
      cpuMicrosPerPacket: (system + user) / packets,
      peakBytes: 1_024 * (kibibytesOf("VmHWM") - before)
    }
    process.stdout.write(`${JSON.stringify(figures)}\n`)
  })
  lines.on("close", () => process.exit())
  process.on("SIGTERM", () => process.exit())
}
