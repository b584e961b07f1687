/** The cost of a packet in the farm, beside a task of piscina. */
import { fileURLToPath } from "node:url"
import * as Effect from "effect/Effect"
import { type Child, start } from "../child.ts"
import type { Benchmark, Comparison, Measure, Options } from "../harness.ts"
import type { Answer } from "./answer.ts"

const peers = { ours: "farm", piscina: "piscina" } as const

const names = { rate: "empty packets", growth: "memory: a million packets" } as const

const comparisons: ReadonlyArray<Comparison> = [
  { measure: names.rate, peer: peers.piscina, bar: { subject: "ratio", comparator: ">=", value: 1 } },
  { measure: names.growth, peer: peers.piscina, bar: { subject: "figure", comparator: "<=", value: 1 } }
]

const about = `Packets with nothing to do, on two threads, each pool in a process of its own. Every packet of ours is one
number, has a lease, goes through its schemas on both sides, and is merged exactly once. Piscina gets the same numbers
by \`run\`, 10,000 at a time, with \`concurrentTasksPerWorker\` at 256, the fastest of the values tried; it neither
retries a task nor validates results.

- *Empty packets*: from the first packet to the last result, on a pool that is already started.
- *Memory*: the heap of the main thread with its array buffers, after a full garbage collection; at the last of a
  million packets, minus that after the first tenth.`

const programs: Readonly<Record<string, URL>> = {
  [peers.ours]: new URL("./ours.ts", import.meta.url),
  [peers.piscina]: new URL("./piscina.ts", import.meta.url)
}

const prepare = Effect.fnUntraced(function* ({ profile, quick }: Options) {
  const profiling = profile === undefined ? [] : ["--cpu-prof", `--cpu-prof-dir=${profile}`]
  const children = new Map<string, Child>()
  for (const [name, program] of Object.entries(programs)) {
    children.set(name, yield* start(process.execPath, ["--expose-gc", ...profiling, fileURLToPath(program)]))
  }
  const ask = (contestant: string, line: string) =>
    Effect.map(children.get(contestant)!.request(line), (text) => JSON.parse(text) as Answer)
  const packets = quick ? 50_000 : 200_000
  const measures: ReadonlyArray<Measure> = [
    {
      ...{ name: names.rate, unit: "k/s" },
      sample: (contestant) =>
        Effect.map(ask(contestant, `${packets}`), ({ packetsPerSecond }) => packetsPerSecond / 1_000)
    },
    {
      ...{ name: names.growth, unit: "MiB", lowerIsBetter: true, oncePerRound: true },
      sample: (contestant) =>
        Effect.map(ask(contestant, `${quick ? 50_000 : 1_000_000} memory`), ({ growth }) => growth / 2 ** 20)
    }
  ]
  return { contestants: Object.values(peers), measures, notes: [] }
})

export const benchmark: Benchmark = { name: "farm", description: about, comparisons, prepare }
