/** Speed and memory of simulated networks, with programs and without a tap. */
import * as V8 from "node:v8"
import * as Vm from "node:vm"
import * as Effect from "effect/Effect"
import * as SimClock from "../../../src/simulation/runtime/SimClock.ts"
import * as Simulation from "../../../src/simulation/Simulation.ts"
import { BenchError } from "../child.ts"
import type { Benchmark, Comparison, Measure } from "../harness.ts"
import * as Workloads from "./workloads.ts"

const ours = "SimNetwork"
const queue = "events alone"
const heap = "heap before the runs"

const clients = 16
const roundTrips = 2_500
const runs = 200
const rpcCalls = 2_000

type Scenario = Parameters<typeof Simulation.run<void, unknown, never>>[0]

const once = (scenario: Scenario, seed = 1) =>
  Effect.flatMap(Simulation.run(scenario, { seed }), (report) =>
    report.outcome === "done" && report.leaked.sockets === 0 && report.leaked.timers === 0
      ? Effect.succeed(report)
      : Effect.fail(new BenchError({ message: `simulated run failed: ${report.outcome}` }))
  )

const many = (scenario: Scenario) =>
  Effect.gen(function* () {
    for (let seed = 1; seed <= runs; seed++) yield* once(scenario, seed)
  })

/** Runs chains of events on a clock, each event scheduled by the previous one. */
const events = (lanes: number, each: number) =>
  Effect.sync(() => {
    const clock = SimClock.make()
    const plan = (left: number) => {
      if (left > 0) clock.schedule(clock.now() + 500_000, () => plan(left - 1))
    }
    for (let lane = 0; lane < lanes; lane++) plan(each)
    clock.advance(Number.POSITIVE_INFINITY)
  })

const seconds = <E>(work: Effect.Effect<unknown, E>) =>
  Effect.gen(function* () {
    const began = performance.now()
    yield* work
    return (performance.now() - began) / 1_000
  })

V8.setFlagsFromString("--expose-gc")
const collect = Vm.runInNewContext("gc") as () => void

const used = Effect.sync(() => {
  collect()
  collect()
  return process.memoryUsage().heapUsed / 2 ** 20
})

const short = Workloads.exchange(1, 10)

const measures: ReadonlyArray<Measure> = [
  {
    name: "datagrams",
    unit: "1/s",
    sample: (contestant) =>
      Effect.map(
        seconds(contestant === ours ? once(Workloads.exchange(clients, roundTrips)) : events(clients, 2 * roundTrips)),
        (took) => (2 * clients * roundTrips) / took
      )
  },
  {
    name: "runs of 20 datagrams",
    unit: "1/s",
    sample: (contestant) =>
      Effect.map(
        seconds(contestant === ours ? many(short) : Effect.forEach(Array.from({ length: runs }), () => events(1, 20))),
        (took) => runs / took
      )
  },
  {
    name: "ten idle minutes",
    unit: "ms",
    lowerIsBetter: true,
    sample: (contestant) =>
      Effect.map(seconds(contestant === ours ? once(Workloads.idle) : events(10, 600)), (took) => took * 1_000)
  },
  {
    name: "call of effect/rpc",
    unit: "ms",
    lowerIsBetter: true,
    sample: (contestant) =>
      Effect.map(
        seconds(contestant === ours ? once(Workloads.rpcCalls(rpcCalls)) : events(1, 2 * rpcCalls)),
        (took) => (took * 1_000) / rpcCalls
      )
  },
  { name: heap, unit: "MiB", contestants: [ours], lowerIsBetter: true, sample: () => used },
  {
    name: "heap after 200 runs",
    unit: "MiB",
    contestants: [ours],
    lowerIsBetter: true,
    sample: () => Effect.andThen(many(short), used)
  }
]

const comparisons: ReadonlyArray<Comparison> = [
  { measure: "datagrams", peer: queue, bar: { subject: "figure", comparator: ">=", value: 250_000 } },
  { measure: "runs of 20 datagrams", peer: queue, bar: { subject: "figure", comparator: ">=", value: 5_000 } },
  { measure: "ten idle minutes", peer: queue, bar: { subject: "figure", comparator: "<=", value: 50 } },
  { measure: "call of effect/rpc", peer: queue, bar: { subject: "figure", comparator: "<=", value: 0.5 } },
  {
    measure: "heap after 200 runs",
    peer: ours,
    peerMeasure: heap,
    bar: { subject: "ratio", comparator: "<=", value: 1.02 }
  }
]

export const benchmark: Benchmark = {
  name: "simulation",
  description: `Real time and memory of simulated runs, in one process and on one thread: ${clients} clients that each keep one datagram of
64 bytes in flight to a server that answers it, whole runs of ten questions and answers from the first host to the last
closed socket, ten virtual minutes of ten hosts with a timer each, and calls of effect/rpc, one after another over one TCP
connection. No tap, no faults. Beside it the same number of
events on the bare clock, which is what any simulator has to do.`,
  comparisons,
  prepare: () => Effect.succeed({ contestants: [ours, queue], measures, notes: [] })
}
