import { assert, describe, it } from "@effect/vitest"
import * as Deferred from "effect/Deferred"
import * as Effect from "effect/Effect"
import type * as Session from "../../../src/session/Session.ts"
import * as SharedStateServer from "../../../src/session/workers/SharedStateServer.ts"
import type * as WorkerMessage from "../../../src/session/workers/WorkerMessage.ts"
import * as FailingSession from "../node/FailingSession.ts"

const client = { id: 1, remote: "", seed: 0 }
const add = { _tag: "Ask", id: 1, ask: { _tag: "Add", by: 1 } } as const

/** Opens the channel to one worker, which sends nothing by itself. */
const open = Effect.fnUntraced(function* (shared: Session.Shared<FailingSession.Ask, FailingSession.Message>) {
  const server = yield* SharedStateServer.make(FailingSession.makeProgram(shared))
  const sent: Array<WorkerMessage.ToWorker> = []
  const state = { kills: 0 }
  const channel = server.openChannel(
    (message) => void sent.push(message),
    () => void state.kills++
  )
  channel.receive({ _tag: "Attach", client })
  return { channel, sent, state }
})

/** Returns shared state that pushes `times` messages to a client when it is attached. */
const pushingState = (times: number): Session.Shared<FailingSession.Ask, FailingSession.Message> => ({
  attach: (_, push) =>
    Effect.sync(() => {
      for (let total = 0; total < times; total++) push({ _tag: "Total", total })
      return () => Effect.never
    })
})

describe("SharedStateServer", () => {
  it.effect("completes all asks in order, also after their worker has ended", () =>
    Effect.gen(function* () {
      const [started, proceed] = [yield* Deferred.make<void>(), yield* Deferred.make<void>()]
      const released = yield* Deferred.make<number>()
      let done = 0
      const { channel, sent } = yield* open({
        attach: () =>
          Effect.as(
            Effect.acquireRelease(Effect.void, () => Effect.suspend(() => Deferred.succeed(released, done))),
            (_: FailingSession.Ask) =>
              Effect.gen(function* () {
                yield* Deferred.succeed(started, undefined)
                yield* Deferred.await(proceed)
                return { _tag: "Total", total: ++done } as const
              })
          )
      })
      channel.receive(add)
      channel.receive(add)
      yield* Deferred.await(started)
      channel.close()
      yield* Deferred.succeed(proceed, undefined)
      assert.strictEqual(yield* Deferred.await(released), 2)
      assert.deepStrictEqual(sent, [])
    })
  )

  it.effect("kills a worker that acknowledges no messages, and not one that is slow", () =>
    Effect.gen(function* () {
      const hung = yield* open(pushingState(150_000))
      yield* Effect.yieldNow
      assert.strictEqual(hung.state.kills, 1)
      assert.isAtMost(hung.sent.length, 101_000)
      const slow = yield* open(pushingState(90_000))
      yield* Effect.yieldNow
      const counts = slow.sent.filter(({ _tag }) => _tag === "RequestReport").length
      assert.strictEqual(counts, 90)
      slow.channel.acknowledge(90_000)
      for (let more = 0; more < 90_000; more++) slow.channel.post({ _tag: "EndRead", id: 1 })
      assert.strictEqual(slow.state.kills, 0)
    })
  )

  it.effect("ends only the client whose ask dies with a defect", () =>
    Effect.gen(function* () {
      const { channel, sent } = yield* open({ attach: () => Effect.succeed(() => Effect.die(new Error("broken"))) })
      channel.receive(add)
      yield* Effect.yieldNow
      channel.receive({ _tag: "Attach", client: { ...client, id: 2 } })
      channel.receive({ ...add, id: 2 })
      yield* Effect.yieldNow
      assert.deepStrictEqual(
        sent.map((message) => [message._tag, "id" in message ? message.id : 0]),
        [
          ["SharedStateError", 1],
          ["SharedStateError", 2]
        ]
      )
    })
  )
})
