import { assert, describe, it } from "@effect/vitest"
import * as Progress from "../../src/farm/Progress.ts"

const worker = { state: "ready", packets: 2, units: 10, busyMillis: 500, failures: 0 } as const
const always = { joinedAt: undefined, goneAt: undefined }

const totals = { resumedUnits: 0, startMillis: 1_000, endMillis: 2_000, total: 100, skipped: 0, retries: 0 }

describe("Progress", () => {
  it("sums the workers of each host, and estimates the rest from the rate of this run", () => {
    const workers = [
      { ...worker, ...always, name: "a #1", host: "a" },
      { ...worker, ...always, name: "a #2", host: "a", state: "lost", units: 30, failures: 1 },
      { ...worker, ...always, name: "thread 1" }
    ] as const
    const progress = Progress.fromWorkers(workers, { ...totals, resumedUnits: 50 })
    assert.deepInclude(progress, { done: 100, packets: 6, unitsPerSecond: 50, etaMillis: 0, efficiency: 0.5 })
    assert.deepStrictEqual(
      progress.workers.map(({ share }) => share),
      [0.2, 0.6, 0.2]
    )
    assert.deepStrictEqual(progress.hosts, [
      { host: "a", state: "ready", ready: 1, workers: 2, packets: 4, share: 0.8, busyMillis: 1_000, failures: 1 },
      { host: undefined, state: "ready", ready: 1, workers: 1, packets: 2, share: 0.2, busyMillis: 500, failures: 0 }
    ])
  })

  it("counts the time of a worker from when it joined until it was gone", () => {
    const late = { ...worker, name: "late", joinedAt: 1_500, goneAt: undefined }
    const gone = { ...worker, name: "gone", state: "gone", joinedAt: undefined, goneAt: 1_500 } as const
    assert.strictEqual(Progress.fromWorkers([late, gone], totals).efficiency, 1)
  })

  it("has no rate, no remaining time and no share before the first result", () => {
    const idle = { ...worker, ...always, name: "idle", packets: 0, units: 0, busyMillis: 0 }
    const progress = Progress.fromWorkers([idle], { ...totals, endMillis: 1_000 })
    assert.deepInclude(progress, { unitsPerSecond: 0, etaMillis: undefined, efficiency: 0 })
    assert.strictEqual(progress.workers[0]!.share, 0)
    assert.isUndefined(Progress.fromWorkers([idle], { ...totals, total: undefined }).etaMillis)
  })
})
