import { assert, describe, it } from "@effect/vitest"
import * as Deferred from "effect/Deferred"
import * as Effect from "effect/Effect"
import * as Schedule from "effect/Schedule"
import * as TestClock from "effect/testing/TestClock"
import * as RemoteHost from "../../../src/farm/tcp/RemoteHost.ts"
import type { Task, TaskOutcome } from "../../../src/farm/Worker.ts"

/** A connection that does what a test says. */
interface FakeConnection {
  readonly sent: Array<Task>
  readonly cancelled: Array<number>
  readonly onOutcomes: RemoteHost.OnOutcomes
  readonly break: (message: string, isFinal?: boolean) => Effect.Effect<boolean>
}

/** A host of two threads; `next` says what becomes of the next attempt to connect. */
const setUp = Effect.fnUntraced(function* () {
  const connections: Array<FakeConnection> = []
  const events: Array<string> = []
  const state: { next: RemoteHost.ConnectionFailure | undefined } = { next: undefined }
  const open = Effect.suspend(() => (state.next === undefined ? Effect.sync(connect) : Effect.fail(state.next)))
  const connect = (): RemoteHost.HostConnection => {
    const sent: Array<Task> = []
    const cancelled: Array<number> = []
    const broken = Deferred.makeUnsafe<never, RemoteHost.ConnectionFailure>()
    return {
      threads: 2,
      capacity: 4,
      latencyMillis: 1,
      send: (tasks) => {
        sent.push(...tasks)
        return tasks.flatMap(({ id, packet }) =>
          packet === "odd" ? [{ _tag: "Failed", id, message: "not this one" }] : []
        )
      },
      cancel: (ids) => void cancelled.push(...ids),
      serve: (onOutcomes) => {
        const fail = (message: string, isFinal = false) => Deferred.fail(broken, { message, isPermanent: isFinal })
        connections.push({ sent, cancelled, onOutcomes, break: fail })
        return Deferred.await(broken)
      }
    }
  }
  const workers = yield* RemoteHost.make({
    name: "host",
    job: { name: "job", version: 1 },
    open,
    leaseMillis: 1_000,
    reconnect: Schedule.spaced("1 second").pipe(Schedule.upTo({ times: 2 })),
    onEvent: (event) =>
      Effect.sync(() => events.push("message" in event ? `${event._tag} ${event.message}` : event._tag))
  })
  yield* TestClock.adjust(1)
  const reports: Array<string> = []
  const attach = Effect.forEach(workers, (worker, index) =>
    worker.attach((all) => {
      for (const report of all) {
        reports.push(
          [index, report._tag, ...("id" in report ? [report.id] : [report._tag === "Ready" ? "" : report.message])]
            .join(" ")
            .trim()
        )
      }
    })
  )
  // Nobody moves the clock on any more when a test ends: what is left must not be waited for.
  const disconnect = Effect.addFinalizer(() => connections.at(-1)!.break("the end of the test"))
  return {
    workers,
    reports,
    events,
    connections,
    state,
    attach: Effect.andThen(attach, disconnect),
    attachOnly: attach
  }
})

const task = (id: number, packet: unknown = id): Task => ({ id, packet })
const done = (id: number): TaskOutcome => ({ _tag: "Done", id, result: 0, millis: 1 })

describe("a host of a pool", () => {
  it.effect("the same packet on two threads of a host is two on the wire", () =>
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
      assert.strictEqual(onOutcomes([done(sent[1]!.id), done(sent[0]!.id)]), undefined)
      assert.deepStrictEqual(reports, ["1 Done 7", "0 Done 7"])
      assert.strictEqual(onOutcomes([done(sent[2]!.id), done(99)]), 99)
      assert.strictEqual(onOutcomes([done(sent[2]!.id), done(sent[2]!.id)]), sent[2]!.id)
      assert.strictEqual(reports.length, 2)
    })
  )

  it.effect("what cannot be sent fails, but not before run is over", () =>
    Effect.gen(function* () {
      const { attach, reports, workers } = yield* setUp()
      yield* attach
      workers[0]!.run([task(1, "odd"), task(2)])
      assert.deepStrictEqual(reports, [])
      yield* TestClock.adjust(1)
      assert.deepStrictEqual(reports, ["0 Failed 1"])
    })
  )

  it.effect("is lost, ready again, and gone when the delays are over; a result begins them anew", () =>
    Effect.gen(function* () {
      const { attach, events, connections, reports, state, workers } = yield* setUp()
      yield* attach
      workers[0]!.run([task(1)])
      yield* connections[0]!.break("the cable")
      yield* TestClock.adjust(1)
      assert.deepStrictEqual(reports.splice(0), ["0 Lost the cable", "1 Lost the cable"])
      workers[0]!.run([task(2)])
      yield* TestClock.adjust("1 second")
      assert.deepStrictEqual(reports.splice(0), ["0 Ready", "1 Ready"])
      assert.deepStrictEqual(connections[1]!.sent, [])
      workers[0]!.run([task(3)])
      connections[1]!.onOutcomes([done(connections[1]!.sent[0]!.id)])
      assert.deepStrictEqual(reports.splice(0), ["0 Done 3"])
      state.next = { message: "nobody there", isPermanent: false }
      yield* connections[1]!.break("again")
      yield* TestClock.adjust("2 seconds")
      assert.deepStrictEqual(reports.splice(0, 2), ["0 Lost again", "1 Lost again"])
      assert.deepStrictEqual(reports.splice(0), ["0 Gone nobody there", "1 Gone nobody there"])
      const told = ["Connected", "Lost the cable", "Connected", "Lost again", "Gone nobody there"]
      assert.deepStrictEqual(events, told)
    })
  )

  it.effect("is gone at once where another attempt would be the same; whoever comes then is told", () =>
    Effect.gen(function* () {
      const { attach, connections, reports } = yield* setUp()
      yield* connections[0]!.break("another job", true)
      yield* TestClock.adjust(1)
      yield* attach
      assert.deepStrictEqual(reports, ["0 Gone another job", "1 Gone another job"])
    })
  )

  it.effect("loses the connection if what was cancelled does not end", () =>
    Effect.gen(function* () {
      const { attach, connections, reports, workers } = yield* setUp()
      yield* attach
      workers[0]!.run([task(1), task(2)])
      workers[0]!.cancel([2, 2, 5])
      const { cancelled, sent } = connections[0]!
      assert.deepStrictEqual(cancelled, [sent[1]!.id])
      yield* TestClock.adjust("2 seconds")
      assert.match(reports[0]!, /^0 Lost it does not end what was cancelled 1 s ago/)
    })
  )

  it.effect("the end of a run cancels what is left, waits for it a little, and reports no more", () =>
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
      assert.strictEqual(onOutcomes([{ _tag: "Stopped", id: sent[0]!.id }]), undefined)
      assert.deepStrictEqual(reports, [])
    })
  )
})
