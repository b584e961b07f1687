/** The cost of a packet in the farm, beside a task of piscina. */
import { fileURLToPath } from "node:url"
import * as Effect from "effect/Effect"
import { type Child, start } from "../child.ts"
import type { Benchmark, Comparison, Measure, Options } from "../harness.ts"
import type { Answer } from "./answer.ts"
import type { Answer as PayloadAnswer } from "./payloadAnswer.ts"
import * as Tcp from "./tcp.ts"

const peers = { ours: "farm", piscina: "piscina" } as const

const names = { rate: "empty packets", growth: "memory: a million packets" } as const

/** The buffers that are sent, in the order of their rows. */
const payloads = [
  { name: "64 KiB", bytes: 2 ** 16, packets: 20_000 },
  { name: "1 MiB", bytes: 2 ** 20, packets: 2_000 }
].flatMap((payload) => [
  { ...payload, way: "copied", maxCpuRatio: 1 },
  { ...payload, way: "moved", maxCpuRatio: 1.1 }
])

const payloadNames = ({ name, way }: { readonly name: string; readonly way: string }) => ({
  cpu: `${name} ${way}: CPU for a packet`,
  peak: `${name} ${way}: memory in flight`
})

const atMost = (value: number) => ({ subject: "ratio", comparator: "<=", value }) as const

const comparisons: ReadonlyArray<Comparison> = [
  { measure: names.rate, peer: peers.piscina, bar: { subject: "ratio", comparator: ">=", value: 5 } },
  { measure: names.growth, peer: peers.piscina, bar: { subject: "figure", comparator: "<=", value: 1 } },
  ...payloads.flatMap((payload): ReadonlyArray<Comparison> => {
    const { cpu, peak } = payloadNames(payload)
    return [
      { measure: cpu, peer: peers.piscina, bar: atMost(payload.maxCpuRatio) },
      { measure: peak, peer: peers.piscina, bar: atMost(1.2) }
    ]
  }),
  ...Tcp.comparisons(peers.ours, payloadNames({ name: "64 KiB", way: "copied" }).cpu)
]

const about = `Packets with nothing to do, on two threads, each pool in a process of its own. Every packet of ours is one
number, has a lease, goes through its schemas on both sides, and is merged exactly once. Piscina gets the same numbers
by \`run\`, 10,000 at a time, with \`concurrentTasksPerWorker\` at 256, the fastest of the values tried; it neither
retries a task nor validates results.

- *Empty packets*: from the first packet to the last result, on a pool that is already started.
- *Memory*: the heap of the main thread with its array buffers, after a full garbage collection; at the last of a
  million packets, minus that after the first tenth.
- *Buffers*: each packet has a buffer of its own, which the thread does not read. A copied one is cloned; a moved one is
  transferred, by \`transfer\` of the job and \`transferList\` of piscina, which has 4 tasks in flight here: the fewest
  with which both threads are always busy. CPU is the time of all threads of the process, memory in flight the peak of
  the resident set during the first run of a process minus its size before.
- *Over TCP*: the same buffers on a worker server with two threads, a process of its own on this machine; beside it the
  copied buffers on threads of the process. The CPU time is that of the farm's process.`

interface Programs {
  readonly empty: URL
  readonly payload: URL
}

const programs: Readonly<Record<string, Programs>> = {
  [peers.ours]: {
    empty: new URL("./ours.ts", import.meta.url),
    payload: new URL("./payloadOurs.ts", import.meta.url)
  },
  [peers.piscina]: {
    empty: new URL("./piscina.ts", import.meta.url),
    payload: new URL("./payloadPiscina.ts", import.meta.url)
  }
}

const prepare = Effect.fnUntraced(function* (options: Options) {
  const { profile, quick } = options
  const profiling = profile === undefined ? [] : ["--cpu-prof", `--cpu-prof-dir=${profile}`]
  const children = new Map<string, { readonly empty: Child; readonly payload: Child }>()
  const startOne = (program: URL) => start(process.execPath, ["--expose-gc", ...profiling, fileURLToPath(program)])
  for (const [name, { empty, payload }] of Object.entries(programs)) {
    children.set(name, { empty: yield* startOne(empty), payload: yield* startOne(payload) })
  }
  const ask = (contestant: string, line: string) =>
    Effect.map(children.get(contestant)!.empty.request(line), (text) => JSON.parse(text) as Answer)
  const askPayload = (contestant: string, line: string) =>
    Effect.map(children.get(contestant)!.payload.request(line), (text) => JSON.parse(text) as PayloadAnswer)
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
    },
    ...payloads.flatMap((payload): ReadonlyArray<Measure> => {
      const { cpu, peak } = payloadNames(payload)
      const line = `${quick ? payload.packets / 20 : payload.packets} ${payload.bytes} ${payload.way}`
      return [
        {
          ...{ name: cpu, unit: "us", lowerIsBetter: true },
          sample: (contestant) =>
            Effect.map(askPayload(contestant, line), ({ cpuMicrosPerPacket }) => cpuMicrosPerPacket)
        },
        {
          ...{ name: peak, unit: "MiB", lowerIsBetter: true, oncePerRound: true },
          // A process of its own: the allocator keeps the memory of earlier samples.
          sample: (contestant) =>
            Effect.scoped(
              Effect.map(
                Effect.flatMap(startOne(programs[contestant]!.payload), ({ request }) => request(line)),
                (text) => (JSON.parse(text) as PayloadAnswer).peakBytes / 2 ** 20
              )
            )
        }
      ]
    }),
    ...(yield* Tcp.prepare(peers.ours, options))
  ]
  return { contestants: Object.values(peers), measures, notes: [] }
})

export const benchmark: Benchmark = { name: "farm", description: about, comparisons, prepare }
