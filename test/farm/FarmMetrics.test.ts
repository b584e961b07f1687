import { assert, describe, it } from "@effect/vitest"
import * as Effect from "effect/Effect"
import * as Metric from "effect/Metric"
import type * as Dispatcher from "../../src/farm/dispatcher/Dispatcher.ts"
import * as GoneWorkers from "../../src/farm/dispatcher/GoneWorkers.ts"
import * as FarmMetrics from "../../src/farm/FarmMetrics.ts"
import * as Progress from "../../src/farm/Progress.ts"

/** The parts of a run that metrics are made of. */
interface Run {
  readonly merged: number
  readonly skipped: number
  readonly dropped: number
  readonly retries: number
  readonly expiries: ReadonlyArray<number>
  readonly rejected: ReadonlyArray<string>
  /** Packets of each worker, whose host has its name. */
  readonly packets: Readonly<Record<string, number>>
}

const stateOf = ({ dropped, expiries, merged, rejected, retries, skipped }: Run) =>
  ({
    ...{ mergedCount: merged, skippedCount: skipped, droppedCount: dropped, retryCount: retries, liveCount: 3 },
    workers: new Map(expiries.map((count, index) => [index, { expiries: count }])),
    forgotten: GoneWorkers.nothingForgotten(),
    rejectedHosts: new Set(rejected),
    unfinished: new Map([[7, {}]])
  }) as unknown as Dispatcher.State<unknown, unknown>

const progressOf = ({ packets, retries, skipped }: Run) =>
  Progress.fromWorkers(
    Object.entries(packets).map(([name, count]) => ({
      ...{ name, host: name === "here" ? undefined : name, state: "ready", packets: count, units: count },
      ...{ busyMillis: 250, failures: 0, joinedAt: undefined, goneAt: undefined }
    })),
    { ...{ resumedUnits: 0, startMillis: 0, endMillis: 500, total: undefined }, skipped, retries }
  )

const first: Run = {
  ...{ merged: 10, skipped: 1, dropped: 2, retries: 3, expiries: [1, 2], rejected: ["liar"] },
  packets: { here: 4, other: 3 }
}

/** `other` has begun anew and was counted twice: its counter does not fall. */
const second: Run = {
  ...{ merged: 15, skipped: 1, dropped: 2, retries: 5, expiries: [1, 2, 4], rejected: ["liar", "other"] },
  packets: { here: 9, other: 2 }
}

describe("FarmMetrics", () => {
  it.effect("adds what has changed since the last time, for the run and for each host", () =>
    Effect.gen(function* () {
      const metrics = yield* FarmMetrics.make("sums")
      const valuesAfter = (run: Run) => {
        metrics.publish(stateOf(run), progressOf(run))
        return Effect.map(Metric.snapshot, (all) =>
          Object.fromEntries(
            all.map(({ attributes, id, state }) => {
              assert.strictEqual(attributes?.job, "sums")
              const { count, value } = state as { readonly count?: number; readonly value?: number }
              const host = attributes?.host === undefined ? "" : ` of ${JSON.stringify(attributes.host)}`
              return [`${id.replace("effect_inet_farm_", "")}${host}`, count ?? value]
            })
          )
        )
      }
      const levels = { queue: 1, workers: 3, efficiency: 0.5, 'host_workers of ""': 1, 'host_workers of "other"': 1 }
      const counts = { packets_total: 7, skipped_packets_total: 1, retries_total: 3, lease_expiries_total: 3 }
      assert.deepStrictEqual(yield* valuesAfter(first), {
        ...{ ...levels, ...counts, rejected_hosts_total: 1 },
        ...{ 'host_packets_total of ""': 4, 'host_packets_total of "other"': 3 }
      })
      assert.deepStrictEqual(yield* valuesAfter(second), {
        ...{ ...levels, ...counts, packets_total: 12, retries_total: 5, lease_expiries_total: 7 },
        ...{ rejected_hosts_total: 2, 'host_packets_total of ""': 9, 'host_packets_total of "other"': 3 }
      })
    }).pipe(Effect.provideService(Metric.MetricRegistry, new Map()))
  )
})
