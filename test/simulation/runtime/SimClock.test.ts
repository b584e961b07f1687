import * as V8 from "node:v8"
import * as Vm from "node:vm"
import { assert, describe, it } from "@effect/vitest"
import * as Schema from "effect/Schema"
import * as SimClock from "../../../src/simulation/runtime/SimClock.ts"

const times = Schema.Array(
  Schema.Struct({ time: Schema.Int.check(Schema.isBetween({ minimum: 0, maximum: 50 })), isCancelled: Schema.Boolean })
)

V8.setFlagsFromString("--expose-gc")
const collect = Vm.runInNewContext("gc") as () => void

/** Upper bound of all times. */
const end = Number.POSITIVE_INFINITY

describe("SimClock", () => {
  it.prop(
    "executes events by time, then in the order of scheduling, except cancelled ones",
    { all: times },
    ({ all }) => {
      const clock = SimClock.make()
      const executed: Array<readonly [time: number, index: number]> = []
      const events = all.map(({ time }, index) => clock.schedule(time, () => executed.push([clock.now(), index])))
      for (const [index, { isCancelled }] of all.entries()) if (isCancelled) clock.cancel(events[index]!)
      assert.strictEqual(clock.advance(end), "idle")
      const expected = all
        .map(({ isCancelled, time }, index) => ({ isCancelled, time, index }))
        .filter(({ isCancelled }) => !isCancelled)
        .toSorted((a, b) => a.time - b.time)
        .map(({ index, time }) => [time, index] as const)
      assert.deepStrictEqual(executed, expected)
    }
  )

  it("executes an event at its own time after a cancelled one", () => {
    const clock = SimClock.make()
    const first = clock.schedule(10, () => {})
    const seen: Array<number> = []
    clock.schedule(10, () => seen.push(clock.now()))
    clock.cancel(first)
    clock.advance(end)
    assert.deepStrictEqual(seen, [10])
  })

  it("runs ready tasks after all events of one instant, before time advances", () => {
    const clock = SimClock.make()
    const log: Array<string> = []
    clock.schedule(5, () => {
      log.push("a")
      clock.queueTask(() => log.push(`c ${clock.now()}`))
    })
    clock.schedule(5, () => log.push("b"))
    clock.schedule(6, () => log.push("d"))
    clock.advance(end)
    assert.deepStrictEqual(log, ["a", "b", "c 5", "d"])
  })

  it("advance returns stopped, deadline or idle", () => {
    const clock = SimClock.make()
    let done = false
    clock.schedule(5, () => {
      done = true
    })
    clock.schedule(9, () => {})
    assert.strictEqual(
      clock.advance(end, () => done),
      "stopped"
    )
    assert.strictEqual(clock.now(), 5)
    assert.strictEqual(clock.advance(7), "deadline")
    assert.strictEqual(clock.now(), 7)
    assert.strictEqual(clock.advance(end), "idle")
    assert.strictEqual(clock.now(), 9)
  })

  it("executes an event in the past next, without going back in time", () => {
    const clock = SimClock.make()
    const seen: Array<number> = []
    clock.schedule(5, () => void clock.schedule(1, () => seen.push(clock.now())))
    clock.advance(end)
    assert.deepStrictEqual(seen, [5])
  })

  it("releases a million cancelled timers", async () => {
    const clock = SimClock.make()
    const seen: Array<number> = []
    for (let n = 0; n < 100; n++) clock.schedule(1_000 + n, () => seen.push(n))
    const refs: Array<WeakRef<object>> = []
    for (let n = 0; n < 1_000_000; n++) {
      const event = clock.schedule(1_000_000, () => {})
      if (n % 10_000 === 0) refs.push(new WeakRef(event))
      clock.cancel(event)
    }
    // A dereferenced `WeakRef` keeps its target until the current turn of the event loop ends.
    await new Promise((resolve) => setImmediate(resolve))
    collect()
    assert.isBelow(refs.filter((ref) => ref.deref() !== undefined).length, 5)
    clock.advance(end)
    assert.deepStrictEqual(
      seen,
      Array.from({ length: 100 }, (_, n) => n)
    )
    assert.strictEqual(clock.now(), 1_099)
  })

  it("advance throws if a task loops without waiting", () => {
    const clock = SimClock.make()
    const again = () => clock.queueTask(again)
    clock.queueTask(again)
    assert.throws(() => clock.advance(end), "virtual time stopped at 0 s")
  })
})
