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

/** No event is later. */
const end = Number.POSITIVE_INFINITY

describe("SimClock", () => {
  it.prop(
    "events happen at their time, by time and then in the order of planning; cancelled ones do not",
    { all: times },
    ({ all }) => {
      const clock = SimClock.make()
      const happened: Array<readonly [time: number, index: number]> = []
      const events = all.map(({ time }, index) => clock.schedule(time, () => happened.push([clock.now(), index])))
      for (const [index, { isCancelled }] of all.entries()) if (isCancelled) clock.cancel(events[index]!)
      assert.strictEqual(clock.advance(end), "idle")
      const expected = all
        .map(({ isCancelled, time }, index) => ({ isCancelled, time, index }))
        .filter(({ isCancelled }) => !isCancelled)
        .toSorted((a, b) => a.time - b.time)
        .map(({ index, time }) => [time, index] as const)
      assert.deepStrictEqual(happened, expected)
    }
  )

  it("an event that is cancelled draws no later one to its time", () => {
    const clock = SimClock.make()
    const first = clock.schedule(10, () => {})
    const seen: Array<number> = []
    clock.schedule(10, () => seen.push(clock.now()))
    clock.cancel(first)
    clock.advance(end)
    assert.deepStrictEqual(seen, [10])
  })

  it("what is ready runs before time passes, and after all that happens at one instant", () => {
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

  it("stops when asked, when its time is over, and when nothing is left", () => {
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

  it("an event in the past happens next, and time does not go back", () => {
    const clock = SimClock.make()
    const seen: Array<number> = []
    clock.schedule(5, () => void clock.schedule(1, () => seen.push(clock.now())))
    clock.advance(end)
    assert.deepStrictEqual(seen, [5])
  })

  it("a million cancelled timers are not kept", async () => {
    const clock = SimClock.make()
    const seen: Array<number> = []
    for (let n = 0; n < 100; n++) clock.schedule(1_000 + n, () => seen.push(n))
    const refs: Array<WeakRef<object>> = []
    for (let n = 0; n < 1_000_000; n++) {
      const event = clock.schedule(1_000_000, () => {})
      if (n % 10_000 === 0) refs.push(new WeakRef(event))
      clock.cancel(event)
    }
    // What was looked at by a weak reference is held until the turn is over.
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

  it("a fiber that never waits is told, instead of hanging the run", () => {
    const clock = SimClock.make()
    const again = () => clock.queueTask(again)
    clock.queueTask(again)
    assert.throws(() => clock.advance(end), "the program does not let time pass at 0 s")
  })
})
