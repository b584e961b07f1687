import { assert, describe, it } from "@effect/vitest"
import * as Effect from "effect/Effect"
import * as Logger from "effect/Logger"
import * as Schema from "effect/Schema"
import * as Stream from "effect/Stream"
import * as TestClock from "effect/testing/TestClock"
import type { Event } from "../../../src/farm/dispatcher/DispatcherEvent.ts"
import * as Farm from "../../../src/farm/Farm.ts"
import * as Job from "../../../src/farm/Job.ts"
import * as SimWorkers from "../SimWorkers.ts"
import { done, drive, tick, worker, working } from "./DispatcherDriver.ts"

const alive = (index = 0): Event<number> => ({ _tag: "Alive", worker: index })

const host = (name: string) => worker(name, { host: name, reportsEachBegin: true, capacity: 1 })

/** Reports every 500 ms until a time, and returns the notices of packets without an outcome, each with its time. */
const slowUntil = (
  { notices }: ReturnType<typeof drive>,
  until: number,
  ...events: ReadonlyArray<Event<number>>
): ReadonlyArray<string> => {
  const found: Array<string> = []
  for (let now = 500; now <= until; now += 500) {
    for (const notice of notices(now, ...events, tick)) {
      if (notice._tag !== "PacketSlow") continue
      found.push(`${now}: ${notice.id} ${notice.host} ${notice.hasBegun ? "begun" : "waiting"}`)
    }
  }
  return found
}

describe("a packet without an outcome", () => {
  it("is named with its host after ten leases, and again after twice the time, while the host works on it", () => {
    const dispatcher = drive({ workers: [host("one")] })
    dispatcher.step(0)
    assert.deepStrictEqual(slowUntil(dispatcher, 50_000, working(0)), [
      "10500: 0 one begun",
      "20500: 0 one begun",
      "40500: 0 one begun"
    ])
  })

  it("is named as well if its host only says that it is well", () => {
    const dispatcher = drive({ workers: [host("one")], timeoutMillis: 1_000 })
    dispatcher.step(0)
    assert.deepStrictEqual(slowUntil(dispatcher, 30_000, alive()), ["10000: 0 one waiting", "20000: 0 one waiting"])
  })

  it("is not named if a timeout ends the work on it, or if it waits while other workers end packets", () => {
    const limited = drive({ workers: [host("one")], timeoutMillis: 60_000 })
    limited.step(0)
    assert.deepStrictEqual(slowUntil(limited, 50_000, working(0)), [])
    const shared = drive({ workers: [host("one"), host("two")] }, 1_000)
    shared.step(0)
    let id = 1
    for (let now = 500; now < 50_000; now += 500) {
      const named = shared.notices(now, alive(0), done(id, 1), tick).filter(({ _tag }) => _tag === "PacketSlow")
      assert.deepStrictEqual(named, [])
      id = [...shared.state().workers.get(1)!.leases.entries.keys()][0]!
    }
  })

  it.effect("is logged, with its worker and what ends it", () =>
    Effect.gen(function* () {
      const job = Job.make({
        ...{ name: "waits", version: 1, packet: Schema.Number, result: Schema.Number },
        split: (count: number) => Array.from({ length: count }, (_, index) => index),
        work: (packet) => packet,
        empty: 0,
        merge: (sum: number) => sum + 1
      })
      const { report, workers } = SimWorkers.make(job, [1], () => Number.POSITIVE_INFINITY)
      const lines: Array<string> = []
      const logger = Logger.make(({ logLevel, message }) => void lines.push(`${logLevel}: ${message}`))
      const run = Effect.gen(function* () {
        const running = yield* Farm.start(job, 1, { workers, lease: "1 second" })
        const named: Array<string> = []
        const slow = Stream.filter(running.events, ({ _tag }) => _tag === "PacketSlow")
        yield* Effect.forkScoped(Stream.runForEach(slow, ({ _tag }) => Effect.sync(() => named.push(_tag))))
        for (let half = 0; half < 21; half++) {
          yield* TestClock.adjust("500 millis")
          report(0, [{ _tag: "Working", id: 0 }])
        }
        return named
      })
      assert.deepStrictEqual(yield* Effect.provide(run, Logger.layer([logger])), ["PacketSlow"])
      assert.deepStrictEqual(lines, [
        "Warn: worker 0: has worked on packet 0 for 10 s; a timeout of the run would end such work"
      ])
    })
  )
})
