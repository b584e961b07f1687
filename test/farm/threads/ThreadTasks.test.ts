import { assert, describe, it } from "@effect/vitest"
import * as Arbitrary from "effect/Arbitrary"
import * as Schema from "effect/Schema"
import * as ThreadTasks from "../../../src/farm/threads/ThreadTasks.ts"

const capacityCount = 4

const small = Schema.Literals([0, 1, 2, 3])

const Operation = Schema.Union([
  Schema.TaggedStruct("Send", { count: small }),
  /** The thread works on the packet at this place in its queue. */
  Schema.TaggedStruct("Start", { place: small }),
  Schema.TaggedStruct("Pause", {}),
  Schema.TaggedStruct("End", { count: small }),
  Schema.TaggedStruct("Cancel", { places: Schema.Array(small) })
])

const Script = Arbitrary.array(Arbitrary.schema(Operation), { minLength: 40, maxLength: 80 })

/** Sets what the thread works on, as the thread does. */
const setRunning = ({ flags }: ThreadTasks.ThreadTasks, position: number | undefined) =>
  Atomics.store(
    flags,
    ThreadTasks.runningIndex(flags),
    position === undefined ? 0 : ThreadTasks.flagIndex(flags, position) + 1
  )

const task = (id: number) => ({ id, packet: id })

describe("ThreadTasks", () => {
  it.prop("keeps a flag for each cancelled task, and names the running one", [Script], ([operations]) => {
    const tasks = ThreadTasks.make(capacityCount)
    let queue: ReadonlyArray<{ readonly id: number; readonly position: number }> = []
    let cancelled = new Set<number>()
    let running: number | undefined
    let sent = 0
    for (const operation of operations) {
      switch (operation._tag) {
        case "Send": {
          // Ids have gaps: the other workers of the run have the packets between.
          const added = Array.from({ length: Math.min(operation.count, capacityCount - queue.length) }, () => sent++)
          queue = [...queue, ...added.map((position) => ({ id: 7 * position, position }))]
          ThreadTasks.add(
            tasks,
            added.map((position) => task(7 * position))
          )
          assert.strictEqual(ThreadTasks.takeBatch(tasks, Number.POSITIVE_INFINITY).length, added.length)
          break
        }
        case "Start":
          running = queue[operation.place]?.id
          setRunning(tasks, queue[operation.place]?.position)
          break
        case "Pause":
          running = undefined
          setRunning(tasks, undefined)
          break
        case "End": {
          running = undefined
          setRunning(tasks, undefined)
          const ended = queue.slice(0, operation.count).map(({ id }) => id)
          assert.deepStrictEqual(ThreadTasks.end(tasks, operation.count), ended)
          queue = queue.slice(ended.length)
          cancelled = new Set([...cancelled].filter((id) => !ended.includes(id)))
          break
        }
        case "Cancel": {
          const ids = operation.places.flatMap((place) => (queue[place] === undefined ? [] : [queue[place].id]))
          ThreadTasks.cancel(tasks, [...ids, 1], 0)
          for (const id of ids) cancelled.add(id)
          break
        }
      }
      assert.strictEqual(ThreadTasks.running(tasks), running)
      assert.deepStrictEqual(
        [...tasks.inFlight.entries.keys()],
        queue.map(({ id }) => id)
      )
      const expected = Array.from({ length: capacityCount }, () => 0)
      for (const { id, position } of queue) if (cancelled.has(id)) expected[position % capacityCount] = 1
      assert.deepStrictEqual([...tasks.flags.subarray(0, capacityCount)], expected)
    }
  })

  it("is overdue once the running task, not a waiting one, was cancelled a grace period ago", () => {
    const tasks = ThreadTasks.make(capacityCount)
    ThreadTasks.add(tasks, [task(10), task(20)])
    setRunning(tasks, 0)
    ThreadTasks.cancel(tasks, [20], 0)
    assert.isFalse(ThreadTasks.isOverdue(tasks, 1_000, 300))
    ThreadTasks.cancel(tasks, [10], 1_000)
    assert.isFalse(ThreadTasks.isOverdue(tasks, 1_299, 300))
    assert.isTrue(ThreadTasks.isOverdue(tasks, 1_300, 300))
    setRunning(tasks, undefined)
    assert.isFalse(ThreadTasks.isOverdue(tasks, 1_300, 300))
  })

  it("sends as many tasks as the thread may have, in order", () => {
    const tasks = ThreadTasks.make(capacityCount)
    const take = (count: number) => ThreadTasks.takeBatch(tasks, count).map(({ id }) => id)
    ThreadTasks.add(tasks, [task(10), task(20)])
    ThreadTasks.add(tasks, [task(30)])
    assert.deepStrictEqual(take(0), [])
    assert.deepStrictEqual(take(2), [10, 20])
    assert.deepStrictEqual(take(2), [30])
    assert.deepStrictEqual(take(2), [])
    assert.deepStrictEqual(ThreadTasks.end(tasks, 3), [10, 20, 30])
  })

  it("sends a task whose buffers are moved to a thread without another task, and loses it with the thread", () => {
    const tasks = ThreadTasks.make(capacityCount)
    const take = () => ThreadTasks.takeBatch(tasks, Number.POSITIVE_INFINITY).map(({ id }) => id)
    ThreadTasks.add(tasks, [task(10), { ...task(20), transfer: [] }, { ...task(30), transfer: [] }, task(40)])
    assert.deepStrictEqual(take(), [10])
    assert.deepStrictEqual(take(), [])
    assert.isUndefined(ThreadTasks.lost(tasks))
    ThreadTasks.end(tasks, 1)
    assert.deepStrictEqual(take(), [20])
    assert.strictEqual(ThreadTasks.lost(tasks), 20)
    assert.deepStrictEqual(take(), [])
    ThreadTasks.end(tasks, 1)
    assert.deepStrictEqual(take(), [30])
    assert.deepStrictEqual(take(), [])
    ThreadTasks.end(tasks, 1)
    assert.deepStrictEqual(take(), [40])
    assert.isUndefined(ThreadTasks.lost(tasks))
  })
})
