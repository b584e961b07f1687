import { assert, describe, it } from "@effect/vitest"
import * as Arbitrary from "effect/Arbitrary"
import * as Schema from "effect/Schema"
import type { Event } from "../../../src/farm/dispatcher/DispatcherEvent.ts"
import { done, drive, stopped, threw, tick, worker, working } from "./DispatcherDriver.ts"

const Fate = Schema.Literals(["done", "dropped", "failed"])
type Fate = typeof Fate.Type

const within = (minimum: number, maximum: number) =>
  Arbitrary.schema(Schema.Int.check(Schema.isBetween({ minimum, maximum })))

/** Packets in the order in which they end, and how. */
const Fates = Arbitrary.map(
  Arbitrary.array(Arbitrary.schema(Schema.Struct({ fate: Fate, order: Schema.Int })), { minLength: 1, maxLength: 12 }),
  (all) => all.map((one, id) => ({ ...one, id })).toSorted((one, two) => one.order - two.order)
)

const eventOf = ({ fate, id }: { readonly id: number; readonly fate: Fate }): Event<number> =>
  fate === "done" ? done(id, id) : fate === "failed" ? threw(id, id) : { _tag: "Drop", id }

/** Drives packets of which each has a worker of its own, and fails at the first attempt. */
const driveAll = (packetCount: number, ordered: boolean) => {
  const workers = Array.from({ length: packetCount }, (_, index) => worker(`${index}`, { capacity: 1 }))
  return drive({ workers, ordered, skipsPoison: true, maxAttempts: 1, leaseMillis: 1e6 }, packetCount)
}

describe("the outcomes of packets", () => {
  it.prop("are merged in order, each as soon as all before it have ended", [Fates], ([fates]) => {
    const { state, step } = driveAll(fates.length, true)
    step(0)
    const ended = new Map<number, Fate>()
    const merged: Array<number> = []
    for (const [at, one] of fates.entries()) {
      ended.set(one.id, one.fate)
      for (const action of step(at + 1, eventOf(one))) if (action._tag === "Merge") merged.push(action.id)
      const due: Array<number> = []
      for (let id = 0; ended.has(id); id++) if (ended.get(id) === "done") due.push(id)
      assert.deepStrictEqual(merged, due)
    }
    step(100, ...fates.flatMap(({ fate, id }) => (fate === "dropped" ? [stopped(id, id)] : [])))
    const countOf = (fate: Fate) => fates.filter((one) => one.fate === fate).length
    const { droppedCount, end, mergedCount, skippedCount } = state()
    assert.deepStrictEqual(
      { droppedCount, mergedCount, skippedCount, end },
      {
        ...{ droppedCount: countOf("dropped"), mergedCount: fates.length, skippedCount: countOf("failed") },
        end: { _tag: "Finished" }
      }
    )
  })

  it.prop("are merged at once without an order", [Fates], ([fates]) => {
    const { step } = driveAll(fates.length, false)
    step(0)
    for (const [at, one] of fates.entries()) {
      const merged = step(at + 1, eventOf(one)).flatMap((action) => (action._tag === "Merge" ? [action.id] : []))
      assert.deepStrictEqual(merged, one.fate === "done" ? [one.id] : [])
    }
  })

  it.prop(
    "count against the bytes of the buffer until they are consumed, in the order of the merges",
    [Arbitrary.array(within(1, 50), { minLength: 1, maxLength: 10 }), within(0, 9)],
    ([sizes, place]) => {
      let split = 0
      const workers = sizes.map((_, index) => worker(`${index}`, { capacity: 1 }))
      const { state, step } = drive({
        ...{ workers, holdUntilConsumed: true, bufferBytes: 10_000, leaseMillis: 1e6 },
        nextPacket: () => {
          const bytes = sizes[split]
          return bytes === undefined ? "later" : { packet: split++, units: 1, bytes }
        }
      })
      step(0)
      const all = sizes.reduce((bytes, one) => bytes + one, 0)
      assert.strictEqual(state().bufferedBytes, all)
      const first = place % sizes.length
      step(1, done(first, first))
      assert.strictEqual(state().bufferedBytes, all)
      step(2, { _tag: "Consumed", count: 1 })
      assert.strictEqual(state().bufferedBytes, all - sizes[first]!)
      for (const [id] of sizes.entries()) if (id !== first) step(3, done(id, id))
      step(4, { _tag: "Consumed", count: sizes.length - 1 })
      assert.strictEqual(state().bufferedBytes, 0)
    }
  )

  it.prop(
    "count against the bytes of the buffer until they are merged or skipped, if results are not held",
    [Fates],
    ([fates]) => {
      let split = 0
      const workers = fates.map((_, index) => worker(`${index}`, { capacity: 1 }))
      const { state, step } = drive({
        ...{ workers, bufferBytes: 10_000, leaseMillis: 1e6, skipsPoison: true, maxAttempts: 1 },
        nextPacket: () => (split === fates.length ? "later" : { packet: split++, units: 1, bytes: 10 })
      })
      step(0)
      for (const [ended, fate] of fates.entries()) {
        assert.strictEqual(state().bufferedBytes, 10 * (fates.length - ended))
        step(ended + 1, eventOf(fate))
      }
      assert.strictEqual(state().bufferedBytes, 0)
    }
  )

  it("of a copy end the other attempts at it, and count for the worker that was first", () => {
    const workers = [worker("slow", { capacity: 1 }), worker("fast", { capacity: 1 })]
    const { state, step } = drive({ workers, leaseMillis: 1e6 }, 3)
    step(0)
    step(10, done(1, 1))
    const copied = step(20, done(2, 1))
    assert.isTrue(copied.some((action) => action._tag === "Run" && action.worker === 1))
    const actions = step(30, done(0, 1))
    assert.deepInclude(actions, { _tag: "Cancel", worker: 0, ids: [0] })
    assert.strictEqual(actions.at(-1)?._tag, "Finished")
    const [slow, fast] = [...state().workers.values()]
    assert.deepStrictEqual([slow!.packets, fast!.packets], [0, 3])
  })

  it("take a packet from a lost worker that was named only if that is blamed, whatever else it has begun", () => {
    const lose = (running?: ReadonlyArray<number>) => {
      const { notices, step } = drive({ workers: [worker("one"), worker("two")] }, 4)
      step(0)
      step(1, working(0))
      const lost = notices(2, { _tag: "Lost", worker: 0, message: "it crashed", running })
      return lost.flatMap((notice) => (notice._tag === "AttemptFailed" ? [notice.id] : []))
    }
    assert.deepStrictEqual(lose(), [0])
    assert.deepStrictEqual(lose([]), [])
    assert.deepStrictEqual(lose([2]), [2])
    assert.deepStrictEqual(lose([7]), [])
  })

  it("do not blame a packet that another worker has, since its lease here has ended", () => {
    const { notices, sent } = drive({ workers: [worker("one"), worker("two")] })
    assert.deepStrictEqual(sent(0), ["one: 0", "one: 2", "two: 1", "two: 3"])
    sent(900, working(0), working(1, 1))
    assert.lengthOf(
      notices(1_900, working(1, 1), tick).filter(({ _tag }) => _tag === "AttemptFailed"),
      1
    )
    assert.deepStrictEqual(notices(1_901, { _tag: "Lost", worker: 0, message: "it crashed", running: [0, 2] }), [
      { _tag: "WorkerLost", worker: "one", message: "it crashed" }
    ])
  })

  it("of no retry delay end a packet at once: one that cannot be sent to any worker", () => {
    const unsendable: Event<number> = { _tag: "Failed", worker: 0, id: 0, kind: "Unsendable", message: "a function" }
    const { step } = drive({ workers: [worker("one"), worker("two")], maxAttempts: 9 }, 1)
    step(0)
    const end = step(1, unsendable).at(-1)
    assert.deepInclude(end, { _tag: "PoisonPacket", id: 0 })
  })

  it("come later by the time for which the driver was busy, but not later than now", () => {
    const { notices, step } = drive({ workers: [worker("one")] }, 2)
    step(0, working(0))
    // Without the lateness the lease of a second would have ended twice.
    assert.deepStrictEqual(notices(2_000, { _tag: "Tick", lateMillis: 1_500 }), [])
    assert.deepStrictEqual(notices(2_499, tick), [])
    assert.deepInclude(notices(2_500, tick), { _tag: "LeaseExpired", worker: "one", packets: 2 })
    const early = drive({ workers: [worker("one")] }, 2)
    early.step(0, working(0))
    early.step(100, { _tag: "Tick", lateMillis: 1e9 })
    assert.deepStrictEqual(early.notices(1_099, tick), [])
    assert.deepInclude(early.notices(1_100, tick), { _tag: "LeaseExpired", worker: "one", packets: 2 })
  })
})
