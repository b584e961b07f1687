import { assert, describe, it } from "@effect/vitest"
import * as Clock from "effect/Clock"
import * as Effect from "effect/Effect"
import { constVoid } from "effect/Function"
import * as Schema from "effect/Schema"
import * as Stream from "effect/Stream"
import * as Farm from "../../src/farm/Farm.ts"
import * as Job from "../../src/farm/Job.ts"
import * as Worker from "../../src/farm/Worker.ts"
import * as BusyClock from "../support/time/BusyClock.ts"

const job = Job.make({
  ...{ name: "one", version: 1, packet: Schema.Number, result: Schema.Number },
  split: (count: number) => Array.from({ length: count }, (_, index) => index),
  work: (packet) => packet,
  empty: 0,
  merge: (sum: number) => sum + 1
})

/** Starts a run of one packet on a worker, which reports what the test says. */
const setUp = Effect.fnUntraced(function* (settings: Farm.RunSettings) {
  const { clock, jump } = yield* BusyClock.make
  let report: (reports: ReadonlyArray<Worker.Report>) => void = constVoid
  const worker: Worker.Worker = {
    ...{
      name: "worker",
      job,
      capacity: 1,
      latencyMillis: 0,
      reportsEachBegin: true,
      run: constVoid,
      cancel: constVoid
    },
    attach: (listener) =>
      Effect.sync(() => {
        report = listener
      })
  }
  const workers = Effect.succeed(Worker.pool([worker]))
  const running = yield* Effect.provideService(Farm.start(job, 1, { ...settings, workers }), Clock.Clock, clock)
  const events: Array<string> = []
  yield* Effect.forkScoped(
    Stream.runForEach(running.events, (event) => Effect.sync(() => events.push(event._tag))),
    { startImmediately: true }
  )
  yield* jump(50)
  return { events, jump, running, report: (one: Worker.Report) => report([one]) }
})

const working = { _tag: "Working", id: 0 } as const

describe("A farm whose process was busy", () => {
  it.effect("does not count this time as silence of a worker, whose reports it has not read", () =>
    Effect.gen(function* () {
      const { events, jump, report, running } = yield* setUp({ lease: "1 second", maxAttempts: 1 })
      report(working)
      for (let count = 0; count < 10; count++) {
        yield* jump(60_000)
        report(working)
      }
      report({ _tag: "Done", id: 0, result: 0, millis: 600_000 })
      assert.strictEqual(yield* running.output, 1)
      assert.deepStrictEqual(events, [])
    })
  )

  it.effect("does not count it as time of the work on a packet", () =>
    Effect.gen(function* () {
      const { events, jump, report, running } = yield* setUp({ timeout: "2 seconds", maxAttempts: 1 })
      report(working)
      yield* jump(60_000)
      report({ _tag: "Done", id: 0, result: 0, millis: 60_000 })
      assert.strictEqual(yield* running.output, 1)
      assert.deepStrictEqual(events, [])
    })
  )

  it.effect("finds a worker that is silent, although each tick is late", () =>
    Effect.gen(function* () {
      const { events, jump, report } = yield* setUp({ lease: "2 seconds", maxAttempts: 2 })
      report(working)
      for (let count = 0; count < 4; count++) {
        assert.deepStrictEqual(events, [])
        yield* jump(60_000)
      }
      assert.deepStrictEqual(events, ["LeaseExpired", "AttemptFailed"])
    })
  )
})
