/** Reading of a capture file of 200 MB, beside tshark. */
import { spawn, spawnSync } from "node:child_process"
import * as Fs from "node:fs"
import * as Os from "node:os"
import * as Path from "node:path"
import * as Effect from "effect/Effect"
import { BenchError } from "../child.ts"
import type { Benchmark, Comparison, Measure } from "../harness.ts"
import * as SampleFile from "./sampleFile.ts"

const ours = "effect-inet"
const peer = "tshark"
const duration = "list of all packets"
const memory = "peak memory"
const smallMemory = "peak memory, a tenth of the file"

const description = `Wall time and peak memory of a process that prints one line per packet of a pcap file of 200 MB:
\`effect-inet capture read FILE >/dev/null\`, from the sources, beside \`tshark -r FILE >/dev/null\`. The file has 500 TCP
connections, which send segments of 1,448 bytes and acknowledgements, and datagrams of 60 bytes between them. tshark
dissects more protocols.`

const comparisons: ReadonlyArray<Comparison> = [
  { measure: duration, peer, bar: { subject: "ratio", comparator: "<=", value: 1 } },
  { measure: memory, peer },
  { measure: memory, peer: ours, peerMeasure: smallMemory, bar: { subject: "ratio", comparator: "<=", value: 1.5 } }
]

const fileBytes = 200e6
const quickFileBytes = 2e6

/** Interval at which the peak of the memory of a process is read, which the kernel keeps. */
const pollMillis = 20

const peakMebibytes = (pid: number) => {
  try {
    const status = Fs.readFileSync(`/proc/${pid}/status`, "utf8")
    return Number(/^VmHWM:\s+(\d+) kB/m.exec(status)?.[1] ?? 0) / 1_024
  } catch {
    // The process has ended.
    return 0
  }
}

/** Runs a program to its end, without its output. */
const run = (command: string, args: ReadonlyArray<string>) =>
  Effect.callback<{ readonly seconds: number; readonly peak: number }, BenchError>((resume) => {
    const startedAt = performance.now()
    const child = spawn(command, args, { stdio: "ignore" })
    let peak = 0
    const timer = setInterval(() => {
      peak = Math.max(peak, peakMebibytes(child.pid ?? 0))
    }, pollMillis)
    const fail = (why: string) => resume(Effect.fail(new BenchError({ message: `${command}: ${why}` })))
    child.once("error", (error) => fail(error.message))
    child.once("exit", (code) => {
      clearInterval(timer)
      const seconds = (performance.now() - startedAt) / 1_000
      if (code === 0) resume(Effect.succeed({ seconds, peak }))
      else fail(`ended with code ${code}`)
    })
    return Effect.sync(() => {
      clearInterval(timer)
      child.kill("SIGKILL")
    })
  })

const program = Path.join(import.meta.dirname, "../../effect-inet.ts")

const prepare = ({ quick }: { readonly quick: boolean }) =>
  Effect.gen(function* () {
    const folder = yield* Effect.acquireRelease(
      Effect.sync(() => Fs.mkdtempSync(Path.join(Os.tmpdir(), "effect-inet-bench-"))),
      (folder) => Effect.sync(() => Fs.rmSync(folder, { recursive: true, force: true }))
    )
    const large = Path.join(folder, "large.pcap")
    const small = Path.join(folder, "small.pcap")
    const bytes = quick ? quickFileBytes : fileBytes
    const packets = yield* Effect.sync(() => SampleFile.write(large, bytes))
    yield* Effect.sync(() => SampleFile.write(small, bytes / 10))
    const hasPeer = spawnSync(peer, ["--version"]).status === 0
    const read = (contestant: string, file: string) =>
      contestant === peer ? run(peer, ["-r", file]) : run(process.execPath, [program, "capture", "read", file])
    const peakOf = (file: string) => (contestant: string) => Effect.map(read(contestant, file), ({ peak }) => peak)
    const once = { lowerIsBetter: true, oncePerRound: true } as const
    const memoryMeasures: ReadonlyArray<Measure> = [
      { ...once, name: memory, unit: "MiB", sample: peakOf(large) },
      { ...once, name: smallMemory, unit: "MiB", sample: peakOf(small) }
    ]
    const measures: ReadonlyArray<Measure> = [
      {
        ...once,
        name: duration,
        unit: "s",
        sample: (contestant) => Effect.map(read(contestant, large), ({ seconds }) => seconds)
      },
      ...(Fs.existsSync("/proc/self/status") ? memoryMeasures : [])
    ]
    return {
      contestants: hasPeer ? [ours, peer] : [ours],
      measures,
      notes: [`The file has ${packets} packets.`, ...(hasPeer ? [] : [`${peer} is not installed.`])]
    }
  })

export const benchmark: Benchmark = { name: "capture", description, comparisons, prepare }
