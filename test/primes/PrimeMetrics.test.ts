import { assert, describe, it } from "@effect/vitest"
import * as Effect from "effect/Effect"
import * as PrometheusMetrics from "effect/observability/PrometheusMetrics"
import type { Report, Worker } from "../../src/farm/Worker.ts"
import * as PrimeMetrics from "../../src/primes/PrimeMetrics.ts"

/** Returns the samples of a service, without its name. */
const samplesOf = (service: string) =>
  Effect.map(PrometheusMetrics.format(), (text) =>
    text
      .split("\n")
      .filter((line) => line.includes(`service="${service}"`))
      .map((line) => line.replace("effect_inet_primes_", "").replace(new RegExp(`service="${service}",?`), ""))
      .sort()
  )

/** A worker that reports what a test says. */
const scripted = (name: string) => {
  let send: (reports: ReadonlyArray<Report>) => void = () => {}
  const worker: Worker = {
    name,
    job: { name: "primes", version: 1 },
    capacity: 8,
    latencyMillis: 0,
    attach: (report) =>
      Effect.sync(() => {
        send = report
      }),
    run: () => {},
    cancel: () => {}
  }
  return { worker, report: (...reports: ReadonlyArray<Report>) => send(reports) }
}

const tasks = (count: number) => Array.from({ length: count }, (_, id) => ({ id, packet: undefined }))

describe("PrimeMetrics", () => {
  it.effect("has all series from the start, with 0, and follows workers, packets and clients", () =>
    Effect.gen(function* () {
      const metrics = PrimeMetrics.make("numbers", yield* Effect.context<never>())
      const zero = [
        "farms{} 0",
        ...["done", "failed", "lost", "stopped"].map((result) => `packets_total{result="${result}"} 0`),
        "packets_running{} 0",
        "ranges_total{} 0",
        ...["gone", "lost", "ready"].map((state) => `workers{state="${state}"} 0`)
      ]
      assert.deepStrictEqual(yield* samplesOf("numbers"), zero.sort())

      const [one, other] = [scripted("one"), scripted("other")]
      const received: Array<Report> = []
      const [first, second] = [metrics.observe(one.worker), metrics.observe(other.worker)]
      yield* first.attach((reports) => received.push(...reports))
      yield* second.attach((reports) => received.push(...reports))
      first.run(tasks(4))
      second.run(tasks(3))
      const done: Report = { _tag: "Done", id: 0, result: 1, millis: 2 }
      const lost: Report = { _tag: "Lost", message: "killed" }
      one.report(done, { ...done, id: 1 }, { _tag: "Failed", id: 2, error: { name: "Error", message: "no" } })
      other.report({ _tag: "Stopped", id: 0 }, lost)
      assert.deepStrictEqual(received.at(-1), lost)
      metrics.countRange()
      metrics.publish(2)
      const samples = [
        "farms{} 2",
        'packets_total{result="done"} 2',
        'packets_total{result="failed"} 1',
        'packets_total{result="lost"} 2',
        'packets_total{result="stopped"} 1',
        "packets_running{} 1",
        "ranges_total{} 1",
        'workers{state="gone"} 0',
        'workers{state="lost"} 1',
        'workers{state="ready"} 1'
      ]
      assert.deepStrictEqual(yield* samplesOf("numbers"), samples.sort())

      other.report({ _tag: "Ready" })
      one.report({ _tag: "Gone", message: "killed" })
      metrics.publish(0)
      assert.includeMembers(
        [...(yield* samplesOf("numbers"))],
        ['packets_total{result="lost"} 3', 'workers{state="gone"} 1', 'workers{state="ready"} 1']
      )
      metrics.clear()
      assert.includeMembers([...(yield* samplesOf("numbers"))], ['workers{state="gone"} 0', 'workers{state="ready"} 0'])
    })
  )
})
