/** Metrics of a server of primes: its workers, their packets, and its clients. One set for each service name. */
import type * as Context from "effect/Context"
import * as Metric from "effect/Metric"
import type { Report, Worker } from "../farm/Worker.ts"
import * as MetricSeries from "../network/server/MetricSeries.ts"

const counter = (name: string, description: string) =>
  Metric.counter(`effect_inet_primes_${name}`, { description, incremental: true })

const gauge = (name: string, description: string) => Metric.gauge(`effect_inet_primes_${name}`, { description })

const workers = gauge("workers", "Workers of the server, by state")
const farms = gauge("farms", "Farms that use the workers")
const running = gauge("packets_running", "Packets that the workers have, waiting or running")
const packets = counter("packets_total", "Packets that left a worker, by result; lost: the worker has ended")
const ranges = counter("ranges_total", "Ranges counted for the course's client")

/** A worker of the server, and the number of packets that it has. */
interface Observed {
  state: "ready" | "lost" | "gone"
  packets: number
}

/** Counts of packets, by the tags of the reports that end them. */
interface PacketCounts extends Record<"Done" | "Failed" | "Stopped", number> {
  lost: number
}

const receive = (worker: Observed, counts: PacketCounts, report: Report) => {
  switch (report._tag) {
    case "Ready":
      worker.state = "ready"
      return
    case "Working":
    case "Alive":
      return
    case "Lost":
    case "Gone":
      worker.state = report._tag === "Lost" ? "lost" : "gone"
      counts.lost += worker.packets
      worker.packets = 0
      return
    default:
      counts[report._tag]++
      worker.packets--
  }
}

/** Makes the metrics of a service, which exist from then on, with 0. */
export const make = (service: string, context: Context.Context<never>) => {
  const { level, total } = MetricSeries.ofService(service, context)
  const observed: Array<Observed> = []
  const counts: PacketCounts = { Done: 0, Failed: 0, Stopped: 0, lost: 0 }
  let countedRanges = 0
  const states = (["ready", "lost", "gone"] as const).map((state) => [state, level(workers, { state })] as const)
  const publishRunning = level(running)
  const publishFarms = level(farms)
  const publishRanges = total(ranges)
  const results = (["Done", "Failed", "Stopped", "lost"] as const).map(
    (result) => [result, total(packets, { result: result.toLowerCase() })] as const
  )
  return {
    /** Returns the worker with its packets counted. */
    observe: (worker: Worker): Worker => {
      const own: Observed = { state: "ready", packets: 0 }
      observed.push(own)
      return {
        ...worker,
        attach: (report) =>
          worker.attach((reports) => {
            for (const one of reports) receive(own, counts, one)
            report(reports)
          }),
        run: (tasks) => {
          own.packets += tasks.length
          worker.run(tasks)
        }
      }
    },
    countRange: () => {
      countedRanges++
    },
    /** Updates the metrics. `currentFarms` is the current number of farms. */
    publish: (currentFarms: number) => {
      for (const [state, publish] of states) publish(observed.filter((worker) => worker.state === state).length)
      publishRunning(observed.reduce((sum, worker) => sum + worker.packets, 0))
      publishFarms(currentFarms)
      publishRanges(countedRanges)
      for (const [result, publish] of results) publish(counts[result])
    },
    /** The service has no workers any more. */
    clear: () => {
      for (const publish of [...states.map(([, publish]) => publish), publishRunning, publishFarms]) publish(0)
    }
  }
}
