import { assert, describe, it } from "@effect/vitest"
import * as Arbitrary from "effect/Arbitrary"
import * as Schema from "effect/Schema"
import * as ThreadTasks from "../../../src/farm/threads/ThreadTasks.ts"

const capacityCount = 4

const small = Schema.Literals([0, 1, 2, 3])

const Operation = Schema.Union([
  Schema.TaggedStruct("Send", { count: small }),
  /** The thread works on the packet at this place in its queue, unless it skips it. */
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

/** A task as the model knows it: `ended` if it was cancelled before it was begun. */
interface ModelTask {
  readonly id: number
  isCancelled: boolean
  isEnded: boolean
}

/** Drives the tasks of a thread, and two lists beside them: the tasks that the thread has, and those that wait. */
class Model {
  readonly tasks = ThreadTasks.make(capacityCount)
  sent: Array<ModelTask> = []
  waiting: Array<ModelTask> = []
  running: ModelTask | undefined
  endedCount = 0
  addedCount = 0

  private inFlight() {
    return [...this.sent, ...this.waiting].filter(({ isEnded }) => !isEnded)
  }
  private setRunning(place: number | undefined) {
    const running = place === undefined ? undefined : this.sent[place]
    this.running = running?.isEnded === true ? undefined : running
    setRunning(this.tasks, running === undefined ? undefined : this.endedCount + place!)
  }
  private send(count: number) {
    // Ids have gaps: the other workers of the run have the packets between.
    const added = Array.from({ length: Math.min(count, capacityCount - this.inFlight().length) }, () => ({
      ...{ id: 7 * this.addedCount++, isCancelled: false, isEnded: false }
    }))
    this.waiting.push(...added)
    ThreadTasks.add(
      this.tasks,
      added.map(({ id }) => task(id))
    )
    const taken = this.waiting.splice(0, capacityCount - this.sent.length)
    this.sent.push(...taken)
    assert.deepStrictEqual(
      ThreadTasks.takeBatch(this.tasks, Number.POSITIVE_INFINITY).map(({ id }) => id),
      taken.map(({ id }) => id)
    )
  }
  private end(count: number) {
    this.setRunning(undefined)
    const ended = this.sent.splice(0, count)
    this.endedCount += ended.length
    assert.deepStrictEqual(
      ThreadTasks.end(this.tasks, ended.length),
      ended.map(({ id, isEnded }) => (isEnded ? undefined : id))
    )
  }
  private cancel(places: ReadonlyArray<number>) {
    const inFlight = this.inFlight()
    const chosen = new Set(places.flatMap((place) => inFlight[place] ?? []))
    const added = [...chosen].filter(({ isCancelled }) => !isCancelled)
    for (const one of added) {
      one.isCancelled = true
      one.isEnded = one !== this.running
    }
    assert.deepStrictEqual(
      ThreadTasks.cancel(this.tasks, [...Array.from(chosen, ({ id }) => id), 1], 0),
      added.filter(({ isEnded }) => isEnded).map(({ id }) => id)
    )
    this.waiting = this.waiting.filter(({ isEnded }) => !isEnded)
  }

  run(operation: typeof Operation.Type) {
    switch (operation._tag) {
      case "Send":
        return this.send(operation.count)
      case "Start":
        return this.setRunning(operation.place < this.sent.length ? operation.place : undefined)
      case "Pause":
        return this.setRunning(undefined)
      case "End":
        return this.end(operation.count)
      case "Cancel":
        return this.cancel(operation.places)
    }
  }

  check() {
    assert.strictEqual(ThreadTasks.running(this.tasks), this.running?.id)
    assert.deepStrictEqual(
      [...this.tasks.inFlight.entries.keys()],
      this.inFlight().map(({ id }) => id)
    )
    const flags = Array.from({ length: capacityCount }, () => 0)
    for (const [at, { isCancelled }] of this.sent.entries()) {
      if (isCancelled) flags[(this.endedCount + at) % capacityCount] = 1
    }
    assert.deepStrictEqual([...this.tasks.flags.subarray(0, capacityCount)], flags)
  }
}

describe("ThreadTasks", () => {
  it.prop(
    "agrees with lists of the tasks at the thread and of those that wait",
    [Script],
    ([operations]) => {
      const model = new Model()
      for (const operation of operations) {
        model.run(operation)
        model.check()
      }
    },
    { arbitrary: { runs: 300 } }
  )

  it("is overdue once the running task, not a waiting one, was cancelled a grace period ago", () => {
    const tasks = ThreadTasks.make(capacityCount)
    ThreadTasks.add(tasks, [task(10), task(20)])
    ThreadTasks.takeBatch(tasks, 2)
    setRunning(tasks, 0)
    assert.deepStrictEqual(ThreadTasks.cancel(tasks, [20], 0), [20])
    assert.isFalse(ThreadTasks.isOverdue(tasks, 1_000, 300))
    assert.deepStrictEqual(ThreadTasks.cancel(tasks, [10], 1_000), [])
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

  it("does not lose a moved task that has ended by its cancel, and sends the next one after the thread skipped it", () => {
    const tasks = ThreadTasks.make(capacityCount)
    const take = () => ThreadTasks.takeBatch(tasks, Number.POSITIVE_INFINITY).map(({ id }) => id)
    ThreadTasks.add(tasks, [{ ...task(10), transfer: [] }, task(20)])
    assert.deepStrictEqual(take(), [10])
    assert.deepStrictEqual(ThreadTasks.cancel(tasks, [10], 0), [10])
    assert.isUndefined(ThreadTasks.lost(tasks))
    assert.deepStrictEqual(take(), [])
    assert.deepStrictEqual(ThreadTasks.end(tasks, 1), [undefined])
    assert.deepStrictEqual(take(), [20])
  })
})
