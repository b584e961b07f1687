import { assert, describe, it } from "@effect/vitest"
import * as Effect from "effect/Effect"
import * as Schema from "effect/Schema"
import * as Job from "../../../src/farm/Job.ts"
import * as SharedWorkerPool from "../../../src/farm/tcp/SharedWorkerPool.ts"
import type { Task } from "../../../src/farm/Worker.ts"
import * as Worker from "../../../src/farm/Worker.ts"
import * as Simulated from "../../support/Simulated.ts"
import * as SimWorkers from "../SimWorkers.ts"

/** A job whose packets are the milliseconds of work. */
const job = Job.make({
  name: "wait",
  version: 1,
  packet: Schema.Number,
  result: Schema.Number,
  split: () => ({ total: 0, next: () => undefined }),
  work: (millis) => millis,
  empty: 0,
  merge: (sum: number) => sum
})

const tasks = (count: number, millis: number, from = 0): ReadonlyArray<Task> =>
  Array.from({ length: count }, (_, index) => ({ id: from + index, packet: millis }))

/** Makes a pool, and records the outcomes of its clients in order. */
const setUp = Effect.fnUntraced(function* (workers: number) {
  const sim = SimWorkers.make(
    job,
    Array.from({ length: workers }, () => 1),
    (millis) => millis
  )
  const pool = yield* SharedWorkerPool.make(yield* sim.workers)
  const outcomes: Array<string> = []
  const join = (name: string) =>
    pool.join({
      onOutcomes: (taskOutcomes) => {
        for (const { _tag, id } of taskOutcomes) outcomes.push(`${name} ${_tag} ${id}`)
      }
    })
  const count = (start: string) => outcomes.filter((line) => line.startsWith(start)).length
  return { ...sim, pool, outcomes, join, count }
})

const run = <A, E>(body: Effect.Effect<A, E, never>) => Simulated.run(() => body)

describe("SharedWorkerPool", () => {
  it.effect("gives each client the same working time, whatever the number and size of its packets", () =>
    run(
      Effect.gen(function* () {
        const { count, join } = yield* setUp(2)
        const [greedy, slow] = yield* Effect.all([join("greedy"), join("slow")])
        greedy.run(tasks(1_000, 10))
        slow.run(tasks(20, 100))
        yield* Effect.sleep("1 second")
        // A late client receives an equal share from now on, and no compensation for the time before.
        const late = yield* join("late")
        late.run(tasks(1_000, 10))
        yield* Effect.sleep("1 second")
        const parts = { greedy: count("greedy") * 10, slow: count("slow") * 100, late: count("late") * 10 }
        assert.approximately(parts.greedy, 1_667, 300, JSON.stringify(parts))
        assert.approximately(parts.slow, 1_667, 300, JSON.stringify(parts))
        assert.approximately(parts.late, 667, 300, JSON.stringify(parts))
      }).pipe(Effect.scoped, Effect.orDie)
    )
  )

  it.effect("ends every task once, and a cancelled task soon", () =>
    run(
      Effect.gen(function* () {
        const { cancelled, count, join, outcomes } = yield* setUp(1)
        const one = yield* join("one")
        one.run(tasks(10, 100))
        yield* Effect.sleep("150 millis")
        one.cancel([1, 2, 3, 3, 77])
        // Task 1 is running; the others wait.
        assert.deepStrictEqual(outcomes, ["one Done 0", "one Stopped 2", "one Stopped 3"])
        yield* Effect.sleep("2 seconds")
        assert.strictEqual(count("one Done"), 7)
        assert.strictEqual(count("one Stopped 1"), 1)
        assert.strictEqual(outcomes.length, 10)
        assert.isAbove(cancelled.length, 0)
      }).pipe(Effect.scoped, Effect.orDie)
    )
  )

  it.effect("fails the running packet of a lost worker, and moves its waiting packets to others", () =>
    run(
      Effect.gen(function* () {
        const { count, join, report, sent, outcomes } = yield* setUp(2)
        const one = yield* join("one")
        one.run(tasks(20, 100))
        yield* Effect.sleep("50 millis")
        const running = sent.filter(({ worker }) => worker === 0).slice(0, 1)
        report(0, [{ _tag: "Lost", message: "gone", running: running.map(({ id }) => id) }])
        assert.strictEqual(count("one Failed"), 1)
        yield* Effect.sleep("1 second")
        assert.isTrue(sent.every(({ at, worker }) => worker === 1 || at < 50))
        report(0, [{ _tag: "Ready" }])
        yield* Effect.sleep("2 seconds")
        assert.strictEqual(count("one Done"), 19)
        assert.strictEqual(outcomes.length, 20)
      }).pipe(Effect.scoped, Effect.orDie)
    )
  )

  it.effect("drops the packets of a client that leaves", () =>
    run(
      Effect.gen(function* () {
        const { join, sent, outcomes } = yield* setUp(1)
        yield* Effect.scoped(Effect.map(join("one"), (one) => one.run(tasks(10, 100))))
        const before = sent.length
        const two = yield* join("two")
        two.run(tasks(1, 100))
        yield* Effect.sleep("1 second")
        assert.deepStrictEqual(outcomes, ["two Done 0"])
        assert.strictEqual(sent.length, before + 1)
      }).pipe(Effect.scoped, Effect.orDie)
    )
  )

  it.effect("reports the failure of all workers, and refuses an empty pool", () =>
    run(
      Effect.gen(function* () {
        const { pool, report } = yield* setUp(2)
        report(0, [{ _tag: "Gone", message: "one" }])
        assert.isTrue((yield* Effect.timeoutOption(pool.allGone, 10))._tag === "None")
        report(1, [{ _tag: "Gone", message: "two" }])
        assert.strictEqual(yield* pool.allGone, "two")
        assert.match((yield* Effect.flip(SharedWorkerPool.make(Worker.pool([])))).message, /^invalid worker count 0/)
      }).pipe(Effect.scoped, Effect.orDie)
    )
  )
})
