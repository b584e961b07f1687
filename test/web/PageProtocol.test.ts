import { assert, describe, it } from "@effect/vitest"
import * as Effect from "effect/Effect"
import * as Fiber from "effect/Fiber"
import * as Option from "effect/Option"
import * as Queue from "effect/Queue"
import type * as RpcMessage from "effect/rpc/RpcMessage"
import * as RpcSerialization from "effect/rpc/RpcSerialization"
import type * as RpcServer from "effect/rpc/RpcServer"
import * as TestClock from "effect/testing/TestClock"
import * as PageProtocol from "../../src/web/PageProtocol.ts"
import type * as PageWire from "../../src/web/PageWire.ts"

/** A protocol whose messages a test makes, and keeps. */
const make = Effect.fnUntraced(function* (limits: PageProtocol.Limits) {
  const sent: Array<readonly [clientId: number, message: RpcMessage.FromServerEncoded]> = []
  const passed: Array<readonly [clientId: number, tag: string]> = []
  let receive: (clientId: number, message: RpcMessage.FromClientEncoded) => Effect.Effect<void> = () => Effect.void
  const disconnects = yield* Queue.make<number>()
  const protocol: RpcServer.Protocol["Service"] = {
    run: (given) => {
      receive = given
      return Effect.never
    },
    send: (clientId, message) => Effect.sync(() => void sent.push([clientId, message])),
    disconnects,
    end: () => Effect.void,
    clientIds: Effect.succeed(new Set()),
    initialMessage: Effect.succeed(Option.none()),
    supportsAck: true,
    supportsTransferables: false,
    supportsSpanPropagation: false,
    supportsNotifications: false,
    codecFor: RpcSerialization.json.codecFor
  }
  const limited = yield* PageProtocol.limit(protocol, limits)
  const run = limited.protocol.run((clientId, { _tag }) => Effect.sync(() => void passed.push([clientId, _tag])))
  yield* Effect.forkScoped(run, { startImmediately: true })
  const push = (clientId: number, message: PageWire.FromBrowser) =>
    receive(clientId, message as RpcMessage.FromClientEncoded)
  return { limited, passed, push, sent }
})

const request = (id: number): PageWire.FromBrowser => ({ _tag: "Request", id, tag: "watch", payload: {}, headers: [] })

const exit = (requestId: number): RpcMessage.ResponseExitEncoded => ({
  _tag: "Exit",
  requestId,
  exit: { _tag: "Success", value: null }
})

describe("PageProtocol", () => {
  it.effect("messages over the rate wait, and those of other browsers do not", () =>
    Effect.gen(function* () {
      const { passed, push } = yield* make({ messagesPerSecond: 10, maxRequests: 4 })
      const flood = Effect.forEach(Array.from({ length: 100 }), () => push(1, { _tag: "Ping" }), { discard: true })
      const fiber = yield* Effect.forkChild(flood, { startImmediately: true })
      yield* TestClock.adjust(0)
      assert.lengthOf(passed, 10)
      yield* push(2, { _tag: "Ping" })
      assert.deepStrictEqual(passed.at(-1), [2, "Ping"])
      yield* TestClock.adjust("1 second")
      assert.lengthOf(passed, 21)
      yield* TestClock.adjust("8 seconds")
      assert.lengthOf(passed, 101)
      yield* Fiber.join(fiber)
    })
  )

  it.effect("malformed messages count, and are answered", () =>
    Effect.gen(function* () {
      const { passed, push, sent } = yield* make({ messagesPerSecond: 5, maxRequests: 4 })
      const flood = Effect.forEach(Array.from({ length: 20 }), () => push(1, { _tag: "Malformed" }), { discard: true })
      yield* Effect.forkChild(flood, { startImmediately: true })
      yield* TestClock.adjust(0)
      assert.lengthOf(sent, 5)
      assert.deepStrictEqual(sent[0], [1, { _tag: "Defect", defect: "a message is not one of effect/rpc" }])
      assert.lengthOf(passed, 0)
    })
  )

  it.effect("a request over the limit fails, until another one has ended", () =>
    Effect.gen(function* () {
      const { limited, passed, push, sent } = yield* make({ messagesPerSecond: 100, maxRequests: 2 })
      for (const id of [1, 2, 3]) yield* push(1, request(id))
      yield* push(2, request(1))
      assert.lengthOf(passed, 3)
      assert.deepStrictEqual(sent, [
        [
          1,
          {
            _tag: "Exit",
            requestId: 3,
            exit: { _tag: "Failure", cause: [{ _tag: "Die", defect: "too many requests at a time (limit 2)" }] }
          }
        ]
      ])
      // A part of a stream is not its end.
      yield* limited.protocol.send(1, { _tag: "Chunk", requestId: 1, values: [1] })
      yield* push(1, request(4))
      assert.lengthOf(passed, 3)
      yield* limited.protocol.send(1, exit(1))
      yield* push(1, request(5))
      assert.lengthOf(passed, 4)
    })
  )

  it.effect("a request with a number in use ends nothing, until the first one has ended", () =>
    Effect.gen(function* () {
      const { limited, passed, push, sent } = yield* make({ messagesPerSecond: 100, maxRequests: 1 })
      yield* push(1, request(1))
      yield* push(1, request(1))
      yield* push(2, request(1))
      assert.deepStrictEqual(passed, [
        [1, "Request"],
        [2, "Request"]
      ])
      assert.deepStrictEqual(sent, [[1, { _tag: "Defect", defect: "the number of a request is in use" }]])
      yield* limited.protocol.send(1, exit(1))
      yield* push(1, request(1))
      assert.lengthOf(passed, 3)
    })
  )

  it.effect("a browser that has gone leaves nothing behind", () =>
    Effect.gen(function* () {
      const { limited, passed, push } = yield* make({ messagesPerSecond: 2, maxRequests: 2 })
      yield* push(1, request(1))
      yield* push(1, request(2))
      yield* limited.forget(1)
      // The number is not given to another browser; if it were, that one would begin anew. If it did not, these would
      // wait for a clock that stands still.
      yield* Effect.forkChild(Effect.andThen(push(1, request(3)), push(1, request(4))), { startImmediately: true })
      yield* TestClock.adjust(0)
      assert.lengthOf(passed, 4)
    })
  )
})
