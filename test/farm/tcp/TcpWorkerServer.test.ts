import { assert, describe, it } from "@effect/vitest"
import * as Effect from "effect/Effect"
import * as Schema from "effect/Schema"
import * as Job from "../../../src/farm/Job.ts"
import * as SharedWorkerPool from "../../../src/farm/tcp/SharedWorkerPool.ts"
import type { Task } from "../../../src/farm/Worker.ts"
import * as Simulated from "../../support/Simulated.ts"
import * as SimWorkers from "../SimWorkers.ts"

/** Work that takes as many milliseconds as its packet says. */
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

/** A pool of workers, and the order in which its clients were told of outcomes. */
const setUp = Effect.fnUntraced(function* (workers: number) {
  const sim = SimWorkers.make(
    job,
    Array.from({ length: workers }, () => 1),
    (millis) => millis
  )
  const pool = yield* SharedWorkerPool.make(yield* sim.workers)
  const outcomes: Array<string> = []
  const join = (name: string) =>
    pool.join((taskOutcomes) => {
      for (const { _tag, id } of taskOutcomes) outcomes.push(`${name} ${_tag} ${id}`)
    })
  const count = (start: string) => outcomes.filter((line) => line.startsWith(start)).length
  return { ...sim, pool, told: outcomes, join, count }
})

const run = <A, E>(body: Effect.Effect<A, E, never>) => Simulated.run(() => body)

describe("a pool of workers that farms share", () => {
  it.effect("gives each farm its part of the time, however many packets it has and however long", () =>
    run(
      Effect.gen(function* () {
        const { count, join } = yield* setUp(2)
        const [greedy, slow] = yield* Effect.all([join("greedy"), join("slow")])
        greedy.run(tasks(1_000, 10))
        slow.run(tasks(20, 100))
        yield* Effect.sleep("1 second")
        // A newcomer gets its part, and not the time that the others have had before.
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

  it.effect("every task ends once, and what is cancelled ends soon", () =>
    run(
      Effect.gen(function* () {
        const { cancelled, count, join, told } = yield* setUp(1)
        const one = yield* join("one")
        one.run(tasks(10, 100))
        yield* Effect.sleep("150 millis")
        one.cancel([1, 2, 3, 3, 77])
        // The first is being worked on; the others wait.
        assert.deepStrictEqual(told, ["one Done 0", "one Stopped 2", "one Stopped 3"])
        yield* Effect.sleep("2 seconds")
        assert.strictEqual(count("one Done"), 7)
        assert.strictEqual(count("one Stopped 1"), 1)
        assert.strictEqual(told.length, 10)
        assert.isAbove(cancelled.length, 0)
      }).pipe(Effect.scoped, Effect.orDie)
    )
  )

  it.effect("a worker that is lost takes the packet with it that it worked on; the rest is done by others", () =>
    run(
      Effect.gen(function* () {
        const { count, join, report: say, sent, told } = yield* setUp(2)
        const one = yield* join("one")
        one.run(tasks(20, 100))
        yield* Effect.sleep("50 millis")
        const running = sent.filter(({ worker }) => worker === 0).slice(0, 1)
        say(0, [{ _tag: "Lost", message: "gone", running: running.map(({ id }) => id) }])
        assert.strictEqual(count("one Failed"), 1)
        yield* Effect.sleep("1 second")
        assert.isTrue(sent.every(({ at, worker }) => worker === 1 || at < 50))
        say(0, [{ _tag: "Ready" }])
        yield* Effect.sleep("2 seconds")
        assert.strictEqual(count("one Done"), 19)
        assert.strictEqual(told.length, 20)
      }).pipe(Effect.scoped, Effect.orDie)
    )
  )

  it.effect("a farm that leaves takes its packets with it", () =>
    run(
      Effect.gen(function* () {
        const { join, sent, told } = yield* setUp(1)
        yield* Effect.scoped(Effect.map(join("one"), (one) => one.run(tasks(10, 100))))
        const before = sent.length
        const two = yield* join("two")
        two.run(tasks(1, 100))
        yield* Effect.sleep("1 second")
        assert.deepStrictEqual(told, ["two Done 0"])
        assert.strictEqual(sent.length, before + 1)
      }).pipe(Effect.scoped, Effect.orDie)
    )
  )

  it.effect("says when all workers are gone, and refuses to be made of none", () =>
    run(
      Effect.gen(function* () {
        const { pool, report: say } = yield* setUp(2)
        say(0, [{ _tag: "Gone", message: "one" }])
        assert.isTrue((yield* Effect.timeoutOption(pool.allGone, 10))._tag === "None")
        say(1, [{ _tag: "Gone", message: "two" }])
        assert.strictEqual(yield* pool.allGone, "two")
        assert.match((yield* Effect.flip(SharedWorkerPool.make([]))).message, /^0 workers/)
      }).pipe(Effect.scoped, Effect.orDie)
    )
  )
})
