import { assert, describe, it } from "@effect/vitest"
import * as Sharding from "effect/cluster/Sharding"
import * as Deferred from "effect/Deferred"
import * as Effect from "effect/Effect"
import * as Exit from "effect/Exit"
import * as Layer from "effect/Layer"
import * as Queue from "effect/Queue"
import * as Scope from "effect/Scope"
import * as TestClock from "effect/testing/TestClock"
import * as FarmAgent from "../../src/cluster/FarmAgent.ts"
import type { ExchangeAnswer, ExchangeCall } from "../../src/cluster/FarmPool.ts"
import * as JobModules from "../../src/cluster/JobModules.ts"
import * as Worker from "../../src/farm/Worker.ts"
import { job } from "./jobs/steps.ts"

/** A call of the agent, which the test answers. */
interface Call {
  readonly request: ExchangeCall
  readonly answer: (answer: Partial<ExchangeAnswer>) => void
  /** The host stops: its callers are interrupted. */
  readonly interrupt: () => void
}

/** A host whose answers a test gives. */
const makeHost = Effect.map(Queue.unbounded<Call>(), (calls) => {
  const Exchange = (request: ExchangeCall) =>
    Effect.suspend(() => {
      const reply = Deferred.makeUnsafe<ExchangeAnswer>()
      Queue.offerUnsafe(calls, {
        request,
        answer: (answer) =>
          Deferred.doneUnsafe(reply, Effect.succeed({ session: "s", tasks: [], cancels: [], ...answer })),
        interrupt: () => Deferred.doneUnsafe(reply, Exit.interrupt())
      })
      return Deferred.await(reply)
    })
  const sharding = Sharding.Sharding.of({
    ...({} as Sharding.Sharding["Service"]),
    makeClient: (() => Effect.succeed(() => ({ Exchange }))) as never
  })
  return { next: Queue.take(calls), layer: Layer.succeed(Sharding.Sharding, sharding) }
})

/** Threads that record their tasks, and are done when a test says so. */
const makeThreads = () => {
  const given: Array<Worker.Task> = []
  const reports: Array<(reports: ReadonlyArray<Worker.Report>) => void> = []
  const thread: Worker.Worker = {
    ...{ name: "thread", job, capacity: 2, latencyMillis: 0 },
    attach: (report) => Effect.sync(() => void reports.push(report)),
    run: (tasks) => void given.push(...tasks),
    cancel: () => {}
  }
  return {
    workers: () => Effect.succeed(Worker.pool([thread])),
    until: (count: number) => Effect.repeat(Effect.yieldNow, { until: () => given.length >= count }),
    finish: (at: number, result: number) => reports[0]!([{ _tag: "Done", id: given[at]!.id, result, millis: 7 }])
  }
}

const Jobs = JobModules.layer([JobModules.entry(job, "/steps.ts")])

const packet = JSON.stringify({ at: 3, millis: 0, does: "add" })

const task = (number: number) => ({ number, slot: 0, job: { name: "steps", version: 1 }, packet })

/** Starts an agent in a scope of its own. */
const start = Effect.gen(function* () {
  const [host, threads, scope] = [yield* makeHost, makeThreads(), yield* Scope.make()]
  yield* FarmAgent.make({ threads: 1, name: "a", host: "m", workers: threads.workers }).pipe(
    Effect.provide(Layer.merge(Jobs, host.layer)),
    Scope.provide(scope)
  )
  return { ...host, threads, leave: Scope.close(scope, Exit.void) }
})

describe("FarmAgent", () => {
  it.effect("asks for tasks, and brings what is done with the next call", () =>
    Effect.gen(function* () {
      const { next, threads } = yield* start
      const first = yield* next
      const jobs = [{ name: "steps", version: 1 }]
      assert.deepInclude(first.request, { name: "a", host: "m", slots: 1, jobs, session: "", sequence: 1, wait: true })
      first.answer({ tasks: [task(5), task(6)] })
      yield* threads.until(2)
      threads.finish(0, 30)
      const second = yield* next
      const outcomes = [{ _tag: "Done", number: 5, result: "30", millis: 7 }] as const
      assert.deepInclude(second.request, { session: "s", sequence: 2, outcomes, working: [6], wait: false })
    })
  )

  it.effect("calls four times a second while it works", () =>
    Effect.gen(function* () {
      const { next, threads } = yield* start
      ;(yield* next).answer({ tasks: [task(1)] })
      yield* threads.until(1)
      for (const sequence of [2, 3]) {
        yield* TestClock.adjust("250 millis")
        const call = yield* next
        assert.deepInclude(call.request, { sequence, outcomes: [], working: [1], wait: false })
        call.answer({})
      }
    })
  )

  it.effect("repeats a call that a host has not answered, with the same outcomes", () =>
    Effect.gen(function* () {
      const { next, threads } = yield* start
      ;(yield* next).answer({ tasks: [task(1)] })
      yield* threads.until(1)
      threads.finish(0, 3)
      const lost = yield* next
      lost.interrupt()
      yield* TestClock.adjust("200 millis")
      const repeated = yield* next
      assert.deepStrictEqual(repeated.request, lost.request)
    })
  )

  it.effect("drops what it has when another host answers", () =>
    Effect.gen(function* () {
      const { next, threads } = yield* start
      ;(yield* next).answer({ tasks: [task(1), task(2)] })
      yield* threads.until(2)
      yield* TestClock.adjust("250 millis")
      ;(yield* next).answer({ session: "other", tasks: [task(1)] })
      yield* threads.until(3)
      threads.finish(0, 100)
      threads.finish(2, 3)
      assert.deepInclude((yield* next).request, {
        session: "other",
        outcomes: [{ _tag: "Done", number: 1, result: "3", millis: 7 }]
      })
    })
  )

  it.effect("tells the host that it leaves, but does not wait for one that is silent", () =>
    Effect.gen(function* () {
      const { leave, next } = yield* start
      ;(yield* next).answer({})
      yield* next
      const left = yield* Effect.forkChild(leave, { startImmediately: true })
      assert.deepInclude((yield* next).request, { session: "s", sequence: 3, leaving: true })
      yield* TestClock.adjust("1 second")
      assert.isDefined(left.pollUnsafe())
    })
  )

  it.effect("refuses a number of threads that is none", () =>
    Effect.gen(function* () {
      const { layer } = yield* makeHost
      const { workers } = makeThreads()
      const made = FarmAgent.make({ threads: 0, name: "a", workers }).pipe(
        Effect.provide(Layer.merge(Jobs, layer)),
        Effect.scoped
      )
      const { message } = yield* Effect.flip(made)
      assert.strictEqual(message, "invalid thread count 0: must be a whole number, at least 1")
    })
  )
})
