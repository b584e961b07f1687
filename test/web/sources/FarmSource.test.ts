import { assert, describe, it } from "@effect/vitest"
import * as Deferred from "effect/Deferred"
import * as Effect from "effect/Effect"
import * as Schema from "effect/Schema"
import * as TestClock from "effect/testing/TestClock"
import * as Farm from "../../../src/farm/Farm.ts"
import * as Job from "../../../src/farm/Job.ts"
import * as Progress from "../../../src/farm/Progress.ts"
import * as PageState from "../../../src/web/PageState.ts"
import * as FarmSource from "../../../src/web/sources/FarmSource.ts"
import * as SimWorkers from "../../farm/SimWorkers.ts"
import * as Simulated from "../../support/Simulated.ts"

const worker = (name: string, units: number, busyMillis: number, state: "ready" | "gone" = "ready") => ({
  ...{ name, state, packets: units, units, busyMillis, failures: 0, joinedAt: undefined, goneAt: undefined }
})

const progressOf = (workers: ReadonlyArray<ReturnType<typeof worker>>, total: number | undefined = 100) =>
  Progress.fromWorkers(workers, {
    ...{ startMillis: 0, endMillis: 1_000, total, skipped: 0, retries: 1, resumedUnits: 0 }
  })

const runOf = (progress: Progress.Progress, changes: Partial<FarmSource.Run> = {}): FarmSource.Run => ({
  ...{ id: 1, title: "primes in 0..100", state: "running", progress: () => progress },
  ...changes
})

const isFarm = Schema.is(PageState.Farm)

describe("FarmSource.rowOf", () => {
  it("has the speed-up: the working time of all workers in the elapsed time", () => {
    const row = FarmSource.rowOf(
      "primes",
      runOf(progressOf([worker("thread 1", 30, 900), worker("thread 2", 20, 600)]))
    )
    assert.deepStrictEqual(row, {
      ...{ service: "primes", id: 1, title: "primes in 0..100", state: "running", done: 50, total: 100 },
      ...{ unitsPerSecond: 50, elapsedMillis: 1_000, etaMillis: 1_000, efficiency: 0.75, speedUp: 1.5 },
      ...{ packets: 50, retries: 1 },
      workers: [
        { name: "thread 1", state: "ready", packets: 30, share: 0.6, busyMillis: 900, failures: 0 },
        { name: "thread 2", state: "ready", packets: 20, share: 0.4, busyMillis: 600, failures: 0 }
      ]
    })
    assert.isTrue(isFarm(row))
  })

  it("has no total of an endless run, and no remaining time of one that has ended", () => {
    const endless = progressOf([worker("one", 1, 1)], Number.POSITIVE_INFINITY)
    const row = FarmSource.rowOf("primes", runOf(endless))
    assert.notProperty(row, "total")
    assert.notProperty(row, "etaMillis")
    assert.isTrue(isFarm(row))
    const ended = runOf(progressOf([worker("one", 1, 1)]), { state: "done" })
    assert.notProperty(FarmSource.rowOf("primes", ended), "etaMillis")
  })

  it("has no worker that is ready for a run that has ended", () => {
    const progress = progressOf([worker("one", 1, 1), worker("two", 1, 1, "gone")])
    for (const state of ["done", "failed"] as const) {
      const { workers } = FarmSource.rowOf("primes", runOf(progress, { state }))
      assert.deepStrictEqual(
        workers.map((one) => one.state),
        ["done", "gone"]
      )
    }
  })

  it("has one row for the workers that are too many, those that are gone first", () => {
    const many = Array.from({ length: 200 }, (_, index) => worker(`w${index}`, 1, 10, index < 150 ? "gone" : "ready"))
    const { workers } = FarmSource.rowOf("primes", runOf(progressOf(many)))
    assert.strictEqual(workers.length, 64)
    assert.strictEqual(workers.filter(({ state }) => state === "ready").length, 50)
    assert.deepInclude(workers.at(-1), { name: "137 more", state: "gone", packets: 137, busyMillis: 1_370 })
    assert.approximately(
      workers.reduce((all, { share }) => all + share, 0),
      1,
      0.01
    )
  })

  it("escapes names of workers and titles", () => {
    const row = FarmSource.rowOf("primes", runOf(progressOf([worker("a\u001bb", 1, 1)]), { title: "t\u0007" }))
    assert.strictEqual(row.workers[0]?.name, "a\\u001bb")
    assert.strictEqual(row.title, "t\\u0007")
  })
})

/** A job whose packets take 10 ms for each unit. */
const job = Job.make({
  name: "wait",
  version: 1,
  packet: Schema.Struct({ from: Schema.Number, to: Schema.Number }),
  result: Schema.Number,
  split: ({ from, to }: { readonly from: number; readonly to: number }) => Job.range(from, to),
  work: ({ from, to }) => to - from,
  empty: 0,
  merge: (sum: number, one: number) => sum + one
})

describe("FarmSource.ofRun", () => {
  it.effect("follows a run to its end", () =>
    Simulated.run(() =>
      Effect.gen(function* () {
        const sim = SimWorkers.make(job, [10, 10], ({ from, to }) => to - from)
        const running = yield* Farm.start(job, { from: 0, to: 400 }, { workers: sim.workers, packetSize: 10 })
        const { farms } = yield* FarmSource.ofRun("primes", "wait", running)
        yield* Effect.sleep("1 second")
        const [half] = (yield* farms).rows
        assert.deepInclude(half, { service: "primes", id: 1, title: "wait", state: "running", total: 400 })
        assert.approximately(half!.done, 200, 20)
        assert.approximately(half!.speedUp, 2, 0.2)
        assert.strictEqual(half!.workers.length, 2)
        assert.strictEqual(yield* running.output, 400)
        yield* Effect.sleep("1 milli")
        const [done] = (yield* farms).rows
        assert.deepInclude(done, { state: "done", done: 400, packets: 40 })
        assert.isTrue(isFarm(done))
      }).pipe(Effect.scoped, Effect.orDie)
    )
  )

  it.effect("says that a run has failed", () =>
    Effect.gen(function* () {
      const output = yield* Deferred.make<never, string>()
      const stats = Effect.succeed(progressOf([worker("one", 1, 1)]))
      const { farms } = yield* FarmSource.ofRun("primes", "x", { stats, output: Deferred.await(output) })
      yield* Deferred.fail(output, "no worker left")
      yield* TestClock.adjust(1)
      assert.strictEqual((yield* farms).rows[0]?.state, "failed")
    })
  )
})

describe("FarmSource.make", () => {
  it.effect("shows the first runs, and computes no others", () =>
    Effect.gen(function* () {
      let computed = 0
      const runs = Array.from({ length: 100 }, (_, index) => ({
        ...runOf(progressOf([])),
        id: index + 1,
        progress: () => {
          computed++
          return progressOf([])
        }
      }))
      const { omitted, rows } = yield* FarmSource.make("primes", Effect.succeed(runs)).farms
      assert.deepStrictEqual([rows.length, omitted, computed], [32, 68, 32])
    })
  )
})
