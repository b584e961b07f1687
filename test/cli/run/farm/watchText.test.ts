import { assert, describe, it } from "@effect/vitest"
import * as Schema from "effect/Schema"
import * as watchText from "../../../../src/cli/run/farm/watchText.ts"
import type { RunStatus } from "../../../../src/cluster/FarmPool.ts"

type Worker = RunStatus["workers"][number]

const worker = (name: string, share: number, state: Worker["state"] = "ready"): Worker => ({
  ...{ name, host: name.split(":")[0]!, state, share, packets: 100 * share, busyMillis: 60_000 * share }
})

const host = (name: string, share: number, ready: number, state: Worker["state"] = "ready") => ({
  ...{ host: name, state, ready, workers: 2, packets: 100 * share, share, busyMillis: 60_000 * share, failures: 0 }
})

const status: RunStatus = {
  ...{ key: "primes-1", state: "running", attempt: 1, done: 4.5e9, total: 1e10, packets: 100, skipped: 0, retries: 0 },
  ...{ unitsPerSecond: 1e9, elapsedMillis: 4_500, etaMillis: 5_500, efficiency: 0.98, refusals: [] },
  workers: [
    worker("alpha:12/1", 0.5),
    worker("alpha:12/2", 0.3),
    worker("beta:7/1", 0.2, "lost"),
    worker("beta:9/1", 0, "gone")
  ],
  hosts: [host("alpha", 0.8, 2), host("beta", 0.2, 0, "lost")]
}

const int = (minimum: number, maximum: number) => Schema.Int.check(Schema.isBetween({ minimum, maximum }))

describe("the text of farm watch", () => {
  it("shows threads, hosts or their numbers, as the width allows", () => {
    const amounts = "4.50 G of 10.0 G  1.00 G/s  ETA 0:06"
    const ends = [
      [160, "  alpha:12/1 50%, alpha:12/2 30%, beta:7/1 lost"],
      [102, "  alpha 80% (2 threads), beta lost"],
      [90, "  3 threads on 2 hosts"],
      [70, ""]
    ] as const
    for (const [width, end] of ends) {
      const line = watchText.bar(status, width)
      assert.match(line, /^primes-1 {3}45% \[=+ +\] /)
      assert.isTrue(line.endsWith(`${amounts}${end}`), line)
    }
  })

  it("has no bar if the total is unknown", () => {
    const { etaMillis: _, total: __, ...endless } = status
    assert.strictEqual(watchText.bar({ ...endless, hosts: [], workers: [] }, 80), "primes-1  4.50 G  1.00 G/s")
  })

  it.prop("is never wider than the terminal", [int(0, 60), int(1, 200), Schema.Boolean], ([many, width, isEndless]) => {
    const workers = Array.from({ length: many }, (_, at) => worker(`host ${at}:1/1`, 1 / many))
    const { total: _, ...endless } = status
    const shown = watchText.bar({ ...(isEndless ? endless : status), workers }, width)
    assert.isAtMost(shown.length, width)
  })

  it("tells what has changed", () => {
    assert.deepStrictEqual(watchText.news(undefined, status), [
      "running, 4.50 G of 10.0 G  1.00 G/s  ETA 0:06, 2 threads"
    ])
    assert.deepStrictEqual(watchText.news(status, status), [])
    const later: RunStatus = {
      ...status,
      workers: [
        worker("alpha:12/1", 0.5),
        worker("alpha:12/2", 0.3, "gone"),
        ...status.workers.slice(2),
        worker("gamma:1/1", 0)
      ],
      refusals: ["delta: it has no job, not primes 1"]
    }
    assert.deepStrictEqual(watchText.news(status, later), [
      "alpha:12/2 has left",
      "gamma:1/1 has joined",
      "delta: it has no job, not primes 1"
    ])
    assert.deepStrictEqual(watchText.news(status, { ...status, skipped: 2 }), ["2 packets given up"])
    const taken: RunStatus = { ...status, elapsedMillis: 0, workers: [] }
    assert.deepStrictEqual(watchText.news(status, taken), ["another host continues it"])
    assert.deepStrictEqual(watchText.news(taken, status), [])
    assert.deepStrictEqual(watchText.news(later, { ...status, state: "failed", error: "run failed: no" }), [
      "failed, 4.50 G of 10.0 G units: run failed: no"
    ])
  })

  it("says that a run is waited for, and what one that has ended has done", () => {
    const ended = { ...status, done: 1e10, elapsedMillis: 72_000, workers: [], hosts: [] }
    const { total: _, ...endless } = ended
    const lines: ReadonlyArray<readonly [status: RunStatus, line: string]> = [
      [{ ...endless, state: "unknown", done: 0 }, "no run primes-1 yet: waiting for it (farm list shows the runs)"],
      [{ ...endless, state: "waiting", done: 0 }, "waiting"],
      [{ ...ended, state: "done" }, "done, 10.0 G units in 1:12"],
      [{ ...endless, state: "done" }, "done, 10.0 G units in 1:12"],
      [{ ...ended, state: "done", skipped: 1 }, "done, 10.0 G units in 1:12, without 1 packet"],
      [{ ...ended, state: "done", elapsedMillis: 0 }, "done, 10.0 G units"],
      [{ ...ended, state: "cancelled", done: 5 }, "cancelled, 5 of 10.0 G units"]
    ]
    for (const [ended, line] of lines) assert.deepStrictEqual(watchText.news(undefined, ended), [line])
  })

  it("has a table at the end: of threads, or of hosts if there are many", () => {
    assert.deepStrictEqual(watchText.table(status, 80), [
      "worker      host   state  packets  share  busy",
      "alpha:12/1  alpha  ready       50    50%  0:30",
      "alpha:12/2  alpha  ready       30    30%  0:18",
      "beta:7/1    beta   lost        20    20%  0:12",
      "beta:9/1    beta   gone         0     0%  0:00"
    ])
    const many = Array.from({ length: 40 }, (_, at) => worker(`alpha:${at}/1`, 0.02))
    assert.deepStrictEqual(watchText.table({ ...status, workers: many }, 80).slice(0, 2), [
      "worker  host   state      packets  share  busy",
      "all     alpha  2 threads       80    80%  0:48"
    ])
    assert.deepStrictEqual(watchText.table({ ...status, workers: [], hosts: [] }, 80), [])
  })
})
