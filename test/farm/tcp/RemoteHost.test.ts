import { assert, describe, it } from "@effect/vitest"
import * as Clock from "effect/Clock"
import * as Deferred from "effect/Deferred"
import type * as Duration from "effect/Duration"
import * as Effect from "effect/Effect"
import * as Result from "effect/Result"
import * as Schedule from "effect/Schedule"
import * as TestClock from "effect/testing/TestClock"
import * as RemoteHost from "../../../src/farm/tcp/RemoteHost.ts"
import type { Task, TaskOutcome, Worker } from "../../../src/farm/Worker.ts"
import * as BusyClock from "../../support/time/BusyClock.ts"

/** A connection controlled by the test. */
interface FakeConnection {
  readonly sent: Array<Task>
  readonly cancelled: Array<number>
  readonly onOutcomes: RemoteHost.OnOutcomes
  readonly onWorking: RemoteHost.OnWorking
  readonly break: (message: string, isFinal?: boolean) => Effect.Effect<boolean>
}

/** Makes a host with two threads; `state.next` is the failure of the next attempt to connect, if any. */
const setUp = Effect.fnUntraced(function* (
  first?: RemoteHost.ConnectionFailure,
  reconnect: Schedule.Schedule<unknown> = Schedule.spaced("1 second").pipe(Schedule.upTo({ times: 2 })),
  clock?: Clock.Clock
) {
  const connections: Array<FakeConnection> = []
  const events: Array<string> = []
  const workers: Array<Worker> = []
  const state: { next: RemoteHost.ConnectionFailure | undefined; threads: number; isWanted: boolean } = {
    ...{ next: first, threads: 2, isWanted: true }
  }
  const removed = Deferred.makeUnsafe<void>()
  const open = Effect.suspend(() => (state.next === undefined ? Effect.sync(connect) : Effect.fail(state.next)))
  const connect = (): RemoteHost.HostConnection => {
    const sent: Array<Task> = []
    const cancelled: Array<number> = []
    const broken = Deferred.makeUnsafe<never, RemoteHost.ConnectionFailure>()
    return {
      threads: state.threads,
      capacity: 4,
      latencyMillis: 1,
      reportsEachBegin: true,
      send: (tasks) => {
        sent.push(...tasks)
        return tasks.flatMap(({ id, packet }) =>
          packet === "odd" ? [{ _tag: "Failed", id, error: { name: "Error", message: "not this one" } }] : []
        )
      },
      cancel: (ids) => void cancelled.push(...ids),
      serve: (onOutcomes, onWorking) => {
        const fail = (message: string, isPermanent = false) => Deferred.fail(broken, { message, isPermanent })
        connections.push({ sent, cancelled, onOutcomes, onWorking, break: fail })
        return Deferred.await(broken)
      }
    }
  }
  const running = RemoteHost.run({
    name: "host",
    job: { name: "job", version: 1 },
    open,
    leaseMillis: 1_000,
    reconnect,
    publish: (event) =>
      Effect.sync(() => {
        const detail = "message" in event ? event.message : event.again ? "again" : ""
        events.push(`${event._tag} ${detail}`.trim())
      }),
    join: (joined) => Effect.sync(() => void workers.push(...joined)),
    onFailure: () => {},
    isWanted: () => state.isWanted,
    removed: Deferred.await(removed)
  })
  yield* Effect.forkScoped(clock === undefined ? running : Effect.provideService(running, Clock.Clock, clock))
  yield* TestClock.adjust(1)
  const reports: Array<string> = []
  const attach = Effect.suspend(() =>
    Effect.forEach(workers, (worker, index) =>
      worker.attach((all) => {
        for (const report of all) {
          reports.push(
            [index, report._tag, ...("id" in report ? [report.id] : ["message" in report ? report.message : ""])]
              .join(" ")
              .trim()
          )
        }
      })
    )
  )
  // The test clock stops with the test: break the connection, so that the scope does not wait for tasks.
  const disconnect = Effect.addFinalizer(() => connections.at(-1)!.break("the end of the test"))
  return {
    workers,
    reports,
    events,
    connections,
    state,
    remove: Deferred.succeed(removed, undefined),
    attach: Effect.andThen(attach, disconnect),
    attachOnly: attach
  }
})

const task = (id: number, packet: unknown = id): Task => ({ id, packet })
const done = (id: number): TaskOutcome => ({ _tag: "Done", id, result: 0, millis: 1 })

describe("RemoteHost", () => {
  it.effect("sends a packet of two workers under two wire ids, and refuses unknown and duplicate ids", () =>
    Effect.gen(function* () {
      const { attach, connections, reports, workers } = yield* setUp()
      yield* attach
      workers[0]!.run([task(7)])
      workers[1]!.run([task(7), task(8)])
      const { sent, onOutcomes } = connections[0]!
      assert.deepStrictEqual(
        sent.map(({ packet }) => packet),
        [7, 7, 8]
      )
      assert.strictEqual(new Set(sent.map(({ id }) => id)).size, 3)
      assert.isTrue(Result.isSuccess(onOutcomes([done(sent[1]!.id), done(sent[0]!.id)])))
      assert.deepStrictEqual(reports, ["1 Done 7", "0 Done 7"])
      const unknownId = (...outcomes: ReadonlyArray<TaskOutcome>) =>
        Result.getOrThrow(Result.flip(onOutcomes(outcomes))).id
      assert.strictEqual(unknownId(done(sent[2]!.id), done(99)), 99)
      assert.strictEqual(unknownId(done(sent[2]!.id), done(sent[2]!.id)), sent[2]!.id)
      assert.strictEqual(reports.length, 2)
    })
  )

  it.effect("fails a task that cannot be sent, after `run` has returned", () =>
    Effect.gen(function* () {
      const { attach, reports, workers } = yield* setUp()
      yield* attach
      workers[0]!.run([task(1, "odd"), task(2)])
      assert.deepStrictEqual(reports, [])
      yield* TestClock.adjust(1)
      assert.deepStrictEqual(reports, ["0 Failed 1"])
    })
  )

  it.effect("reports Lost, Ready after a reconnect, and Gone at the end of the delays, which a result restarts", () =>
    Effect.gen(function* () {
      const { attach, events, connections, reports, state, workers } = yield* setUp()
      yield* attach
      workers[0]!.run([task(1)])
      yield* connections[0]!.break("cable unplugged")
      yield* TestClock.adjust(1)
      assert.deepStrictEqual(reports.splice(0), ["0 Lost cable unplugged", "1 Lost cable unplugged"])
      workers[0]!.run([task(2)])
      yield* TestClock.adjust("1 second")
      assert.deepStrictEqual(reports.splice(0), ["0 Ready", "1 Ready"])
      assert.deepStrictEqual(connections[1]!.sent, [])
      workers[0]!.run([task(3)])
      connections[1]!.onOutcomes([done(connections[1]!.sent[0]!.id)])
      assert.deepStrictEqual(reports.splice(0), ["0 Done 3"])
      state.next = { message: "unreachable", isPermanent: false }
      yield* connections[1]!.break("again")
      yield* TestClock.adjust("2 seconds")
      assert.deepStrictEqual(reports.splice(0, 2), ["0 Lost again", "1 Lost again"])
      assert.deepStrictEqual(reports.splice(0), ["0 Gone unreachable", "1 Gone unreachable"])
      const expected = ["Connected", "Lost cable unplugged", "Connected again", "Lost again", "Gone unreachable"]
      assert.deepStrictEqual(events, expected)
    })
  )

  it.effect("reports Gone at once after a permanent failure, also to a later run", () =>
    Effect.gen(function* () {
      const { attach, connections, events, reports } = yield* setUp()
      yield* connections[0]!.break("another job", true)
      yield* TestClock.adjust(1)
      yield* attach
      assert.deepStrictEqual(reports, ["0 Gone another job", "1 Gone another job"])
      assert.deepStrictEqual(events, ["Connected", "Lost another job", "Gone another job"])
      const never = yield* setUp({ message: "another job", isPermanent: true })
      assert.deepStrictEqual(never.events, ["Gone another job"])
    })
  )

  it.effect("gives a host up after the third equal refusal in a row that it has not authenticated", () =>
    Effect.gen(function* () {
      const refusal = (message: string): RemoteHost.ConnectionFailure => ({
        ...{ message, isPermanent: false, isUnproven: true }
      })
      const { events, state } = yield* setUp(refusal("wrong key"), Schedule.spaced("1 second"))
      const attempts = [
        refusal("wrong job"),
        refusal("wrong key"),
        refusal("wrong key"),
        { message: "wrong key", isPermanent: false },
        refusal("wrong key"),
        refusal("wrong key")
      ]
      for (const attempt of attempts) {
        state.next = attempt
        yield* TestClock.adjust("1 second")
      }
      assert.deepStrictEqual(events, ["Unreachable wrong key"])
      yield* TestClock.adjust("1 second")
      assert.deepStrictEqual(events, ["Unreachable wrong key", "Gone wrong key"])
    })
  )

  it.effect("tries a host that is down at first again, and reports that once", () =>
    Effect.gen(function* () {
      const { events, state, workers } = yield* setUp({ message: "refused", isPermanent: false })
      assert.deepStrictEqual(events, ["Unreachable refused"])
      yield* TestClock.adjust("1 second")
      assert.deepStrictEqual([events.length, workers.length], [1, 0])
      state.next = undefined
      yield* TestClock.adjust("1 second")
      assert.deepStrictEqual(events, ["Unreachable refused", "Connected"])
      assert.lengthOf(workers, 2)
    })
  )

  it.effect("begins the delays anew after work of some time, although no task was done, but not after silence", () =>
    Effect.gen(function* () {
      const { attach, connections, events, workers } = yield* setUp()
      yield* attach
      const breakAfter = Effect.fnUntraced(function* (time: Duration.Input, works: boolean) {
        workers[0]!.run([task(1)])
        const { onWorking, sent } = connections.at(-1)!
        const report = () => (works ? onWorking([sent[0]!.id]) : undefined)
        report()
        yield* TestClock.adjust(time)
        report()
        yield* connections.at(-1)!.break("cable unplugged")
        yield* TestClock.adjust("1 second")
      })
      yield* breakAfter("20 seconds", false)
      yield* breakAfter("20 seconds", true)
      yield* breakAfter("20 seconds", false)
      assert.lengthOf(connections, 4)
      yield* breakAfter("20 seconds", false)
      assert.strictEqual(events.at(-1), "Gone cable unplugged")
    })
  )

  it.effect("has more workers if the host comes back with more threads, and loses some if it has fewer", () =>
    Effect.gen(function* () {
      const { attach, connections, reports, state, workers } = yield* setUp()
      yield* attach
      const restart = Effect.fnUntraced(function* (threads: number) {
        state.threads = threads
        yield* connections.at(-1)!.break("restart")
        yield* TestClock.adjust("1 second")
        return reports.splice(0).filter((report) => !report.includes("restart"))
      })
      assert.deepStrictEqual(yield* restart(1), ["0 Ready"])
      workers[1]!.run([task(1)])
      assert.deepStrictEqual(connections[1]!.sent, [])
      assert.deepStrictEqual(yield* restart(3), ["0 Ready", "1 Ready"])
      assert.deepStrictEqual(
        workers.map(({ name }) => name),
        ["host #1", "host #2", "host #3"]
      )
    })
  )

  it.effect("leaves at once when it is removed, and blames no packet for it", () =>
    Effect.gen(function* () {
      const { attach, connections, events, remove, reports, workers } = yield* setUp()
      yield* attach
      workers[0]!.run([task(1)])
      yield* remove
      yield* TestClock.adjust(1)
      const gone = ["0 Gone removed from the list of hosts", "1 Gone removed from the list of hosts"]
      assert.deepStrictEqual(reports, gone)
      assert.deepStrictEqual(events, ["Connected", "Left removed from the list of hosts"])
      yield* TestClock.adjust("1 minute")
      assert.lengthOf(connections, 1)
    })
  )

  it.effect("leaves at the end of its connection when it is not wanted any more", () =>
    Effect.gen(function* () {
      const { attach, connections, events, reports, state } = yield* setUp()
      yield* attach
      state.isWanted = false
      yield* TestClock.adjust("1 minute")
      assert.deepStrictEqual(reports, [])
      yield* connections[0]!.break("cable unplugged")
      yield* TestClock.adjust("1 minute")
      assert.lengthOf(connections, 1)
      assert.strictEqual(events.at(-1), "Left its name has this address no more")
    })
  )

  it.effect("gives cancelled tasks time to end after this process was busy, and has not read their outcomes", () =>
    Effect.gen(function* () {
      const { clock, jump } = yield* BusyClock.make
      const { attach, connections, reports, workers } = yield* setUp(undefined, undefined, clock)
      yield* attach
      workers[0]!.run([task(1), task(2)])
      workers[0]!.cancel([1, 2])
      const { onOutcomes, sent } = connections[0]!
      yield* jump(60_000)
      onOutcomes([{ _tag: "Stopped", id: sent[0]!.id }])
      assert.deepStrictEqual(reports, ["0 Stopped 1"])
      for (let count = 0; count < 4; count++) yield* jump(60_000)
      assert.match(reports[1]!, /^0 Lost cancelled packets did not end within 1 s/)
    })
  )

  it.effect("drops the connection when cancelled tasks do not end", () =>
    Effect.gen(function* () {
      const { attach, connections, reports, workers } = yield* setUp()
      yield* attach
      workers[0]!.run([task(1), task(2)])
      workers[0]!.cancel([2, 2, 5])
      const { cancelled, sent } = connections[0]!
      assert.deepStrictEqual(cancelled, [sent[1]!.id])
      yield* TestClock.adjust("2 seconds")
      assert.match(reports[0]!, /^0 Lost cancelled packets did not end within 1 s/)
    })
  )

  it.effect("cancels the tasks of a run at its end, waits up to 500 ms, and reports nothing more", () =>
    Effect.gen(function* () {
      const { attachOnly: bare, connections, reports, workers } = yield* setUp()
      const run = Effect.scoped(
        Effect.andThen(
          bare,
          Effect.sync(() => workers[0]!.run([task(1)]))
        )
      )
      const fiber = yield* Effect.forkChild(run)
      yield* TestClock.adjust("400 millis")
      const { cancelled, sent, onOutcomes } = connections[0]!
      assert.deepStrictEqual(cancelled, [sent[0]!.id])
      assert.isUndefined(fiber.pollUnsafe())
      yield* TestClock.adjust("200 millis")
      assert.isDefined(fiber.pollUnsafe())
      assert.isTrue(Result.isSuccess(onOutcomes([{ _tag: "Stopped", id: sent[0]!.id }])))
      assert.deepStrictEqual(reports, [])
    })
  )
})
