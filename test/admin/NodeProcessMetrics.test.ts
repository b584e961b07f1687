import { assert, describe, it } from "@effect/vitest"
import type * as Context from "effect/Context"
import * as Effect from "effect/Effect"
import * as Metric from "effect/Metric"
import * as NodeProcessMetrics from "../../src/admin/NodeProcessMetrics.ts"

/** Samples into a registry, and returns the values by the names of their metrics. */
const sampleInto = (registry: Context.Service.Shape<typeof Metric.MetricRegistry>) =>
  Effect.gen(function* () {
    yield* NodeProcessMetrics.sample
    const metrics = yield* Metric.snapshot
    return new Map(metrics.map(({ id, state }) => [id, state as { readonly count: number; readonly value: number }]))
  }).pipe(Effect.provideService(Metric.MetricRegistry, registry))

const cpuOf = (metrics: ReadonlyMap<string, { readonly count: number }>) =>
  metrics.get("process_cpu_seconds_total")!.count

describe("NodeProcessMetrics", () => {
  it.effect("counts all CPU time of the process in each registry", () =>
    Effect.gen(function* () {
      const [one, other] = [new Map(), new Map()]
      const usedMicros = () => process.cpuUsage().user + process.cpuUsage().system
      const beforeMicros = usedMicros()
      const first = yield* sampleInto(one)
      const second = yield* sampleInto(other)
      assert.isAtLeast(cpuOf(first), beforeMicros / 1e6)
      assert.isAtLeast(cpuOf(second), cpuOf(first))
      const again = yield* sampleInto(one)
      assert.isAtLeast(cpuOf(again), cpuOf(second))
      assert.isAtMost(cpuOf(again), usedMicros() / 1e6)
    })
  )

  it.effect("has the memory, the heap, the start, the descriptors, and the use of the event loop", () =>
    Effect.gen(function* () {
      const metrics = yield* sampleInto(new Map())
      const figure = (name: string) => metrics.get(name)!.value
      assert.isAbove(figure("process_resident_memory_bytes"), figure("nodejs_heap_size_used_bytes"))
      assert.isBelow(figure("process_start_time_seconds") * 1_000, Date.now())
      assert.isAbove(figure("process_start_time_seconds") * 1_000, Date.now() - 86_400_000)
      assert.strictEqual(metrics.has("process_open_fds"), process.platform === "linux")
      assert.isAtLeast(figure("nodejs_eventloop_utilization"), 0)
      assert.isAtMost(figure("nodejs_eventloop_utilization"), 1)
    })
  )
})
