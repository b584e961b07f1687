import { assert, describe, it } from "@effect/vitest"
import * as Deferred from "effect/Deferred"
import * as Effect from "effect/Effect"
import * as Fiber from "effect/Fiber"
import * as Logger from "effect/Logger"
import * as TestClock from "effect/testing/TestClock"
import * as noAnswer from "../../../../src/cli/run/farm/noAnswer.ts"

describe("a client that waits for a host", () => {
  it.effect.each<readonly [millis: number, lines: Array<string>]>([
    [900, []],
    [1_000, ["no host of pool p answers; waiting for one (start it with farm serve)"]],
    [60_000, ["no host of pool p answers; waiting for one (start it with farm serve)"]]
  ])("has logged after %i ms: %j", ([millis, expected]) => {
    const lines: Array<string> = []
    const logger = Logger.make(({ message }) => void lines.push(`${message}`))
    return Effect.gen(function* () {
      const reply = yield* Deferred.make<number>()
      const waiting = yield* Effect.forkChild(noAnswer.logged("p", Deferred.await(reply)), { startImmediately: true })
      yield* TestClock.adjust(millis)
      yield* Deferred.succeed(reply, 5)
      assert.strictEqual(yield* Fiber.join(waiting), 5)
      yield* TestClock.adjust("1 hour")
      assert.deepStrictEqual(lines, expected)
    }).pipe(Effect.provide(Logger.layer([logger])))
  })
})
