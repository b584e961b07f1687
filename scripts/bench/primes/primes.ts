/** Counting primes, beside primesieve. */
import { execFile, spawnSync } from "node:child_process"
import { fileURLToPath } from "node:url"
import * as Effect from "effect/Effect"
import { BenchError, start, wallTimeMillis } from "../child.ts"
import type { Benchmark, Comparison, Measure, Options } from "../harness.ts"

const ours = "wasm"
const segmented = "segmented"
const peer = "primesieve"

/** The numbers below 10^9, those below 10^10, and 10^9 numbers from 10^15 on. */
const ranges = {
  small: { from: 0, to: 1e9, count: 50_847_534 },
  large: { from: 0, to: 1e10, count: 455_052_511 },
  window: { from: 1e15, to: 1e15 + 1e9, count: 28_946_421 }
} as const

type Range = { readonly from: number; readonly to: number; readonly count: number }

const names = {
  small: "kernel, one thread, to 1e9",
  large: "kernel, one thread, to 1e10",
  window: "kernel, one thread, 1e9 at 1e15",
  command: "whole command, two threads, to 1e10",
  speedup: "speed-up on two threads",
  outside: "time outside of kernels"
} as const

const atMost = (value: number) => ({ subject: "ratio", comparator: "<=", value }) as const

const comparisons: ReadonlyArray<Comparison> = [
  { measure: names.small, peer },
  { measure: names.small, contestant: segmented, peer },
  { measure: names.large, peer, bar: atMost(1.8) },
  { measure: names.window, peer, bar: atMost(3) },
  { measure: names.command, peer, bar: atMost(2.2) },
  { measure: names.speedup, peer, bar: { subject: "figure", comparator: ">=", value: 1.85 } },
  { measure: names.outside, peer: ours, bar: { subject: "figure", comparator: "<=", value: 3 } }
]

const about = `Ours in WebAssembly (and \`segmented\`, in plain TypeScript) beside primesieve, in C++ with SIMD. Every count
is checked.

- *Kernel*: the count alone, in a warm process; for primesieve the seconds that it reports.
- *Whole command*: \`effect-inet primes count 0..1e10 --workers 2\` and \`primesieve 1e10 -t2\`, each from the start of the
  process to its end.
- *Speed-up*: the time of one thread to count to 8e10 by \`effect-inet primes speedup\`, including the start of the
  threads, divided by the time of two; the same for primesieve; the best of three each, one and two threads in turn.
  *Outside of kernels*: the part of the run on two threads, in per cent, that they did not spend on counting, after
  their start; the best of the three as well.`

const script = fileURLToPath(new URL("../../effect-inet.ts", import.meta.url))

const output = (command: string, args: ReadonlyArray<string>) =>
  Effect.callback<string, BenchError>((resume) => {
    const child = execFile(command, args, (error, stdout) => {
      resume(error === null ? Effect.succeed(stdout) : Effect.fail(new BenchError({ message: error.message })))
    })
    return Effect.sync(() => void child.kill("SIGKILL"))
  })

const check = (counter: string, { count, from, to }: Range, found: number) =>
  found === count
    ? Effect.void
    : Effect.fail(
        new BenchError({ message: `wrong count by ${counter} for ${from}..${to}: ${found} instead of ${count}` })
      )

/** Returns the seconds that primesieve reports. */
const primesieve = Effect.fnUntraced(function* (range: Omit<Range, "count"> & { count?: number }, threads: number) {
  const { count, from, to } = range
  const text = yield* output(peer, [`${from}`, `${to - 1}`, `-t${threads}`, "--time", "--no-status"])
  const [, seconds] = /^Seconds: ([\d.]+)$/m.exec(text) ?? []
  const [, found] = /^Primes: (\d+)$/m.exec(text) ?? []
  if (count !== undefined) yield* check(peer, { count, from, to }, Number(found))
  return Number(seconds)
})

interface Run {
  readonly seconds: number
  readonly busy: number
}

const prepare = Effect.fnUntraced(function* ({ quick }: Options) {
  const isHere = spawnSync(peer, ["--version"]).status === 0
  const child = yield* start(process.execPath, [fileURLToPath(new URL("kernel.ts", import.meta.url))])
  const kernel = (range: Range) =>
    Effect.fnUntraced(function* (contestant: string) {
      if (contestant === peer) return yield* primesieve(range, 1)
      const answer = yield* child.request(`${contestant} ${range.from} ${range.to}`)
      const { count, millis } = JSON.parse(answer) as { readonly count: number; readonly millis: number }
      yield* check(contestant, range, count)
      return millis / 1_000
    })
  const command = (contestant: string) => {
    const own = [script, "primes", "count", "0..1e10", "--workers", "2"]
    const [program, args] = contestant === peer ? [peer, ["1e10", "-t2", "-q"]] : [process.execPath, own]
    return Effect.map(wallTimeMillis(program, args), (millis) => millis / 1_000)
  }
  const end = quick ? 1e9 : 8e10
  const times = quick ? 1 : 3
  let outside = Number.NaN
  /** Measures one and two threads in turn; other load can only slow a run down, so the best of several counts. */
  const pair: Effect.Effect<ReadonlyArray<Run>, BenchError> = Effect.map(
    output(process.execPath, [script, "primes", "speedup", `0..${end}`, "--workers", "2", "--json"]),
    (text) => (JSON.parse(text) as { readonly runs: ReadonlyArray<Run> }).runs
  )
  const theirs = Effect.forEach([1, 2], (threads) =>
    Effect.map(primesieve({ from: 0, to: end }, threads), (seconds): Run => ({ seconds, busy: 1 }))
  )
  const speedup = Effect.fnUntraced(function* (contestant: string) {
    const pairs = yield* Effect.replicateEffect(contestant === peer ? theirs : pair, times)
    const [one, two] = [0, 1].map((at) => Math.min(...pairs.map((runs) => runs[at]!.seconds)))
    if (contestant === ours) outside = 100 * (1 - Math.max(...pairs.map((runs) => runs[1]!.busy)))
    return one! / two!
  })

  const both = isHere ? [ours, peer] : [ours]
  const measures: ReadonlyArray<Measure> = [
    {
      name: names.small,
      unit: "s",
      contestants: [ours, segmented, ...both.slice(1)],
      lowerIsBetter: true,
      sample: kernel(ranges.small)
    },
    { name: names.large, unit: "s", contestants: both, lowerIsBetter: true, sample: kernel(ranges.large) },
    { name: names.window, unit: "s", contestants: both, lowerIsBetter: true, sample: kernel(ranges.window) },
    { name: names.command, unit: "s", contestants: both, lowerIsBetter: true, sample: command },
    { name: names.speedup, unit: "times", contestants: both, oncePerRound: true, sample: speedup },
    {
      name: names.outside,
      unit: "%",
      contestants: [ours],
      lowerIsBetter: true,
      oncePerRound: true,
      sample: () => Effect.sync(() => outside)
    }
  ]
  const notes = isHere ? [] : ["primesieve is not installed: no comparison."]
  return { contestants: [ours, segmented, ...both.slice(1)], measures, notes }
})

export const benchmark: Benchmark = { name: "primes", description: about, comparisons, prepare }
