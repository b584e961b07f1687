import { assert, describe, it } from "@effect/vitest"
import * as Effect from "effect/Effect"
import * as Queue from "effect/Queue"
import * as Stream from "effect/Stream"
import * as TestClock from "effect/testing/TestClock"
import type { Notice } from "../../src/farm/dispatcher/DispatcherEvent.ts"
import * as FarmRun from "../../src/farm/FarmRun.ts"
import * as PacketSource from "../../src/farm/PacketSource.ts"
import type * as Worker from "../../src/farm/Worker.ts"
import { type Input, job, sum } from "./jobs/odd.ts"
import * as SimWorkers from "./SimWorkers.ts"

type Packet = Parameters<typeof job.work>[0]
type Plan = FarmRun.Plan<Packet, number>

const units = ({ from, to }: { readonly from: number; readonly to: number }) => to - from

/** Begins a run of packets of ten units, and shows its results and events. */
const begin = Effect.fnUntraced(function* (input: Input, pool: Worker.WorkerPool, changes: Partial<Plan> = {}) {
  const results: Array<number> = []
  const run = yield* FarmRun.begin<Packet, number>({
    ...{ work: job, source: yield* PacketSource.make(job.split(input), 1), pool, settings: { packetSize: 10 } },
    ...{ splitUnits: 0, restored: [], holdUntilConsumed: false, keepsUnconsumed: false },
    sink: (_, result) => void results.push(result),
    onSkipped: () => assert.fail("a packet is skipped"),
    ...changes
  })
  const events: Array<Notice> = []
  yield* Effect.forkScoped(
    Stream.runForEach(run.events, (event) => Effect.sync(() => void events.push(event))),
    { startImmediately: true }
  )
  return { ...run, results, events }
})

const total = (results: ReadonlyArray<number>) => results.reduce((all, one) => all + one, 0)

/** A worker that a test speaks for. */
const manual = (name: string) => {
  const received: Array<number> = []
  const cancelled: Array<number> = []
  let send: (reports: ReadonlyArray<Worker.Report>) => void = () => assert.fail(`${name} has no part in a run`)
  const make = (onAttach: ReadonlyArray<Worker.Report> = []): Worker.Worker => ({
    ...{ name, job, capacity: 2, latencyMillis: 0 },
    attach: (report) =>
      Effect.sync(() => {
        send = report
        if (onAttach.length > 0) report(onAttach)
      }),
    run: (tasks) => void received.push(...tasks.map(({ id }) => id)),
    cancel: (ids) => void cancelled.push(...ids)
  })
  return { make, received, cancelled, report: (...reports: ReadonlyArray<Worker.Report>) => send(reports) }
}

const fixed = (...workers: ReadonlyArray<Worker.Worker>): Worker.WorkerPool => ({ workers, joining: Stream.empty })

const done = (id: number, result: unknown): Worker.Report => ({ _tag: "Done", id, result, millis: 1 })

describe("FarmRun", () => {
  it.effect("ends with the results of all packets; its time stops then", () =>
    Effect.gen(function* () {
      const pool = yield* SimWorkers.make(job, [1, 2], units).workers
      const { ended, results, stats } = yield* begin({ to: 100 }, pool)
      yield* TestClock.adjust("1 minute")
      yield* ended
      assert.strictEqual(total(results), sum(100))
      const { done, elapsedMillis } = yield* stats
      assert.strictEqual(done, 100)
      yield* TestClock.adjust("1 hour")
      assert.strictEqual((yield* stats).elapsedMillis, elapsedMillis)
    })
  )

  it.effect("assigns no packet before all workers of the start have a part, and hears what they say meanwhile", () =>
    Effect.gen(function* () {
      const [lost, well] = [manual("lost"), manual("well")]
      const pool = fixed(lost.make([{ _tag: "Lost", message: "it starts" }]), well.make())
      const { events } = yield* begin({ to: 40 }, pool)
      assert.deepStrictEqual([lost.received, well.received], [[], [0, 1]])
      lost.report({ _tag: "Ready" })
      assert.deepStrictEqual(lost.received, [2, 3])
      yield* TestClock.adjust(1)
      assert.deepStrictEqual(
        events.map(({ _tag }) => _tag),
        ["WorkerReady"]
      )
    })
  )

  it.effect("hears what a worker that joins says before it has a part", () =>
    Effect.gen(function* () {
      const joining = yield* Queue.unbounded<Worker.Worker>()
      const late = manual("late")
      const pool = { workers: [], joining: Stream.fromQueue(joining) }
      yield* begin({ to: 20 }, pool)
      yield* Queue.offer(joining, late.make([{ _tag: "Lost", message: "it starts" }]))
      yield* TestClock.adjust("1 second")
      assert.deepStrictEqual(late.received, [])
      late.report({ _tag: "Ready" })
      assert.deepStrictEqual(late.received, [0, 1])
    })
  )

  it.effect("fails a result that does not fit its schema, and reads none of a packet that is merged already", () =>
    Effect.gen(function* () {
      const one = manual("one")
      const { ended, events, results } = yield* begin({ to: 20 }, fixed(one.make()))
      one.report(done(0, 45), done(0, "garbage"), done(7, "garbage"))
      yield* TestClock.adjust(1)
      assert.deepStrictEqual([results, events], [[45], []])
      one.report(done(1, "a lie"))
      yield* TestClock.adjust(1)
      const [failed] = events
      if (failed?._tag !== "AttemptFailed") return assert.fail(failed?._tag)
      assert.deepInclude({ id: failed.id, ...failed.attempt }, { id: 1, kind: "InvalidResult" })
      assert.match(failed.attempt.message, /^the result does not fit its schema: /)
      assert.deepStrictEqual(one.received, [0, 1, 1])
      one.report(done(1, 145))
      yield* ended
      assert.strictEqual(total(results), sum(20))
    })
  )

  it.effect("cancels the packets that are dropped, and waits for no result of them", () =>
    Effect.gen(function* () {
      const one = manual("one")
      const { drop, ended, results } = yield* begin({ to: 30 }, fixed(one.make()))
      drop(({ packet }) => packet.from === 10)
      assert.deepStrictEqual(one.cancelled, [1])
      one.report(done(0, 1), { _tag: "Stopped", id: 1 }, done(2, 3))
      one.report(done(2, 3))
      yield* ended
      assert.deepStrictEqual(results, [1, 3])
    })
  )

  it.effect("returns the packets that are not consumed, which a later run begins with", () =>
    Effect.gen(function* () {
      const one = manual("one")
      const plan = { holdUntilConsumed: true, keepsUnconsumed: true } as const
      const settings = { packetSize: 10, bufferSize: 3 }
      const { consumed, results, unmerged } = yield* begin({ to: 100 }, fixed(one.make()), { ...plan, settings })
      one.report(done(0, 1), done(1, 2))
      assert.deepStrictEqual(results, [1, 2])
      const fromOf = (state: ReturnType<typeof unmerged>) => state?.unfinished.map(({ packet }) => packet.packet.from)
      assert.strictEqual(unmerged()?.splitUnits, 30)
      assert.deepStrictEqual(fromOf(unmerged()), [0, 10, 20])
      consumed(1)
      assert.deepStrictEqual(fromOf(unmerged()), [10, 20, 30])
      const { splitUnits, unfinished } = unmerged()!
      const source = yield* PacketSource.make(job.split({ to: 100 }), 1)
      assert.strictEqual(yield* source.skip(splitUnits), splitUnits)
      const pool = yield* SimWorkers.make(job, [1], units).workers
      const again = yield* begin({ to: 100 }, pool, { source, splitUnits, restored: unfinished })
      yield* TestClock.adjust("1 minute")
      yield* again.ended
      assert.strictEqual(total(again.results), sum(100) - sum(10))
      assert.deepInclude(again.unmerged(), { splitUnits: 100, unfinished: [] })
      const { done: doneUnits, resumed } = { resumed: splitUnits - 30, ...(yield* again.stats) }
      assert.strictEqual(doneUnits, 100)
      assert.strictEqual(resumed, 10)
    })
  )

  it.effect("fails when a result cannot be merged, and has no state to continue from", () =>
    Effect.gen(function* () {
      const one = manual("one")
      const sink = () => {
        throw new Error("full")
      }
      const { ended, unmerged } = yield* begin({ to: 20 }, fixed(one.make()), { sink })
      assert.isDefined(unmerged())
      one.report(done(0, 45))
      const { reason } = yield* Effect.flip(ended)
      assert.deepInclude(reason, { _tag: "MergeFailed", id: 0 })
      assert.isUndefined(unmerged())
      // The run is over.
      one.report(done(1, 145))
      assert.deepStrictEqual(one.received, [0, 1])
    })
  )

  it.effect("detaches a worker that is gone at once, but after its report", () =>
    Effect.gen(function* () {
      const steps: Array<string> = []
      let send: (reports: ReadonlyArray<Worker.Report>) => void = () => {}
      const leaving: Worker.Worker = {
        ...{ name: "leaving", job, capacity: 1, latencyMillis: 0 },
        attach: (report) => {
          send = report
          return Effect.addFinalizer(() => Effect.sync(() => void steps.push("detached")))
        },
        run: () => {},
        cancel: () => {}
      }
      const one = manual("one")
      yield* begin({ to: 100 }, fixed(leaving, one.make()))
      send([{ _tag: "Gone", message: "off" }])
      steps.push("reported")
      yield* TestClock.adjust(1)
      assert.deepStrictEqual(steps, ["reported", "detached"])
      one.report(done(1, 1))
      assert.include(one.received, 0)
    })
  )

  it.effect("cancels what runs when its scope closes, before any worker is detached", () =>
    Effect.gen(function* () {
      const steps: Array<string> = []
      const makeOne = (name: string): Worker.Worker => ({
        ...{ name, job, capacity: 1, latencyMillis: 0 },
        attach: () => Effect.addFinalizer(() => Effect.sync(() => void steps.push(`${name} detached`))),
        run: () => {},
        cancel: (ids) => void steps.push(`${name} cancels ${ids.join()}`)
      })
      yield* Effect.scoped(begin({ to: 100 }, fixed(makeOne("one"), makeOne("two"))))
      assert.deepStrictEqual(steps.slice(0, 2), ["one cancels 0", "two cancels 1"])
      assert.sameMembers(steps.slice(2), ["one detached", "two detached"])
    })
  )
})
