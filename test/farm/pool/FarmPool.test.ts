import { assert, describe, it } from "@effect/vitest"
import type * as Cause from "effect/Cause"
import * as Effect from "effect/Effect"
import * as Exit from "effect/Exit"
import * as Fiber from "effect/Fiber"
import * as FiberSet from "effect/FiberSet"
import { constVoid } from "effect/Function"
import * as Queue from "effect/Queue"
import * as Schema from "effect/Schema"
import * as Stream from "effect/Stream"
import * as TestClock from "effect/testing/TestClock"
import * as Job from "../../../src/farm/Job.ts"
import * as FarmPool from "../../../src/farm/pool/FarmPool.ts"
import * as Worker from "../../../src/farm/Worker.ts"
import * as SimWorkers from "../SimWorkers.ts"

/** A packet takes as many milliseconds as its number says. */
const job = Job.make({
  ...{ name: "naps", version: 1, packet: Schema.Number, result: Schema.Number },
  split: (packets: ReadonlyArray<number>) => packets,
  work: (millis: number) => {
    if (millis < 0) throw new RangeError("no time")
    return millis
  },
  empty: 0,
  merge: (sum: number, part: number) => sum + part
})

const naps = (count: number, millis: number) => Array.from({ length: count }, () => millis)

const sim = (count: number) =>
  SimWorkers.make(
    job,
    Array.from({ length: count }, () => 1),
    Math.abs
  )

/** Makes a worker that a negative packet kills, and that is back after a second, with the packets that killed it. */
const mortal = Effect.gen(function* () {
  const fork = yield* FiberSet.makeRuntime<never>()
  const killers: Array<unknown> = []
  const queue: Array<Worker.Task> = []
  let isRunning = false
  let listener: (reports: ReadonlyArray<Worker.Report>) => void = constVoid
  const work = Effect.gen(function* () {
    for (let task = queue[0]; task !== undefined; task = queue[0]) {
      const { id, packet } = task
      const millis = Number(packet)
      yield* Effect.sleep(millis < 0 ? 1 : millis)
      queue.shift()
      if (millis >= 0) {
        listener([{ _tag: "Done", id, result: millis, millis }])
        continue
      }
      queue.length = 0
      killers.push(packet)
      listener([{ _tag: "Lost", message: "exited", running: [id] }])
      yield* Effect.sleep("1 second")
      listener([{ _tag: "Ready" }])
    }
    isRunning = false
  })
  const worker: Worker.Worker = {
    ...{ name: "mortal", job, capacity: 4, latencyMillis: 0, reportsEachBegin: true, cancel: constVoid },
    attach: (report) =>
      Effect.sync(() => {
        listener = report
      }),
    run: (tasks) => {
      queue.push(...tasks)
      if (isRunning) return
      isRunning = true
      fork(work)
    }
  }
  return { killers, workers: Effect.succeed(Worker.pool([worker])) }
})

describe("FarmPool", () => {
  it.effect("works on several runs at once, fairly, and on one with a higher priority more", () =>
    Effect.gen(function* () {
      const pool = yield* FarmPool.make({ workers: sim(2).workers })
      const start = (packets: ReadonlyArray<number>, priority?: number) => pool.start(job, packets, { priority })
      const many = yield* start(naps(1_000, 10))
      const long = yield* start(naps(100, 100))
      const urgent = yield* start(naps(1_000, 10), 2)
      yield* TestClock.adjust("4 seconds")
      const [one, two, three] = yield* Effect.all([many.stats, long.stats, urgent.stats])
      const millis = { many: one.packets * 10, long: two.packets * 100, urgent: three.packets * 10 }
      assert.approximately(millis.many, 2_000, 400, JSON.stringify(millis))
      assert.approximately(millis.long, 2_000, 400, JSON.stringify(millis))
      assert.approximately(millis.urgent, 4_000, 400, JSON.stringify(millis))
      assert.strictEqual((yield* pool.stats).runs, 3)
      yield* TestClock.adjust("1 minute")
      assert.deepStrictEqual(yield* Effect.all([many.output, long.output, urgent.output]), [10_000, 10_000, 10_000])
    })
  )

  it.effect("lets a short run pass a long one, and the long one go on", () =>
    Effect.gen(function* () {
      const pool = yield* FarmPool.make({ workers: sim(1).workers })
      const long = yield* Effect.forkChild(pool.run(job, naps(1_000, 50)), { startImmediately: true })
      yield* TestClock.adjust("1 second")
      const short = yield* Effect.forkChild(pool.run(job, naps(2, 50)), { startImmediately: true })
      yield* TestClock.adjust("500 millis")
      assert.strictEqual(yield* Fiber.join(short), 100)
      yield* Fiber.interrupt(long)
      const next = yield* Effect.forkChild(pool.run(job, naps(3, 10)), { startImmediately: true })
      yield* TestClock.adjust("1 second")
      assert.strictEqual(yield* Fiber.join(next), 30)
    })
  )

  it.effect("works on single packets, and fails those that cannot be done without an effect on others", () =>
    Effect.gen(function* () {
      const pool = yield* FarmPool.make({ workers: sim(2).workers })
      const results = yield* Effect.forkChild(
        Effect.all(
          [1, 2, Number("3")].map((millis) => pool.runPacket(job, millis)),
          { concurrency: "unbounded" }
        ),
        { startImmediately: true }
      )
      yield* TestClock.adjust("1 second")
      assert.deepStrictEqual(yield* Fiber.join(results), [1, 2, 3])
      const { reason } = yield* Effect.flip(pool.runPacket(job, "7" as unknown as number))
      assert.strictEqual(reason._tag, "SplitFailed")
      const after = yield* Effect.forkChild(pool.runPacket(job, 5), { startImmediately: true })
      yield* TestClock.adjust("1 second")
      assert.strictEqual(yield* Fiber.join(after), 5)
    })
  )

  it.effect("stops the work on a packet that nobody waits for", () =>
    Effect.gen(function* () {
      const { cancelled, workers } = sim(1)
      const pool = yield* FarmPool.make({ workers })
      const run = () => Effect.forkChild(pool.runPacket(job, 60_000), { startImmediately: true })
      const waiting = yield* Effect.all(Array.from({ length: 9 }, run))
      yield* TestClock.adjust("1 second")
      const { queued, workers: states } = yield* pool.stats
      assert.strictEqual(queued + states[0]!.assigned + states[0]!.waiting, 9)
      assert.isAbove(queued, 0)
      yield* Fiber.interruptAll(waiting)
      assert.strictEqual((yield* pool.stats).queued, 0)
      assert.isAbove(cancelled.length, 0)
    })
  )

  it.effect("works on a run that kills no worker before it tries the packets again that have killed one", () =>
    Effect.gen(function* () {
      const { killers: deaths, workers } = yield* mortal
      const pool = yield* FarmPool.make({ workers })
      const start = (packets: ReadonlyArray<number>) =>
        Effect.forkChild(Effect.exit(pool.run(job, packets)), { startImmediately: true })
      const killers = yield* Effect.forEach(Array.from({ length: 5 }), () => start([-1]))
      let deathsBefore = Number.POSITIVE_INFINITY
      const normal = yield* Effect.forkChild(
        Effect.tap(pool.run(job, naps(100, 10)), () =>
          Effect.sync(() => {
            deathsBefore = deaths.length
          })
        ),
        { startImmediately: true }
      )
      yield* TestClock.adjust("30 seconds")
      for (const fiber of killers) assert.isTrue(Exit.isFailure(yield* Fiber.join(fiber)))
      assert.strictEqual(yield* Fiber.join(normal), 1_000)
      assert.strictEqual(deaths.length, 15)
      assert.strictEqual(deathsBefore, 5)
    })
  )

  it.effect("reports lost workers to every run, and fails them once none is left", () =>
    Effect.gen(function* () {
      const { report, workers } = sim(2)
      const pool = yield* FarmPool.make({ workers })
      const events: Array<string> = []
      yield* Effect.forkScoped(
        Stream.runForEach(pool.events, ({ _tag, worker }) => Effect.sync(() => events.push(`${_tag} ${worker}`)))
      )
      const one = yield* Effect.forkChild(Effect.flip(pool.run(job, naps(100, 100))), { startImmediately: true })
      const two = yield* Effect.forkChild(Effect.flip(pool.run(job, naps(100, 100))), { startImmediately: true })
      yield* TestClock.adjust("500 millis")
      report(0, [{ _tag: "Gone", message: "unplugged" }])
      yield* TestClock.adjust("500 millis")
      report(1, [{ _tag: "Gone", message: "on fire" }])
      for (const fiber of [one, two]) {
        const { message } = yield* Fiber.join(fiber)
        assert.strictEqual(message, "no worker is left: worker 0: unplugged; worker 1: on fire")
      }
      yield* TestClock.adjust(0)
      assert.deepStrictEqual(events, ["WorkerGone worker 0", "WorkerGone worker 1"])
      const { reason } = yield* Effect.flip(pool.run(job, naps(1, 1)))
      assert.strictEqual(reason._tag, "NoWorkers")
    })
  )

  it.effect("fails single packets once no worker is left, and keeps no run that could not start", () =>
    Effect.gen(function* () {
      const { report, workers } = sim(1)
      const pool = yield* FarmPool.make({ workers })
      const reasonOf = (work: typeof job) => Effect.map(Effect.flip(pool.runPacket(work, 50)), ({ reason }) => reason)
      assert.strictEqual((yield* reasonOf({ ...job, version: 2 }))._tag, "WrongJob")
      assert.strictEqual((yield* pool.stats).runs, 0)
      const waiting = yield* Effect.forkChild(reasonOf(job), { startImmediately: true })
      yield* TestClock.adjust(10)
      assert.strictEqual((yield* pool.stats).runs, 1)
      report(0, [{ _tag: "Gone", message: "unplugged" }])
      yield* TestClock.adjust(10)
      assert.strictEqual((yield* Fiber.join(waiting))._tag, "NoWorkers")
      assert.strictEqual((yield* reasonOf(job))._tag, "NoWorkers")
      yield* TestClock.adjust(10)
      assert.strictEqual((yield* pool.stats).runs, 0)
    })
  )

  it.effect("gives the workers that join to every run", () =>
    Effect.gen(function* () {
      const joining = yield* Queue.unbounded<Worker.Worker, Cause.Done>()
      const late = yield* sim(1).workers
      const pool = yield* FarmPool.make({
        workers: Effect.succeed({ workers: [], joining: Stream.fromQueue(joining) })
      })
      const one = yield* Effect.forkChild(pool.run(job, naps(3, 10)), { startImmediately: true })
      yield* TestClock.adjust("1 second")
      yield* Queue.offer(joining, late.workers[0]!)
      yield* TestClock.adjust("1 second")
      assert.strictEqual(yield* Fiber.join(one), 30)
      const two = yield* Effect.forkChild(pool.run(job, naps(2, 10)), { startImmediately: true })
      yield* TestClock.adjust("1 second")
      assert.strictEqual(yield* Fiber.join(two), 20)
    })
  )

  it.effect("keeps the newest workers that are gone, detaches all, and goes on", () =>
    Effect.gen(function* () {
      const joining = yield* Queue.unbounded<Worker.Worker, Cause.Done>()
      const pool = yield* FarmPool.make({
        workers: Effect.succeed({ workers: [], joining: Stream.fromQueue(joining) })
      })
      const running = yield* pool.start(job, naps(3, 10))
      let attached = 0
      for (let count = 0; count < 1_000; count++) {
        yield* Queue.offer(joining, {
          ...{ name: `passing ${count}`, job, capacity: 1, latencyMillis: 0, run: constVoid, cancel: constVoid },
          attach: (report) =>
            Effect.acquireRelease(
              Effect.sync(() => {
                attached++
                // After the pool has added the worker.
                queueMicrotask(() => report([{ _tag: "Gone", message: "it left" }]))
              }),
              () => Effect.sync(() => attached--)
            )
        })
      }
      yield* TestClock.adjust("1 second")
      assert.strictEqual(attached, 0)
      assert.lengthOf((yield* pool.stats).workers, 100)
      assert.lengthOf((yield* running.stats).workers, 100)
      yield* Queue.offer(joining, (yield* sim(1).workers).workers[0]!)
      yield* TestClock.adjust("1 second")
      assert.strictEqual(yield* running.output, 30)
      const next = yield* pool.start(job, naps(2, 10))
      yield* TestClock.adjust("1 second")
      assert.strictEqual(yield* next.output, 20)
      // A run that begins later is not told of those that were gone before.
      assert.lengthOf((yield* next.stats).workers, 1)
    })
  )

  it.effect("refuses a priority that is not a positive number", () =>
    Effect.gen(function* () {
      const pool = yield* FarmPool.make({ workers: sim(1).workers })
      for (const priority of [0, -1, Number.NaN, Number.POSITIVE_INFINITY]) {
        const { message } = yield* Effect.flip(pool.run(job, [], { priority }))
        assert.strictEqual(message, `invalid priority ${priority}: must be a number over 0`)
      }
    })
  )
})
