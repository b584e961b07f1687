import { assert, describe, it } from "@effect/vitest"
import * as Effect from "effect/Effect"
import * as Exit from "effect/Exit"
import * as Schema from "effect/Schema"
import * as Scope from "effect/Scope"
import * as Job from "../../../src/farm/Job.ts"
import type { PoolRun } from "../../../src/farm/tcp/PoolRuns.ts"
import * as PoolState from "../../../src/farm/tcp/PoolState.ts"
import * as SharedWorkerPool from "../../../src/farm/tcp/SharedWorkerPool.ts"
import * as Simulated from "../../support/Simulated.ts"
import * as SimWorkers from "../SimWorkers.ts"

/** A job whose packets are the milliseconds of work; a negative one fails. */
const job = Job.make({
  name: "wait",
  version: 1,
  packet: Schema.Number,
  result: Schema.Number,
  split: () => ({ total: 0, next: () => undefined }),
  work: (millis) => {
    if (millis === 13) throw new Error("unlucky")
    return millis
  },
  empty: 0,
  merge: (sum: number) => sum
})

const tasks = (count: number, packet: number, from = 0) =>
  Array.from({ length: count }, (_, index) => ({ id: from + index, packet }))

const setUp = Effect.fnUntraced(function* (workers: number) {
  const speeds = Array.from({ length: workers }, () => 1)
  const sim = SimWorkers.make(job, speeds, (millis) => millis, "here")
  const pool = yield* SharedWorkerPool.make(yield* sim.workers)
  /** Joins in a scope of its own. */
  const join = Effect.fnUntraced(function* (title: string) {
    const scope = yield* Scope.fork(yield* Effect.scope)
    const unitsOf = (packet: unknown) => Number(packet) * 2
    const client = yield* Scope.provide(pool.join({ onOutcomes: () => {} }, title, unitsOf), scope)
    return { ...client, leave: Scope.close(scope, Exit.void) }
  })
  return { ...sim, pool, join }
})

const totals = ({ id, progress, state, title }: PoolRun) => {
  const { done, packets, workers } = progress()
  const failures = workers.reduce((all, worker) => all + worker.failures, 0)
  return { id, title, state, done, packets, failures }
}

const run = <A, E>(body: Effect.Effect<A, E, Scope.Scope>) => Simulated.run(() => Effect.orDie(Effect.scoped(body)))

describe("the usage of a client", () => {
  it("has no task that was cancelled, although its worker has done it, nor one of a client that has left", () => {
    const state = PoolState.make()
    const worker = PoolState.addWorker(state, { name: "w", capacity: 8, latencyMillis: 1_000 })
    PoolState.step(state, { _tag: "Attached", worker })
    const [stays, leaves] = [1, 2].map(() => PoolState.join(state, { onOutcomes: () => {} }))
    const run = (client: PoolState.Client) => PoolState.step(state, { _tag: "Run", client, tasks: tasks(2, 1) })
    run(stays!)
    run(leaves!)
    PoolState.step(state, { _tag: "Cancel", client: stays!, ids: [0] })
    PoolState.step(state, { _tag: "Leave", client: leaves! })
    const done = [0, 1, 2, 3].map((id) => ({ _tag: "Done", id, result: 0, millis: 5 }) as const)
    PoolState.step(state, { _tag: "Reports", worker, reports: done })
    const usage = { name: "w", host: undefined, packets: 1, units: 1, busyMillis: 5, failures: 0 }
    assert.deepStrictEqual([...stays!.usage.values()], [usage])
    assert.deepStrictEqual([...leaves!.usage.values()], [])
  })
})

describe("the runs of a shared pool", () => {
  it.effect("have the packets, units and working time of each worker", () =>
    run(
      Effect.gen(function* () {
        const { join, pool } = yield* setUp(2)
        const [one, two] = [yield* join("one"), yield* join("two")]
        one.run(tasks(10, 100))
        two.run(tasks(4, 50))
        yield* Effect.sleep("2 seconds")
        assert.deepStrictEqual((yield* pool.runs).map(totals), [
          { id: 1, title: "one", state: "running", done: 2_000, packets: 10, failures: 0 },
          { id: 2, title: "two", state: "running", done: 400, packets: 4, failures: 0 }
        ])
        const [first] = yield* pool.runs
        const { elapsedMillis, workers } = first!.progress()
        assert.approximately(elapsedMillis, 2_000, 10)
        assert.deepStrictEqual(
          workers.map(({ host, name, state }) => [name, host, state]),
          [
            ["worker 0", "here", "ready"],
            ["worker 1", "here", "ready"]
          ]
        )
        const busy = workers.reduce((all, { busyMillis }) => all + busyMillis, 0)
        assert.strictEqual(busy, 1_000)
      })
    )
  )

  it.effect("are kept when their client has left, if they had packets", () =>
    run(
      Effect.gen(function* () {
        const { join, pool } = yield* setUp(1)
        const [idle, busy] = [yield* join("idle"), yield* join("busy")]
        busy.run(tasks(2, 10))
        yield* Effect.sleep("1 second")
        yield* idle.leave
        yield* busy.leave
        const [last, ...others] = yield* pool.runs
        assert.deepStrictEqual(others, [])
        assert.deepInclude(totals(last!), { title: "busy", state: "done", packets: 2 })
        const { elapsedMillis } = last!.progress()
        yield* Effect.sleep("1 minute")
        assert.strictEqual((yield* pool.runs)[0]?.progress().elapsedMillis, elapsedMillis)
      })
    )
  )

  it.effect("of many short clients do not grow", () =>
    run(
      Effect.gen(function* () {
        const { join, pool } = yield* setUp(1)
        const stays = yield* join("stays")
        for (let client = 0; client < 40; client++) {
          const { leave, run } = yield* join(`client ${client}`)
          run(tasks(1, 1))
          yield* Effect.sleep("20 millis")
          yield* leave
        }
        const titles = (yield* pool.runs).map(({ title }) => title)
        assert.deepStrictEqual(titles.slice(0, 2), ["stays", "client 39"])
        assert.strictEqual(titles.length, 17)
        yield* stays.leave
      })
    )
  )

  it.effect("count what fails, not what is cancelled, and name workers that are gone", () =>
    run(
      Effect.gen(function* () {
        const { join, pool, report } = yield* setUp(2)
        const one = yield* join("one")
        one.run([...tasks(2, 13), ...tasks(2, 10, 2)])
        yield* Effect.sleep("1 second")
        one.run(tasks(6, 500, 10))
        one.cancel([10, 11, 12, 13, 14, 15])
        yield* Effect.sleep("10 seconds")
        assert.deepInclude(totals((yield* pool.runs)[0]!), { packets: 2, failures: 2, done: 40 })
        report(1, [{ _tag: "Gone", message: "exited" }])
        const states = (yield* pool.runs)[0]!.progress().workers.map(({ name, state }) => `${name} ${state}`)
        assert.deepStrictEqual(states, ["worker 0 ready", "worker 1 gone"])
      })
    )
  )
})
