/** The metrics of runs in Effect Metrics, with the job as an attribute, and those of a host with its name as well. */
import * as Effect from "effect/Effect"
import * as Metric from "effect/Metric"
import type * as Dispatcher from "./dispatcher/Dispatcher.ts"
import * as GoneWorkers from "./dispatcher/GoneWorkers.ts"
import type { HostProgress, Progress } from "./Progress.ts"

const counter = (name: string, description: string) =>
  Metric.counter(`effect_inet_farm_${name}`, { description, incremental: true })

const gauge = (name: string, description: string) => Metric.gauge(`effect_inet_farm_${name}`, { description })

const packets = counter("packets_total", "Packets whose results are merged")
const skipped = counter("skipped_packets_total", "Packets that failed too often, and were skipped")
const retries = counter("retries_total", "Packets sent again after a failed attempt")
const expiries = counter("lease_expiries_total", "Workers that were silent for a lease")
const rejected = counter("rejected_hosts_total", "Hosts whose results were not those of other hosts")
const queue = gauge("queue", "Packets that are split off and have no result")
const workers = gauge("workers", "Workers that are not gone")
const efficiency = gauge("efficiency", "Fraction of the workers' time that was spent on merged packets")

const hostWorkers = gauge("host_workers", "Workers of the host that take packets")
const hostPackets = counter("host_packets_total", "Packets of the host whose results are merged")

/** The counts of a run that grow. */
interface Counts {
  readonly packets: number
  readonly skipped: number
  readonly retries: number
  readonly expiries: number
  readonly rejected: number
}

const noCounts: Counts = { packets: 0, skipped: 0, retries: 0, expiries: 0, rejected: 0 }

const counters: Readonly<Record<keyof Counts, Metric.Counter<number>>> = {
  packets,
  skipped,
  retries,
  expiries,
  rejected
}

const countsOf = (state: Dispatcher.State<unknown, unknown>): Counts => ({
  packets: state.mergedCount - state.skippedCount - state.droppedCount,
  skipped: state.skippedCount,
  retries: state.retryCount,
  expiries: Array.from(state.workers.values()).reduce(
    (sum, { expiries }) => sum + expiries,
    GoneWorkers.sum(state.forgotten).expiries
  ),
  rejected: state.rejectedHosts.size
})

/** The metrics of one run. */
interface FarmMetrics {
  /** Adds what has changed since the last call. */
  readonly publish: (state: Dispatcher.State<unknown, unknown>, progress: Progress) => void
}

/** Makes the metrics of a run. */
export const make = Effect.fnUntraced(function* (job: string) {
  const context = yield* Effect.context<never>()
  const named = <Input, State>(metric: Metric.Metric<Input, State>) => Metric.withAttributes(metric, { job })
  const [queueGauge, workersGauge, efficiencyGauge] = [named(queue), named(workers), named(efficiency)]
  const names = Object.keys(counters) as ReadonlyArray<keyof Counts>
  const byName = names.map((name) => [name, named(counters[name])] as const)
  let published = noCounts
  const hosts = new Map<string | undefined, (progress: HostProgress) => void>()
  /** Makes the metrics of a host; this one has an empty name. */
  const ofHost = (host = "") => {
    const named = <Input, State>(metric: Metric.Metric<Input, State>) => Metric.withAttributes(metric, { job, host })
    const [workersGauge, packetCounter] = [named(hostWorkers), named(hostPackets)]
    let publishedPackets = 0
    return ({ packets, ready }: HostProgress) => {
      workersGauge.updateUnsafe(ready, context)
      packetCounter.updateUnsafe(Math.max(0, packets - publishedPackets), context)
      publishedPackets = Math.max(packets, publishedPackets)
    }
  }
  const publishHost = (progress: HostProgress) => {
    const publish = hosts.get(progress.host) ?? ofHost(progress.host)
    hosts.set(progress.host, publish)
    publish(progress)
  }
  const metrics: FarmMetrics = {
    publish: (state, progress) => {
      const counts = countsOf(state)
      for (const [name, metric] of byName) metric.updateUnsafe(counts[name] - published[name], context)
      published = counts
      queueGauge.updateUnsafe(state.unfinished.size, context)
      workersGauge.updateUnsafe(state.liveCount, context)
      efficiencyGauge.updateUnsafe(progress.efficiency, context)
      progress.hosts.forEach(publishHost)
      // One that comes back is counted from its first packet.
      const present = new Set(progress.hosts.map(({ host }) => host))
      for (const host of hosts.keys()) if (!present.has(host)) hosts.delete(host)
    }
  }
  return metrics
})
