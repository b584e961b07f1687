import { assert, describe, it } from "@effect/vitest"
import * as Effect from "effect/Effect"
import * as Fiber from "effect/Fiber"
import type * as NetAddress from "effect/net/NetAddress"
import * as Schema from "effect/Schema"
import * as TestClock from "effect/testing/TestClock"
import * as Guess from "../../src/guess/Guess.ts"
import * as GuessClient from "../../src/guess/GuessClient.ts"
import * as GuessServer from "../../src/guess/GuessServer.ts"
import * as Network from "../../src/network/Network.ts"
import * as NodeNetwork from "../../src/network/node/NodeNetwork.ts"
import * as ScriptedServer from "../support/ScriptedServer.ts"

const number = Schema.Int.check(Schema.isBetween({ minimum: 1, maximum: 1_000 }))

describe("GuessClient", () => {
  it.prop(
    "narrows the range with every guess inside it, and never excludes the number",
    [number, Schema.Array(number)],
    ([target, guesses]) => {
      let range: Guess.Range = { min: 1, max: 1_000 }
      for (const guess of guesses) {
        const after = GuessClient.narrow(range, guess, Guess.verdictOf(target, guess))
        assert.isTrue(after.min <= target && target <= after.max)
        assert.isAtMost(after.max - after.min, range.max - range.min)
        if (guess >= range.min && guess <= range.max && range.min < range.max) {
          assert.isBelow(after.max - after.min, range.max - range.min)
        }
        range = after
      }
    }
  )

  it.live("finds the number of a real server in ten guesses by halving the range", () =>
    Effect.gen(function* () {
      const { address } = yield* GuessServer.make({ port: 0 })
      const network = yield* Network.Network
      const client = yield* GuessClient.make(yield* network.connect(address as NetAddress.InetAddress))
      let range: Guess.Range = { min: 1, max: 1_000 }
      for (let count = 0; range.min < range.max; count++) {
        assert.isBelow(count, 10)
        const guess = Math.floor((range.min + range.max) / 2)
        range = GuessClient.narrow(range, guess, yield* client.guess(`${guess}`))
      }
    }).pipe(Effect.scoped, Effect.provide(NodeNetwork.layer))
  )

  it.effect.prop(
    "reads replies that end in LF, CR LF, or LF CR as in the second edition of the course, in chunks of any size",
    [Schema.Literals(["\n", "\r\n", "\n\r"]), Schema.Int.check(Schema.isBetween({ minimum: 1, maximum: 12 }))],
    ([end, size]) =>
      Effect.gen(function* () {
        const replies = ["too big", "too small", "too small", "correct!"]
        const { connection } = ScriptedServer.connect([replies.map((reply) => `${reply}${end}`).join("")], size)
        const client = yield* GuessClient.make(connection)
        for (const reply of replies) assert.strictEqual(yield* client.guess("1"), reply)
      }).pipe(Effect.scoped)
  )

  it.effect("waits for the rest of LF CR as long as the player thinks", () =>
    Effect.gen(function* () {
      const chunks = ["too big\n\r", "too small\n\r"]
      const scripted = ScriptedServer.connect([]).connection
      const pull = Effect.suspend(() =>
        chunks.length === 1
          ? Effect.delay(Effect.succeed(Buffer.from(chunks.shift()!)), "5 seconds")
          : Effect.succeed(Buffer.from(chunks.shift()!))
      )
      const client = yield* GuessClient.make({ ...scripted, pull })
      assert.strictEqual(yield* client.guess("9"), "too big")
      yield* TestClock.adjust("1 minute")
      const second = yield* Effect.forkChild(client.guess("1"))
      yield* TestClock.adjust("10 seconds")
      assert.strictEqual(yield* Fiber.join(second), "too small")
    }).pipe(Effect.scoped)
  )

  it.effect("fails if the server closes before its reply, or sends an unknown reply", () =>
    Effect.gen(function* () {
      const errorOf = (text: string) =>
        Effect.flatMap(GuessClient.make(ScriptedServer.connect([text]).connection), ({ guess: ask }) =>
          Effect.flip(ask("1"))
        )
      assert.match((yield* errorOf("")).message, /closed the connection/)
      assert.match((yield* errorOf("hello\n")).message, /not a number guessing server/)
      assert.match((yield* errorOf("x".repeat(81))).message, /line too long/)
    }).pipe(Effect.scoped)
  )
})
