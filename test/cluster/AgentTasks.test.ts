import { assert, describe, it } from "@effect/vitest"
import * as Effect from "effect/Effect"
import * as Schema from "effect/Schema"
import * as TestClock from "effect/testing/TestClock"
import * as AgentTasks from "../../src/cluster/AgentTasks.ts"
import { maxTextBytes, type Task } from "../../src/cluster/FarmPool.ts"
import * as JobModules from "../../src/cluster/JobModules.ts"
import { FarmError, ModuleLoadFailed } from "../../src/farm/FarmError.ts"
import * as Job from "../../src/farm/Job.ts"
import * as Worker from "../../src/farm/Worker.ts"

const job = Job.make({
  name: "text",
  version: 1,
  packet: Schema.Finite,
  result: Schema.String,
  split: () => [],
  work: () => "",
  empty: "",
  merge: (all: string) => all
})

const name = { name: "text", version: 1 }

/** A thread that records what it receives, and reports what a test says. */
interface Thread {
  readonly given: Array<Worker.Task>
  readonly cancelled: Array<number>
  readonly report: (...reports: ReadonlyArray<Worker.Report>) => void
}

const fake = (threads: Array<Thread>, count: number): Worker.Workers =>
  Effect.sync(() =>
    Worker.pool(
      Array.from({ length: count }, (_, index): Worker.Worker => {
        const [given, cancelled]: [Array<Worker.Task>, Array<number>] = [[], []]
        return {
          ...{ name: `thread ${index}`, job, capacity: 2, latencyMillis: 0 },
          attach: (report) =>
            Effect.acquireRelease(
              Effect.sync(() => {
                threads[index] = { given, cancelled, report: (...reports) => report(reports) }
              }),
              () => Effect.sync(() => void delete threads[index])
            ),
          run: (tasks) => void given.push(...tasks),
          cancel: (ids) => void cancelled.push(...ids)
        }
      })
    )
  )

const task = (number: number, slot = 0, packet: unknown = number): Task => ({
  ...{ number, slot, job: name, packet: JSON.stringify(packet) }
})

/** Makes the tasks of an agent with two threads, and waits until these have started. */
const makeTasks = Effect.fnUntraced(function* (workers?: Worker.Workers) {
  const threads: Array<Thread> = []
  const entry = JobModules.entry(job, "/text.ts")
  const tasks = yield* AgentTasks.make({
    threads: 2,
    find: ({ version }) => (version === 1 ? entry : undefined),
    workers: () => workers ?? fake(threads, 2)
  })
  const started = Effect.repeat(Effect.yieldNow, { until: () => threads.length === 2 })
  return { tasks, threads, started }
})

const givenTo = ({ given }: Thread) => given.map(({ packet }) => packet)

const done = ({ given }: Thread, at: number, result: unknown = "x"): Worker.Report => ({
  ...{ _tag: "Done", id: given[at]!.id, result, millis: 5 }
})

describe("the tasks of an agent", () => {
  it.effect("gives a thread its tasks once it has started, and then at once", () =>
    Effect.gen(function* () {
      const { started, tasks, threads } = yield* makeTasks()
      AgentTasks.add(tasks, [task(7), task(8, 1)])
      assert.deepStrictEqual(AgentTasks.working(tasks), [])
      yield* started
      AgentTasks.add(tasks, [task(9)])
      assert.deepStrictEqual(threads.map(givenTo), [[7, 9], [8]])
      assert.deepStrictEqual(AgentTasks.working(tasks), [7, 8])
      threads[0]!.report(done(threads[0]!, 0))
      assert.deepStrictEqual(AgentTasks.working(tasks), [9, 8])
      assert.deepStrictEqual(AgentTasks.take(tasks), {
        outcomes: [{ _tag: "Done", number: 7, result: '"x"', millis: 5 }],
        lostJobs: []
      })
      assert.isFalse(AgentTasks.isIdle(tasks))
      threads[0]!.report(done(threads[0]!, 1))
      threads[1]!.report({ _tag: "Stopped", id: threads[1]!.given[0]!.id })
      AgentTasks.take(tasks)
      assert.isTrue(AgentTasks.isIdle(tasks))
    }).pipe(Effect.scoped)
  )

  it.effect("a crash fails the task that the thread worked on; those behind it wait for its replacement", () =>
    Effect.gen(function* () {
      const { started, tasks, threads } = yield* makeTasks()
      AgentTasks.add(tasks, [task(1), task(2)])
      yield* started
      const [thread] = threads
      thread!.report({ _tag: "Lost", message: "exited with code 3" })
      const error = { name: "ThreadCrashed", message: "exited with code 3" }
      assert.deepStrictEqual(AgentTasks.take(tasks).outcomes, [{ _tag: "Failed", number: 1, error }])
      AgentTasks.add(tasks, [task(3)])
      assert.deepStrictEqual(givenTo(thread!), [1, 2])
      thread!.report({ _tag: "Ready" })
      assert.deepStrictEqual(givenTo(thread!), [1, 2, 2, 3])
    }).pipe(Effect.scoped)
  )

  it.effect("a thread that is gone is a lost job, and fails what still comes for it", () =>
    Effect.gen(function* () {
      const { started, tasks, threads } = yield* makeTasks()
      AgentTasks.add(tasks, [task(1), task(2)])
      yield* started
      threads[0]!.report({ _tag: "Gone", message: "it crashes at once", running: [] })
      assert.deepStrictEqual(AgentTasks.take(tasks), {
        outcomes: [],
        lostJobs: [{ slot: 0, job: name, message: "it crashes at once" }]
      })
      AgentTasks.add(tasks, [task(3)])
      const error = { name: "JobMissing", message: "it crashes at once" }
      assert.deepStrictEqual(AgentTasks.take(tasks).outcomes, [{ _tag: "Failed", number: 3, error }])
    }).pipe(Effect.scoped)
  )

  it.effect("a module that cannot be loaded is a lost job of every thread", () =>
    Effect.gen(function* () {
      const reason = new ModuleLoadFailed({ module: "/text.ts", detail: "no such file" })
      const { tasks } = yield* makeTasks(Effect.fail(new FarmError({ reason })))
      AgentTasks.add(tasks, [task(1)])
      yield* Effect.repeat(Effect.yieldNow, { until: () => AgentTasks.hasOutcomes(tasks) })
      const { lostJobs, outcomes } = AgentTasks.take(tasks)
      assert.deepStrictEqual(outcomes, [])
      assert.deepStrictEqual(
        lostJobs.map(({ message, slot }) => [slot, message]),
        [0, 1].map((slot) => [slot, "/text.ts: no such file"])
      )
      assert.isTrue(AgentTasks.isIdle(tasks))
    }).pipe(Effect.scoped)
  )

  it.effect("fails a task of a job without a module, and one with an invalid packet", () =>
    Effect.gen(function* () {
      const { started, tasks } = yield* makeTasks()
      AgentTasks.add(tasks, [{ ...task(1), job: { name: "text", version: 2 } }, task(2, 0, "no number")])
      yield* started
      const outcomes = AgentTasks.take(tasks).outcomes.map((outcome) =>
        outcome._tag === "Failed" ? outcome : undefined
      )
      assert.strictEqual(outcomes[0]?.error.message, "no module of text 2, or no thread 0")
      assert.deepInclude(outcomes[1], { _tag: "Failed", number: 2 })
    }).pipe(Effect.scoped)
  )

  it.effect("fails a result that does not fit its schema, or is too large to be sent", () =>
    Effect.gen(function* () {
      const { started, tasks, threads } = yield* makeTasks()
      AgentTasks.add(tasks, [task(1), task(2)])
      yield* started
      const [thread] = threads
      thread!.report(done(thread!, 0, 5), done(thread!, 1, "x".repeat(maxTextBytes)))
      const errors = AgentTasks.take(tasks).outcomes.map((outcome) =>
        outcome._tag === "Failed" ? outcome.error : undefined
      )
      assert.match(errors[0]?.message ?? "", /^the result does not fit its schema: /)
      assert.match(errors[1]?.message ?? "", /^the result is too large: 8388610 bytes \(limit 8388608\)/)
    }).pipe(Effect.scoped)
  )

  it.effect("stops a task that no thread has yet at once, and asks the thread otherwise", () =>
    Effect.gen(function* () {
      const { started, tasks, threads } = yield* makeTasks()
      AgentTasks.add(tasks, [task(1), task(2)])
      AgentTasks.cancel(tasks, [1, 99])
      assert.deepStrictEqual(AgentTasks.take(tasks).outcomes, [{ _tag: "Stopped", number: 1 }])
      yield* started
      const [thread] = threads
      AgentTasks.cancel(tasks, [2])
      assert.deepStrictEqual(thread!.cancelled, [thread!.given[0]!.id])
      assert.deepStrictEqual(AgentTasks.take(tasks).outcomes, [])
    }).pipe(Effect.scoped)
  )

  it.effect("drops everything for a new host: late reports on it are ignored", () =>
    Effect.gen(function* () {
      const { started, tasks, threads } = yield* makeTasks()
      AgentTasks.add(tasks, [task(1), task(2)])
      yield* started
      const [thread] = threads
      thread!.report(done(thread!, 0))
      AgentTasks.dropAll(tasks)
      assert.deepStrictEqual(thread!.cancelled, [thread!.given[1]!.id])
      thread!.report(done(thread!, 1))
      assert.deepStrictEqual(AgentTasks.take(tasks), { outcomes: [], lostJobs: [] })
      // The new host counts from 1 as well.
      AgentTasks.add(tasks, [task(1)])
      thread!.report(done(thread!, 2, "new"))
      assert.deepInclude(AgentTasks.take(tasks).outcomes[0], { number: 1, result: '"new"' })
    }).pipe(Effect.scoped)
  )

  it.effect("brings results of 4 MiB in several calls", () =>
    Effect.gen(function* () {
      const { started, tasks, threads } = yield* makeTasks()
      AgentTasks.add(tasks, [task(1), task(2), task(3)])
      yield* started
      const [thread] = threads
      const large = "x".repeat(4 * 1_024 * 1_024)
      thread!.report(done(thread!, 0, large), done(thread!, 1, large), done(thread!, 2))
      const numbers = () => AgentTasks.take(tasks).outcomes.map(({ number }) => number)
      assert.deepStrictEqual([numbers(), numbers(), numbers()], [[1], [2], [3]])
    }).pipe(Effect.scoped)
  )

  it.effect("ends the threads of a job that had no task for a minute, and starts them again", () =>
    Effect.gen(function* () {
      const { started, tasks, threads } = yield* makeTasks()
      AgentTasks.add(tasks, [task(1)])
      yield* started
      yield* TestClock.adjust("5 minutes")
      assert.isDefined(threads[0])
      threads[0]!.report(done(threads[0]!, 0))
      yield* TestClock.adjust("50 seconds")
      assert.isDefined(threads[0])
      yield* TestClock.adjust("30 seconds")
      assert.isUndefined(threads[0])
      AgentTasks.add(tasks, [task(2)])
      yield* Effect.repeat(Effect.yieldNow, { until: () => threads[0] !== undefined })
      assert.deepStrictEqual(givenTo(threads[0]!), [2])
    }).pipe(Effect.scoped)
  )
})
