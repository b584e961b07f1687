/** A farm of up to 10,000 simulated workers: what the dispatcher costs, and how it deals with faults. */
import * as V8 from "node:v8"
import * as Vm from "node:vm"
import * as Effect from "effect/Effect"
import * as Result from "effect/Result"
import * as PayloadCodec from "../../../src/farm/tcp/wire/PayloadCodec.ts"
import * as PrimeJob from "../../../src/primes/PrimeJob.ts"
import type { Benchmark, Comparison, Measure, Options } from "../harness.ts"
import { type Outcome, type Plan, run } from "./simulatedFarm.ts"

const threadsPerHost = 10

/** The largest farm, and a run of it. */
const large = { seed: 1, hosts: 1_000, threadsPerHost, seconds: 60, packetSeconds: 2 }

const fault = { fraction: 0.1, at: 20, until: 40 }

const names = {
  ten: "100 workers",
  hundred: "1,000 workers",
  large: "10,000 workers",
  stragglers: "stragglers",
  churn: "churn",
  crash: "crash",
  partition: "partition",
  all: "all of these"
} as const

const plans: Readonly<Record<string, Plan>> = {
  [names.large]: large,
  [names.hundred]: { ...large, hosts: 100 },
  [names.ten]: { ...large, hosts: 10 },
  [names.stragglers]: { ...large, stragglers: 0.01 },
  [names.churn]: { ...large, churn: 5 },
  [names.crash]: { ...large, fault: { ...fault, kind: "crash" } },
  [names.partition]: { ...large, fault: { ...fault, kind: "partition" } },
  [names.all]: { ...large, stragglers: 0.01, churn: 5, fault: { ...fault, kind: "partition" } }
}

V8.setFlagsFromString("--expose-gc")
const collect = Vm.runInNewContext("gc") as () => void

/** A packet and a result of the job that counts primes, in the middle of a long run. */
const packet = { from: 4_000_000_000_000, to: 4_000_100_000_000, kernel: "wasm" } as const
const countedPrimes = 3_447_000

const { packet: packetCodec, result: resultCodec } = PayloadCodec.make(PrimeJob.job)

const lengthOf = ({ encode }: PayloadCodec.Payload, value: unknown) => Result.getOrThrow(encode(value)).length

/** The bytes of the frames of a packet, of its result, and of the name of a packet that is worked on. */
const frameBytes = {
  work: 9 + lengthOf(packetCodec, packet),
  done: 17 + lengthOf(resultCodec, countedPrimes),
  working: 4 + JSON.stringify({ _tag: "Working", ids: [100_000] }).length
}

const wireBytesPerSecond = ({ elapsedSeconds, named, outcomes, sent }: Outcome) =>
  (sent * frameBytes.work + outcomes * frameBytes.done + named * frameBytes.working) / 2 ** 20 / elapsedSeconds

const checkpointBytes = ({ openPackets }: Outcome) =>
  (openPackets * JSON.stringify([packet.to - packet.from, packet]).length) / 2 ** 20

const columns: ReadonlyArray<
  Pick<Measure, "lowerIsBetter" | "name" | "unit"> & { readonly figure: (outcome: Outcome) => number }
> = [
  { name: "packets", unit: "k", figure: ({ packets }) => packets / 1_000 },
  { name: "whole run", unit: "s", lowerIsBetter: true, figure: ({ elapsedSeconds }) => elapsedSeconds },
  { name: "efficiency", unit: "%", figure: ({ efficiency }) => 100 * efficiency },
  { name: "CPU for a packet", unit: "us", lowerIsBetter: true, figure: ({ cpuMicrosPerPacket }) => cpuMicrosPerPacket },
  { name: "state", unit: "MiB", lowerIsBetter: true, figure: ({ stateBytes }) => stateBytes / 2 ** 20 },
  {
    ...{ name: "state for an open packet", unit: "bytes", lowerIsBetter: true },
    figure: ({ bytesPerOpenPacket }) => bytesPerOpenPacket
  },
  { name: "wire", unit: "MiB/s", lowerIsBetter: true, figure: wireBytesPerSecond },
  { name: "checkpoint", unit: "MiB", lowerIsBetter: true, figure: checkpointBytes },
  { name: "failed attempts", unit: "k", lowerIsBetter: true, figure: ({ failedAttempts }) => failedAttempts / 1_000 },
  { name: "recovery", unit: "s", lowerIsBetter: true, figure: ({ recoverySeconds }) => recoverySeconds }
]

const [efficiency, cpu, recovery] = ["efficiency", "CPU for a packet", "recovery"]

const atLeast = (value: number) => ({ subject: "figure", comparator: ">=", value }) as const
const atMost = (value: number) => ({ subject: "figure", comparator: "<=", value }) as const

const comparisons: ReadonlyArray<Comparison> = [
  { measure: efficiency!, peer: names.ten, bar: atLeast(95) },
  ...[names.stragglers, names.churn, names.crash, names.partition, names.all].map((contestant) => ({
    ...{ measure: efficiency!, contestant, peer: names.large, bar: atLeast(85) }
  })),
  { measure: cpu!, peer: names.ten, bar: atMost(25) },
  { measure: recovery!, contestant: names.crash, peer: names.partition, bar: atMost(10) }
]

const about = `The dispatcher of one run with simulated workers, in virtual time: the network and the work are simulated, the
assignment, leases, retries and merges are those of the library. A host has ${threadsPerHost} threads; the speeds of hosts differ by a
factor of three, their round trips reach from 0.4 to 40 ms. A packet takes two seconds, the whole run 60 on hosts that
never fail. Threads report each begin, and once a second that they are well; each report is a step of its own.

- *Stragglers*: 1 % of the packets take ten times as long. *Churn*: five hosts a second leave for ever, and as many
  join. *Crash*: a tenth of the hosts crash at 20 s, and come back at 40 s. *Partition*: they are cut off for this time,
  so that a lease of 10 s must pass before their packets go to others. All but the first three have 10,000 workers.
- *Efficiency*: the part of the time of the connected threads that was spent on packets that were merged. The rest is the
  start, the wait for the last packets, and what was lost or done twice.
- *CPU*: all steps of the dispatcher on its core, for each merged packet. *State*: the heap that a copy of the
  dispatcher takes in the middle of the run, and this for each packet without a result.
- *Wire* and *checkpoint*: what the protocol over TCP and a checkpoint would carry for counting primes, both ways and
  without the headers of TCP.
- *Recovery*: from the fault until all packets that the failed hosts had were merged.`

const prepare = ({ quick }: Options) => {
  const latest = new Map<string, Outcome>()
  const runOne = (name: string) => {
    const plan = plans[name]!
    const outcome = run(quick ? { ...plan, hosts: plan.hosts / 10, churn: (plan.churn ?? 0) / 10 } : plan, collect)
    latest.set(name, outcome)
    return outcome
  }
  const measures = columns.map(
    ({ figure, ...column }, index): Measure => ({
      ...column,
      oncePerRound: true,
      // The first column of a round runs the farms, the others read what it has measured.
      sample: (name) => Effect.sync(() => figure((index === 0 ? undefined : latest.get(name)) ?? runOne(name)))
    })
  )
  return Effect.succeed({ contestants: Object.keys(plans), measures, notes: [] })
}

export const benchmark: Benchmark = {
  name: "scale",
  description: about,
  comparisons,
  overview: true,
  maxRounds: 1,
  prepare
}
