import { assert, describe, it } from "@effect/vitest"
import * as Deferred from "effect/Deferred"
import * as Effect from "effect/Effect"
import type * as Session from "../../../src/session/Session.ts"
import * as SharedStateServer from "../../../src/session/workers/SharedStateServer.ts"
import type * as WorkerMessage from "../../../src/session/workers/WorkerMessage.ts"
import * as Lab from "../node/Lab.ts"

const client = { id: 1, remote: "", seed: 0 }
const add = { _tag: "Ask", id: 1, ask: { _tag: "Add", by: 1 } } as const

/** A desk and one child, which says nothing by itself. */
const open = Effect.fnUntraced(function* (shared: Session.Shared<Lab.Ask, Lab.Message>) {
  const desk = yield* SharedStateServer.make(Lab.makeProgram(shared))
  const sent: Array<WorkerMessage.ToWorker> = []
  const state = { givenUp: 0 }
  const counter = desk.openChannel(
    (message) => void sent.push(message),
    () => void state.givenUp++
  )
  counter.receive({ _tag: "Attach", client })
  return { counter, sent, state }
})

/** A shared thing that tells so often as it is attached. */
const pushingState = (times: number): Session.Shared<Lab.Ask, Lab.Message> => ({
  attach: (_, tell) =>
    Effect.sync(() => {
      for (let total = 0; total < times; total++) tell({ _tag: "Total", total })
      return () => Effect.never
    })
})

describe("NodeSessionDesk", () => {
  it.effect("what was asked is answered in turn, to the end, also when the child is gone meanwhile", () =>
    Effect.gen(function* () {
      const [begun, goOn] = [yield* Deferred.make<void>(), yield* Deferred.make<void>()]
      const over = yield* Deferred.make<number>()
      let done = 0
      const { counter, sent } = yield* open({
        attach: () =>
          Effect.as(
            Effect.acquireRelease(Effect.void, () => Effect.suspend(() => Deferred.succeed(over, done))),
            (_: Lab.Ask) =>
              Effect.gen(function* () {
                yield* Deferred.succeed(begun, undefined)
                yield* Deferred.await(goOn)
                return { _tag: "Total", total: ++done } as const
              })
          )
      })
      counter.receive(add)
      counter.receive(add)
      yield* Deferred.await(begun)
      counter.close()
      yield* Deferred.succeed(goOn, undefined)
      assert.strictEqual(yield* Deferred.await(over), 2)
      assert.deepStrictEqual(sent, [])
    })
  )

  it.effect("a child that takes no messages is given up, one that is slow is not", () =>
    Effect.gen(function* () {
      const deaf = yield* open(pushingState(150_000))
      yield* Effect.yieldNow
      assert.strictEqual(deaf.state.givenUp, 1)
      assert.isAtMost(deaf.sent.length, 101_000)
      const slow = yield* open(pushingState(90_000))
      yield* Effect.yieldNow
      const counts = slow.sent.filter(({ _tag }) => _tag === "RequestReport").length
      assert.strictEqual(counts, 90)
      slow.counter.acknowledge(90_000)
      for (let more = 0; more < 90_000; more++) slow.counter.post({ _tag: "EndRead", id: 1 })
      assert.strictEqual(slow.state.givenUp, 0)
    })
  )

  it.effect("what all share may break: the client is ended, the desk stays open", () =>
    Effect.gen(function* () {
      const { counter, sent } = yield* open({ attach: () => Effect.succeed(() => Effect.die(new Error("broken"))) })
      counter.receive(add)
      yield* Effect.yieldNow
      counter.receive({ _tag: "Attach", client: { ...client, id: 2 } })
      counter.receive({ ...add, id: 2 })
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
