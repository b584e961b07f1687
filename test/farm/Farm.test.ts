import { assert, describe, it } from "@effect/vitest"
import * as Effect from "effect/Effect"
import * as Fiber from "effect/Fiber"
import * as Stream from "effect/Stream"
import type * as Tracer from "effect/Tracer"
import * as TestClock from "effect/testing/TestClock"
import * as Farm from "../../src/farm/Farm.ts"
import type { Checkpoint } from "../../src/farm/FarmCheckpoint.ts"
import type { Job } from "../../src/farm/Job.ts"
import type { Progress } from "../../src/farm/Progress.ts"
import * as Worker from "../../src/farm/Worker.ts"
import * as Observing from "../support/Observing.ts"
import { job, sum } from "./jobs/odd.ts"
import * as SimWorkers from "./SimWorkers.ts"

const units = ({ from, to }: { readonly from: number; readonly to: number }) => to - from

const pool = (...speeds: ReadonlyArray<number>) => SimWorkers.make(job, speeds, units)

/** Returns the message of the error with which an effect fails. */
const failure = <A>(effect: Effect.Effect<A, unknown>) =>
  Effect.map(Effect.flip(effect), (error) => (error as Error).message)

/** Runs an effect for at most an hour of virtual time. */
const withinHour = <A, E>(effect: Effect.Effect<A, E>) =>
  Effect.gen(function* () {
    const fiber = yield* Effect.forkChild(effect, { startImmediately: true })
    yield* TestClock.adjust("1 hour")
    return yield* Fiber.join(fiber)
  })

const asRange = (packet: unknown) => packet as { readonly from: number; readonly to: number }

describe("Farm", () => {
  it.effect("adapts the packet size to each worker's speed, and shrinks packets towards the end", () =>
    Effect.gen(function* () {
      const { sent, workers } = pool(0.1, 1)
      assert.strictEqual(yield* withinHour(Farm.run(job, { to: 100_000 }, { workers })), sum(100_000))
      const sizes = (worker: number) =>
        sent.filter((one) => one.worker === worker).map(({ packet }) => units(asRange(packet)))
      assert.deepStrictEqual(sizes(0).slice(0, 4), [1, 1, 16, 16])
      assert.strictEqual(Math.max(...sizes(0)), 1_000)
      assert.strictEqual(Math.max(...sizes(1)), 100)
      assert.isBelow(sizes(0).at(-1)!, 200)
      // Together the workers do 11 units in a millisecond.
      assert.isBelow(sent.at(-1)!.at, 9_200)
      assert.isBelow(sent.length, 250)
    })
  )

  it.effect("splits a short job into ten packets for each worker", () =>
    Effect.gen(function* () {
      const { sent, workers } = pool(1e-6, 1e-6)
      yield* withinHour(Farm.run(job, { to: 100_000 }, { workers }))
      assert.isAtLeast(sent.length, 20)
    })
  )

  it.effect("traces each attempt at a packet, also those that a worker loses", () =>
    Effect.gen(function* () {
      const { report, workers } = pool(1, Infinity)
      const run = Effect.gen(function* () {
        const running = yield* Farm.start(job, { to: 2_000 }, { workers, packetSize: 500, bufferSize: 2 })
        yield* TestClock.adjust("1 second")
        report(1, [{ _tag: "Gone", message: "killed" }])
        return yield* withinHour(running.output)
      })
      const [output, spans] = yield* Observing.withSpans(run)
      assert.strictEqual(output, sum(2_000))
      const packets = spans.filter(({ name }) => name === "Farm.packet")
      const outcomeOf = ({ status }: Tracer.Span) => (status._tag === "Ended" ? status.exit._tag : status._tag)
      const attempts = packets.map((span) => [span.attributes.get("worker"), outcomeOf(span)].join(" ")).toSorted()
      assert.deepStrictEqual([...new Set(attempts)], ["worker 0 Success", "worker 1 Failure"])
      assert.lengthOf(
        attempts.filter((attempt) => attempt.endsWith("Success")),
        4
      )
    })
  )

  it.effect("reports progress during the run and at its end", () =>
    Effect.gen(function* () {
      const { workers } = pool(1, 1, 2)
      const running = yield* Farm.start(job, { to: 10_000 }, { workers, packetSize: 10 })
      const stats: Array<Progress> = []
      yield* Effect.forkScoped(
        Stream.runForEach(running.statsEvery("1 second"), (one) => Effect.sync(() => stats.push(one)))
      )
      yield* TestClock.adjust("2 seconds")
      assert.deepStrictEqual(
        stats.map(({ elapsedMillis }) => elapsedMillis),
        [0, 1_000, 2_000]
      )
      const half = yield* running.stats
      assert.strictEqual(half.total, 10_000)
      assert.closeTo(half.done, 5_000, 40)
      assert.closeTo(half.unitsPerSecond, 2_500, 30)
      assert.closeTo(half.etaMillis!, 2_000, 40)
      assert.closeTo(half.efficiency, 1, 0.01)
      assert.deepStrictEqual(
        half.workers.map(({ name, share, state }) => [name, state, Math.round(share * 10)]),
        [
          ["worker 0", "ready", 4],
          ["worker 1", "ready", 4],
          ["worker 2", "ready", 2]
        ]
      )
      yield* TestClock.adjust("1 minute")
      assert.strictEqual(yield* running.output, sum(10_000))
      const end = yield* running.stats
      assert.strictEqual(end.done, 10_000)
      assert.strictEqual(end.etaMillis, 0)
      assert.isAtMost(end.elapsedMillis, 4_200)
    })
  )

  it.effect("emits the failed attempts and lost workers of a run, and of a stream", () =>
    Effect.gen(function* () {
      const collect = Effect.fnUntraced(function* (events: Stream.Stream<Farm.Event>) {
        const seen: Array<Farm.Event> = []
        yield* Effect.forkScoped(Stream.runForEach(events, (event) => Effect.sync(() => seen.push(event))))
        yield* TestClock.adjust(0)
        return seen
      })
      const attempt = { worker: "worker 0", kind: "Lost", message: "on fire" } as const
      const expected: ReadonlyArray<Farm.Event> = [
        { _tag: "WorkerLost", worker: "worker 0", message: "on fire" },
        { _tag: "AttemptFailed", id: 0, attempt },
        { _tag: "WorkerReady", worker: "worker 0" },
        { _tag: "WorkerGone", worker: "worker 1", message: "unplugged" }
      ]
      const fail = (report: SimWorkers.Pool["report"]) => {
        report(0, [{ _tag: "Lost", message: "on fire" }, { _tag: "Ready" }])
        report(1, [{ _tag: "Gone", message: "unplugged", running: [] }])
      }
      const one = pool(Number.POSITIVE_INFINITY, Number.POSITIVE_INFINITY)
      const seenByRun = yield* collect((yield* Farm.start(job, { to: 1_000 }, one)).events)
      fail(one.report)
      const two = pool(Number.POSITIVE_INFINITY, Number.POSITIVE_INFINITY)
      const seenByStream = yield* collect((yield* Farm.startStream(job, { to: 1_000 }, two)).events)
      fail(two.report)
      yield* TestClock.adjust(0)
      assert.deepStrictEqual(seenByRun, expected)
      assert.deepStrictEqual(seenByStream, expected)
    })
  )

  it.effect("saves the checkpoint of a started run until its scope closes, also if nobody waits for its output", () =>
    Effect.gen(function* () {
      const texts: Array<string> = []
      const checkpoint: Checkpoint = {
        ...{ path: "memory", read: Effect.undefined, remove: Effect.void },
        write: (text) => Effect.sync(() => void texts.push(text))
      }
      const { workers } = pool(1)
      yield* Effect.scoped(
        Effect.gen(function* () {
          yield* Farm.start(job, { to: 10_000 }, { workers, checkpoint, checkpointInterval: "1 second" })
          yield* TestClock.adjust("1500 millis")
          assert.lengthOf(texts, 2)
        })
      )
      assert.lengthOf(texts, 3)
    })
  )

  it.effect("stops splitting an endless source while the consumer does not read", () =>
    Effect.gen(function* () {
      const { sent, workers } = pool(1, 1)
      const results = Farm.stream(job, {}, { workers, packetSize: 3, bufferSize: 10, ordered: true })
      yield* Effect.scoped(
        Effect.gen(function* () {
          const pull = yield* Stream.toPull(results)
          const first = yield* Effect.forkChild(pull, { startImmediately: true })
          yield* TestClock.adjust("10 seconds")
          assert.strictEqual(sent.length, 10)
          const [result] = yield* Fiber.join(first)
          assert.deepStrictEqual(result, { packet: { from: 0, to: 3 }, result: 3 })
          yield* pull
          yield* TestClock.adjust("10 seconds")
          assert.isAbove(sent.length, 10)
          assert.isAtMost(sent.length, 20)
        })
      )
    })
  )

  it.effect("streams in the order of the packets with `ordered`, and ends", () =>
    Effect.gen(function* () {
      const { workers } = pool(1, 0.1, 3)
      const results = Farm.stream(job, { to: 100 }, { workers, packetSize: 3, ordered: true })
      const packetResults = yield* withinHour(Stream.runCollect(results))
      assert.deepStrictEqual(
        packetResults.map(({ packet }) => packet.from),
        Array.from({ length: 34 }, (_, index) => 3 * index)
      )
    })
  )

  it.effect("reassigns a packet after its lease, and merges it once when both workers finish it", () =>
    Effect.gen(function* () {
      const { cancelled, sent, report, workers } = pool(1, Number.POSITIVE_INFINITY)
      const running = yield* Effect.forkChild(
        Farm.run(job, { to: 1_000 }, { workers, packetSize: 10, lease: "5 seconds" }),
        {
          startImmediately: true
        }
      )
      const held = sent.filter(({ worker }) => worker === 1)
      assert.strictEqual(held.length, 2)
      yield* TestClock.adjust("800 millis")
      report(1, [{ _tag: "Done", id: held[0]!.id, result: asRange(held[0]!.packet).from * 10 + 45, millis: 800 }])
      report(1, [{ _tag: "Done", id: held[0]!.id, result: 1e9, millis: 800 }])
      yield* TestClock.adjust("1 hour")
      assert.strictEqual(yield* Fiber.join(running), sum(1_000))
      assert.include(cancelled, held[1]!.id)
    })
  )

  it.effect("fails with the cause of each worker when the last one is gone", () =>
    Effect.gen(function* () {
      const { report, workers } = pool(1, 1)
      const running = yield* Effect.forkChild(Effect.flip(Farm.run(job, { to: 1_000 }, { workers })), {
        startImmediately: true
      })
      report(0, [{ _tag: "Gone", message: "unplugged" }])
      report(1, [{ _tag: "Gone", message: "on fire" }])
      const { message, reason } = yield* Fiber.join(running)
      assert.strictEqual(reason._tag, "NoWorkers")
      assert.strictEqual(message, "no worker is left: worker 0: unplugged; worker 1: on fire")
    })
  )

  it.effect("refuses invalid options with a one-line error", () =>
    Effect.gen(function* () {
      const { workers } = pool(1)
      const none = Farm.run(job, { to: 10 }, { workers: Effect.succeed(Worker.pool([])) })
      assert.strictEqual(yield* failure(none), "no worker is left: none has joined")
      const verify = Farm.run(job, { to: 10 }, { workers, verify: 2 })
      assert.strictEqual(yield* failure(verify), "invalid verify 2: must be a fraction, 0 to 1")
      const timeout = Farm.run(job, { to: 10 }, { workers, timeout: 0 })
      assert.strictEqual(yield* failure(timeout), "invalid timeout 0 ms: must be more than 0")
      const invalid = Farm.run(job, { to: 10 }, { workers, maxAttempts: 0 })
      assert.strictEqual(yield* failure(invalid), "invalid maxAttempts 0: must be a whole number, at least 1")
      const other = Farm.run({ ...job, version: 2 }, { to: 10 }, { workers })
      assert.strictEqual(
        yield* failure(other),
        "wrong job on worker 0: it has odd 1, not odd 2; load the same module on both sides"
      )
    })
  )

  it.effect("fails with a typed error when a function of the job throws", () =>
    Effect.gen(function* () {
      const oops = (): never => {
        throw new TypeError("oops")
      }
      const ways: ReadonlyArray<readonly [Partial<typeof job>, string]> = [
        [{ split: oops }, "cannot split off packet 0: TypeError: oops"],
        [{ split: () => ({ total: 3, next: oops }) }, "cannot split off packet 0: TypeError: oops"],
        [{ merge: oops }, 'cannot merge the result of packet 0 {"from":0,"to":1}: TypeError: oops']
      ]
      for (const [part, message] of ways) {
        const broken: Job<{ readonly to?: number }, { readonly from: number; readonly to: number }, number, number> = {
          ...job,
          ...part
        }
        assert.strictEqual(yield* withinHour(failure(Farm.run(broken, { to: 3 }, pool(1)))), message)
      }
    })
  )

  it.effect("runs on combined pools with more workers than packets, and without any packet", () =>
    Effect.gen(function* () {
      const workers = pool(1, 1, 1).workers.pipe(Worker.concat(pool(2, 2).workers))
      assert.strictEqual(yield* withinHour(Farm.run(job, { to: 2 }, { workers })), 1)
      assert.strictEqual(yield* withinHour(Farm.run(job, { to: 0 }, { workers })), 0)
      assert.deepStrictEqual(yield* withinHour(Stream.runCollect(Farm.stream(job, { to: 0 }, { workers }))), [])
    })
  )
})
