/** Metrics of this process under the names that Prometheus gives them in every language. */
import * as Fs from "node:fs"
import { type EventLoopUtilization, performance } from "node:perf_hooks"
import * as Effect from "effect/Effect"
import * as Metric from "effect/Metric"

const gauge = (name: string, description: string) => Metric.gauge(name, { description })

const cpu = Metric.counter("process_cpu_seconds_total", { description: "CPU time of the process, user and system" })
const memory = gauge("process_resident_memory_bytes", "Resident memory of the process")
const started = gauge("process_start_time_seconds", "Start of the process, in seconds since 1970")
const descriptors = gauge("process_open_fds", "Open file descriptors")
const heap = gauge("nodejs_heap_size_used_bytes", "Used memory of the JavaScript heap")
const utilization = gauge(
  "nodejs_eventloop_utilization",
  "Part of the time since the last request in which the event loop was busy, 0 to 1"
)

/** Returns the number of open descriptors; undefined without /proc. */
const countDescriptors = () => {
  try {
    return Fs.readdirSync("/proc/self/fd").length
  } catch {
    return undefined
  }
}

/** The values that a registry has from its last sample. */
interface Published {
  readonly cpuMicros: number
  readonly loop: EventLoopUtilization
}

/** By registry: an application may have several in one process. */
const published = new WeakMap<object, Published>()

/** Updates the metrics. */
export const sample: Effect.Effect<void> = Effect.gen(function* () {
  const registry = yield* Metric.MetricRegistry
  const before = published.get(registry)
  const { system, user } = process.cpuUsage()
  const loop = performance.eventLoopUtilization()
  published.set(registry, { cpuMicros: user + system, loop })
  yield* Metric.update(cpu, (user + system - (before?.cpuMicros ?? 0)) / 1e6)
  yield* Metric.update(memory, process.memoryUsage.rss())
  yield* Metric.update(heap, process.memoryUsage().heapUsed)
  yield* Metric.update(started, performance.timeOrigin / 1_000)
  const open = countDescriptors()
  if (open !== undefined) yield* Metric.update(descriptors, open)
  yield* Metric.update(utilization, performance.eventLoopUtilization(loop, before?.loop).utilization)
})
