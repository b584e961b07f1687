import * as NodeStdio from "@effect/platform-node/NodeStdio"
import { assert, describe, it } from "@effect/vitest"
import * as Console from "effect/Console"
import * as Sharding from "effect/cluster/Sharding"
import * as Deferred from "effect/Deferred"
import * as Effect from "effect/Effect"
import * as Fiber from "effect/Fiber"
import * as Layer from "effect/Layer"
import * as Logger from "effect/Logger"
import * as TestClock from "effect/testing/TestClock"
import { follow } from "../../../../src/cli/run/farm/watch.ts"

/** Makes a cluster whose calls wait until a test answers them, and the log of its client. */
const makeCluster = () => {
  const lines: Array<string> = []
  const waiting: Array<Deferred.Deferred<unknown>> = []
  const Watch = () =>
    Effect.suspend(() => {
      const reply = Deferred.makeUnsafe<unknown>()
      waiting.push(reply)
      return Deferred.await(reply)
    })
  const sharding = Sharding.Sharding.of({
    ...({} as Sharding.Sharding["Service"]),
    makeClient: (() => Effect.succeed(() => ({ Watch }))) as never
  })
  const logger = Logger.make(({ logLevel, message }) => void lines.push(`${logLevel}: ${message}`))
  return {
    lines,
    answer: (status: unknown) => Deferred.doneUnsafe(waiting.shift()!, Effect.succeed(status)),
    layer: Layer.merge(Layer.succeed(Sharding.Sharding, sharding), Logger.layer([logger]))
  }
}

describe("farm watch", () => {
  it.effect("logs each time that no host has answered for a second, and prints the states that come", () => {
    const { answer, layer, lines } = makeCluster()
    const notice = "Info: no host of pool default answers; waiting for one (start it with farm serve)"
    const printed: Array<unknown> = []
    const console: Console.Console = { ...globalThis.console, log: (line: unknown) => void printed.push(line) }
    return Effect.gen(function* () {
      const watching = yield* Effect.forkChild(Effect.scoped(follow({ json: true, key: "k", pool: undefined })), {
        startImmediately: true
      })
      yield* TestClock.adjust("1 second")
      assert.deepStrictEqual(lines, [notice])
      yield* TestClock.adjust("10 seconds")
      assert.deepStrictEqual(lines, [notice])
      for (const done of [1, 2]) {
        answer({ state: "running", done })
        yield* TestClock.adjust("500 millis")
      }
      assert.deepStrictEqual(lines, [notice])
      yield* TestClock.adjust("1 second")
      assert.deepStrictEqual(lines, [notice, notice])
      answer({ state: "done", done: 3 })
      yield* Fiber.join(watching)
      const states = [...[1, 2].map((done) => ({ state: "running", done })), { state: "done", done: 3 }]
      assert.deepStrictEqual(
        printed,
        states.map((state) => JSON.stringify(state))
      )
    }).pipe(Effect.provide(Layer.merge(layer, NodeStdio.layer)), Effect.provideService(Console.Console, console))
  })
})
