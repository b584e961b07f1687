import { assert, describe, it } from "@effect/vitest"
import type * as Cause from "effect/Cause"
import * as Effect from "effect/Effect"
import * as Fiber from "effect/Fiber"
import * as Metric from "effect/Metric"
import * as Queue from "effect/Queue"
import * as Random from "effect/Random"
import * as Schedule from "effect/Schedule"
import * as Stream from "effect/Stream"
import * as TestClock from "effect/testing/TestClock"
import * as Farm from "../../src/farm/Farm.ts"
import * as Worker from "../../src/farm/Worker.ts"
import * as MemoryCheckpoint from "./checkpoint/MemoryCheckpoint.ts"
import { job, sum } from "./jobs/odd.ts"
import * as SimWorkers from "./SimWorkers.ts"

const units = ({ from, to }: { readonly from: number; readonly to: number }) => to - from

const pool = (...speeds: ReadonlyArray<number>) => SimWorkers.make(job, speeds, units)

/** Runs an effect for at most an hour of virtual time. */
const withinHour = <A, E>(effect: Effect.Effect<A, E>) =>
  Effect.gen(function* () {
    const fiber = yield* Effect.forkChild(effect, { startImmediately: true })
    yield* TestClock.adjust("1 hour")
    return yield* Fiber.join(fiber)
  })

describe("the options of a run", () => {
  it.effect("uses workers that join, does without those that leave, and rejects one that has another job", () =>
    Effect.gen(function* () {
      const joining = yield* Queue.unbounded<Worker.Worker, Cause.Done>()
      const [first, second, other] = [pool(1), pool(1), SimWorkers.make({ ...job, version: 2 }, [1], units)]
      const workerOf = ({ workers }: SimWorkers.Pool) => Effect.map(workers, (all) => all.workers[0]!)
      const workers = Effect.succeed({ workers: [], joining: Stream.fromQueue(joining) })
      const running = yield* Farm.start(job, { to: 1_000 }, { workers, packetSize: 10 })
      const events: Array<Farm.Event> = []
      yield* Effect.forkScoped(Stream.runForEach(running.events, (event) => Effect.sync(() => events.push(event))))
      yield* TestClock.adjust("10 seconds")
      yield* Queue.offer(joining, yield* workerOf(first))
      yield* Queue.offer(joining, yield* workerOf(other))
      yield* TestClock.adjust("500 millis")
      first.report(0, [{ _tag: "Gone", message: "unplugged", running: [] }])
      yield* TestClock.adjust("10 seconds")
      yield* Queue.offer(joining, yield* workerOf(second))
      yield* TestClock.adjust("1 minute")
      assert.strictEqual(yield* running.output, sum(1_000))
      assert.deepStrictEqual(
        events.map(({ _tag }) => _tag),
        ["WorkerJoined", "WorkerRejected", "WorkerGone", "WorkerJoined"]
      )
      const { efficiency, workers: parts } = yield* running.stats
      assert.deepStrictEqual(
        parts.map(({ state }) => state),
        ["gone", "ready"]
      )
      // The time before the second worker joined does not count against it.
      assert.isAbove(efficiency, 0.9)
    })
  )

  it.effect("skips packets that cannot be done, and collects them with their errors", () =>
    Effect.gen(function* () {
      const odd = { at: 42, does: "throw" as const }
      const { workers } = SimWorkers.make(job, [1, 1], units)
      const options = { workers, packetSize: 10, onPoison: "skip", maxAttempts: 2 } as const
      const running = yield* Farm.start(job, { to: 100, odd }, options)
      yield* TestClock.adjust("1 minute")
      assert.strictEqual(yield* running.output, sum(100) - 445)
      const [failure, ...others] = yield* running.failures
      assert.lengthOf(others, 0)
      assert.deepStrictEqual(failure?.packet, { from: 40, to: 50, odd })
      assert.deepStrictEqual(
        failure?.attempts.map(({ error, kind, message }) => [kind, message, error?.name]),
        Array.from({ length: 2 }, () => ["Threw", "no 42", "RangeError"])
      )
      assert.strictEqual((yield* running.stats).skipped, 1)
    })
  )

  it.effect("retries by a schedule, and not an error that the condition excludes", () =>
    Effect.gen(function* () {
      const odd = { at: 0, does: "throw" as const }
      const run = (retry: Farm.RetryOptions, maxAttempts: number) =>
        Effect.gen(function* () {
          const { sent, workers } = SimWorkers.make(job, [1], units)
          const options = { workers, packetSize: 1, retry, maxAttempts }
          const { reason } = yield* withinHour(Effect.flip(Farm.run(job, { to: 1, odd }, options)))
          assert.strictEqual(reason._tag, "PoisonPacket")
          const times = sent.map(({ at }) => at)
          return times.map((at) => Math.round((at - times[0]!) / 1_000))
        })
      const schedule = Schedule.exponential("10 seconds").pipe(Schedule.upTo({ times: 3 }))
      assert.deepStrictEqual(yield* run({ schedule }, 9), [0, 10, 30, 70])
      assert.deepStrictEqual(yield* run({ schedule }, 2), [0, 10])
      assert.deepStrictEqual(yield* run({ while: ({ name }) => name !== "RangeError" }, 9), [0])
    })
  )

  it.effect("does not fail a packet that takes many leases, unless it has a timeout", () =>
    Effect.gen(function* () {
      const run = (options: Partial<Farm.RunOptions>) => {
        const { workers } = SimWorkers.make(job, [100_000], units)
        return withinHour(Effect.result(Farm.run(job, { to: 1 }, { workers, lease: "5 seconds", ...options })))
      }
      const patient = yield* run({})
      assert.strictEqual(patient._tag, "Success")
      const hurried = yield* run({ timeout: "20 seconds", maxAttempts: 1 })
      if (hurried._tag === "Success" || hurried.failure.reason._tag !== "PoisonPacket") return assert.fail()
      assert.deepStrictEqual(hurried.failure.reason.attempts, [
        { worker: "worker 0", kind: "TimedOut", message: "not done within 20 s" }
      ])
    })
  )

  it.effect.each([0.05, 1e-9])("finds the host that lies, and does its packets again, with verify %s", (verify) =>
    Effect.gen(function* () {
      const work = (...args: Parameters<typeof job.work>) => Number(job.work(...args)) + 1
      const liar = SimWorkers.make({ ...job, work }, [1], units, "liar:1070")
      const good = SimWorkers.make(job, [1], units, "good:1071")
      const own = SimWorkers.make(job, [3], units)
      const workers = liar.workers.pipe(Worker.concat(good.workers), Worker.concat(own.workers))
      const running = yield* Farm.start(job, { to: 10_000 }, { workers, packetSize: 10, verify })
      const events: Array<Farm.Event> = []
      yield* Effect.forkScoped(Stream.runForEach(running.events, (event) => Effect.sync(() => events.push(event))))
      yield* TestClock.adjust("1 hour")
      assert.strictEqual(yield* running.output, sum(10_000))
      const [rejected, ...others] = events.filter(({ _tag }) => _tag === "HostRejected")
      assert.lengthOf(others, 0)
      if (rejected?._tag !== "HostRejected") return assert.fail()
      assert.strictEqual(rejected.host, "liar:1070")
      const { done, hosts } = yield* running.stats
      assert.strictEqual(done, 10_000)
      assert.deepStrictEqual(
        hosts.map(({ host, packets, ready }) => [host, packets > 0, ready]),
        [
          ["liar:1070", false, 0],
          ["good:1071", true, 1],
          [undefined, true, 1]
        ]
      )
    }).pipe(Random.withSeed("liar"))
  )

  it.effect("publishes metrics of a run", () =>
    Effect.gen(function* () {
      const run = Effect.scoped(
        Effect.gen(function* () {
          const running = yield* Farm.start(job, { to: 1_000 }, { workers: pool(1, 1).workers, packetSize: 10 })
          yield* TestClock.adjust("1 minute")
          yield* running.output
        })
      )
      const snapshot = yield* Effect.provideService(
        Effect.andThen(run, Metric.snapshot),
        Metric.MetricRegistry,
        new Map()
      )
      const stateOf = (name: string) => {
        const metric = snapshot.find(({ id }) => id === `effect_inet_farm_${name}`)
        assert.deepStrictEqual(metric?.attributes, { job: "odd" })
        return metric?.state
      }
      assert.deepInclude(stateOf("packets_total"), { count: 100 })
      assert.deepInclude(stateOf("workers"), { value: 2 })
      assert.deepInclude(stateOf("queue"), { value: 0 })
      const byHost = snapshot.filter(({ id }) => id.startsWith("effect_inet_farm_host_"))
      assert.deepStrictEqual(
        byHost.map(({ attributes }) => attributes),
        [
          { job: "odd", host: "" },
          { job: "odd", host: "" }
        ]
      )
    })
  )

  it.effect("continues a stream from its checkpoint, with the results that were not consumed", () =>
    Effect.gen(function* () {
      const { checkpoint, saved } = MemoryCheckpoint.make()
      const go = (count: number) => {
        const options = { workers: pool(1, 2).workers, checkpoint, packetSize: 10, ordered: true, bufferSize: 4 }
        const results = Stream.rechunk(Farm.stream(job, { to: 500 }, options), 1)
        return withinHour(Stream.runCollect(Stream.take(results, count)))
      }
      const first = yield* go(20)
      assert.isDefined(saved.text)
      const rest = yield* go(1_000)
      assert.isUndefined(saved.text)
      const seen = new Set([...first, ...rest].map(({ packet }) => packet.from))
      assert.strictEqual(seen.size, 50)
      // The results of the last chunk come again.
      assert.isBelow(first.length + rest.length, 55)
      const { message } = yield* Effect.flip(
        Effect.andThen(go(20), withinHour(Farm.run(job, { to: 500 }, { workers: pool(1).workers, checkpoint })))
      )
      assert.strictEqual(message, "memory: belongs to a stream, not a run; name another file")
    })
  )
})
