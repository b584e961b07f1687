/**
 * Throughput and latency of three Raft servers under faults, in virtual time: the same on every machine.
 *
 * npm run -s example raft/bench -- [FILE.svg]
 *
 * Prints a table; with a file, also draws it. Eight clients send a request each, and the next one after its reply.
 */
import * as Fs from "node:fs"
import * as Clock from "effect/Clock"
import * as Effect from "effect/Effect"
import { FaultPlanSyntax, Simulation } from "effect-inet/simulation"
import * as Chart from "./Chart.ts"
import * as RaftClient from "./RaftClient.ts"
import * as RaftDissector from "./RaftDissector.ts"
import * as RaftServer from "./RaftServer.ts"

const servers = ["s1", "s2", "s3"]
const clientCount = 8
const port = 5_000
const warmUpMillis = 1_000
const measuredMillis = 10_000

/** Faults that hit each server in turn, every two seconds. */
const inTurn = (rule: (host: string, from: number) => string) =>
  Array.from({ length: 5 }, (_, turn) => rule(servers[turn % 3]!, 1_000 + 2_000 * turn)).join(", ")

const cases = {
  "no faults": "",
  "5 % of packets lost": "drop=5%",
  "20 % of packets lost": "drop=20%",
  "packets late by up to 20 ms": "delay=100% 0ms..20ms",
  "disk of one server slow (50 ms)": "disk-slow=s1@0s..30s 50ms",
  "disks of two servers slow (5 ms)": "disk-slow=s1@0s..30s 5ms, disk-slow=s2@0s..30s 5ms",
  "a server cut off for 0.5 s, every 2 s": inTurn(
    (host, at) => `partition=${host}:${port}|*:${port}@${at}ms..${at + 500}ms`
  ),
  "a server crashes for 0.5 s, every 2 s": inTurn((host, at) => `crash=${host}@${at}ms..${at + 500}ms`)
}

/** Latencies in milliseconds, and the longest time without any reply. */
interface Measured {
  readonly latencies: Array<number>
  pauseMillis: number
}

const scenario = (measured: Measured) =>
  Effect.fnUntraced(function* ({ host }: Simulation.Simulation) {
    const hosts = yield* Effect.forEach(servers, (name) => host(name))
    const members = hosts.map(({ address }) => `${address}:${port}`)
    for (const [index, one] of hosts.entries()) {
      yield* one.start(RaftServer.serve({ id: members[index]!, members, maxEntries: 64 }))
    }
    let lastReplyMillis = warmUpMillis
    const requests = Effect.fnUntraced(function* (name: string) {
      const client = yield* RaftClient.make(name, members)
      while (true) {
        const startMillis = yield* Clock.currentTimeMillis
        if (startMillis >= warmUpMillis + measuredMillis) return
        yield* client.request({ _tag: "Append", key: `${name} ${Math.floor(startMillis / 100)}`, text: "x" })
        const endMillis = yield* Clock.currentTimeMillis
        if (startMillis < warmUpMillis) continue
        measured.latencies.push(endMillis - startMillis)
        measured.pauseMillis = Math.max(measured.pauseMillis, endMillis - lastReplyMillis)
        lastReplyMillis = endMillis
      }
    }, Effect.scoped)
    yield* Effect.forEach(
      Array.from({ length: clientCount }, (_, index) => `c${index}`),
      (name) => Effect.flatMap(host(name), (one) => one.run(requests(name))),
      { concurrency: "unbounded" }
    )
  })

const dissectors = [RaftDissector.dissector]

const measure = Effect.fnUntraced(function* (name: string, planText: string) {
  const plan = planText === "" ? [] : yield* Effect.fromResult(FaultPlanSyntax.parse(planText))
  const measured: Measured = { latencies: [], pauseMillis: 0 }
  const { exit } = yield* Simulation.run(scenario(measured), { plan, dissectors })
  yield* exit
  const sorted = measured.latencies.sort((one, other) => one - other)
  const at = (part: number) => sorted[Math.floor(part * (sorted.length - 1))]!
  return {
    name,
    perSecond: (1_000 * sorted.length) / measuredMillis,
    ...{ medianMillis: at(0.5), p99Millis: at(0.99), pauseMillis: measured.pauseMillis }
  }
})

const rows = await Effect.runPromise(Effect.forEach(Object.entries(cases), ([name, plan]) => measure(name, plan)))
const file = process.argv[2]
if (file !== undefined) Fs.writeFileSync(file, Chart.draw(rows))
process.stdout.write(Chart.table(rows))
