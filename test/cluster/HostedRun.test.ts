import { assert, describe, it } from "@effect/vitest"
import * as Effect from "effect/Effect"
import * as Fiber from "effect/Fiber"
import * as Layer from "effect/Layer"
import * as TestClock from "effect/testing/TestClock"
import * as AgentTable from "../../src/cluster/AgentTable.ts"
import { ClusterError, PoolUnavailable } from "../../src/cluster/ClusterError.ts"
import * as ClusterMetrics from "../../src/cluster/ClusterMetrics.ts"
import * as HostedRun from "../../src/cluster/HostedRun.ts"
import * as JobModules from "../../src/cluster/JobModules.ts"
import * as RunStore from "../../src/cluster/RunStore.ts"
import { job } from "./jobs/steps.ts"

type Store = RunStore.RunStore["Service"]

/** A run without packets: it ends at once. */
const spec: RunStore.RunSpec = {
  ...{ pool: "p", key: "k", job: { name: "steps", version: 1 }, attempt: 1 },
  input: JSON.stringify({ packets: 0, millis: 0 })
}

/** Makes a host with an agent that never calls again, whose table may be changed. */
const makeContext = Effect.fnUntraced(function* (change: (store: Store) => Partial<Store> = () => ({})) {
  const store = yield* RunStore.RunStore
  const context: HostedRun.Context = {
    jobs: yield* JobModules.JobModules,
    store: { ...store, ...change(store) },
    table: AgentTable.make(),
    metrics: ClusterMetrics.ofPool("p", yield* Effect.context<never>()),
    checkpointInterval: "2 seconds"
  }
  // Without a worker no packet is split off.
  const agent = { agent: "a", name: "a", host: "m", session: "", sequence: 1, slots: 1, jobs: [spec.job] }
  const nothing = { outcomes: [], lostJobs: [], working: [], wait: false, leaving: false }
  AgentTable.join(context.table, { ...agent, ...nothing }, "s", 0)
  return context
})

const execute = (context: HostedRun.Context, run = spec) =>
  Effect.flatMap(HostedRun.make(run), (hosted) => HostedRun.execute(context, hosted, {}))

const unavailable = new ClusterError({ reason: new PoolUnavailable({ pool: "p", detail: "no space left on device" }) })

/** Fails a number of times before it does what it should. */
const failing = <Args extends ReadonlyArray<unknown>, A>(
  times: number,
  statement: (...args: Args) => Effect.Effect<A, ClusterError>
) => {
  const left = { times }
  return (...args: Args) => Effect.suspend(() => (left.times-- > 0 ? Effect.fail(unavailable) : statement(...args)))
}

const layers = Layer.merge(RunStore.layerMemory, JobModules.layer([JobModules.entry(job, "/steps.ts")]))

const message = <A, E extends { readonly message: string }, R>(effect: Effect.Effect<A, E, R>) =>
  Effect.map(Effect.flip(effect), (error) => error.message)

describe("a run on its host", () => {
  it.effect.each(["begin", "write", "end"] as const)(
    "waits for a database that refuses to %s it, and then ends as if nothing had happened",
    (statement) =>
      Effect.gen(function* () {
        const context = yield* makeContext((store) => ({ [statement]: failing(3, store[statement] as Store["begin"]) }))
        const running = yield* Effect.forkChild(execute(context), { startImmediately: true })
        yield* TestClock.adjust("1400 millis")
        assert.isUndefined(running.pollUnsafe())
        yield* TestClock.adjust("200 millis")
        assert.strictEqual(yield* Fiber.join(running), "0")
        assert.deepInclude(yield* context.store.find(spec), { state: "done", output: "0", epoch: 1 })
      }).pipe(Effect.provide(layers))
  )

  it.effect("replies what another host has written, which has taken it over", () =>
    Effect.gen(function* () {
      const context = yield* makeContext((store) => ({
        write: Effect.fnUntraced(function* (lease, parts, units) {
          const other = yield* store.begin(spec)
          yield* store.end(other, { state: "done", output: "55" })
          return yield* store.write(lease, parts, units)
        })
      }))
      assert.strictEqual(yield* execute(context), "55")
    }).pipe(Effect.provide(layers))
  )

  it.effect("keeps the error of a job that the host has not, or of a wrong input", () =>
    Effect.gen(function* () {
      const context = yield* makeContext()
      const other = { ...spec, key: "other", job: { name: "steps", version: 2 } }
      const missing = "the host of the pool has steps 1, not steps 2; start hosts and workers with the same modules"
      assert.strictEqual(yield* message(execute(context, other)), missing)
      assert.strictEqual(yield* message(execute(context, other)), missing)
      const wrong = { ...spec, key: "wrong", input: "5" }
      assert.match(yield* message(execute(context, wrong)), /^the input does not fit the job steps 1: /)
      const status = yield* HostedRun.statusOf("other", yield* context.store.find(other))
      assert.deepInclude(status, { state: "failed", attempt: 2, error: missing })
    }).pipe(Effect.provide(layers))
  )

  it.effect("has a status before its host reads it, and after its end", () =>
    Effect.gen(function* () {
      const { store } = yield* makeContext()
      const status = Effect.flatMap(store.find(spec), (record) => HostedRun.statusOf("k", record))
      assert.deepInclude(yield* status, { state: "unknown", attempt: 1 })
      const lease = yield* store.begin(spec)
      yield* store.write(lease, ["{}"], { done: 3, total: 10, skipped: 1 })
      assert.deepInclude(yield* status, { state: "waiting", attempt: 1, done: 3, total: 10 })
      yield* store.end(lease, { state: "cancelled" })
      assert.deepInclude(yield* status, { state: "cancelled", attempt: 2, done: 3, total: 10, skipped: 1 })
      const second = yield* store.begin({ ...spec, attempt: 2 })
      yield* TestClock.adjust("3 seconds")
      yield* store.end(second, { state: "done", output: "1" })
      assert.deepInclude(yield* status, { state: "done", attempt: 2, elapsedMillis: 3_000 })
    }).pipe(Effect.provide(layers))
  )

  it.effect("has no output before the first checkpoint, and names a checkpoint that is damaged", () =>
    Effect.gen(function* () {
      const context = yield* makeContext()
      const output = HostedRun.partialOutput(context, spec)
      assert.deepStrictEqual(yield* output, { state: "unknown", done: 0 })
      const lease = yield* context.store.begin(spec)
      assert.deepStrictEqual(yield* output, { state: "running", done: 0 })
      yield* context.store.write(lease, ["x"], { done: 3, total: 10, skipped: 0 })
      assert.match(yield* message(output), /^run k of pool p: not a farm checkpoint/)
    }).pipe(Effect.provide(layers))
  )
})
