import { assert, describe, it } from "@effect/vitest"
import * as Effect from "effect/Effect"
import type * as NetAddress from "effect/net/NetAddress"
import * as Schema from "effect/Schema"
import * as Guess from "../../src/guess/Guess.ts"
import * as GuessClient from "../../src/guess/GuessClient.ts"
import * as GuessServer from "../../src/guess/GuessServer.ts"
import * as Network from "../../src/network/Network.ts"
import * as NodeNetwork from "../../src/network/node/NodeNetwork.ts"
import * as Scripted from "../support/Scripted.ts"

const number = Schema.Int.check(Schema.isBetween({ minimum: 1, maximum: 1_000 }))

describe("GuessClient", () => {
  it.prop(
    "the number stays within what is left, and every guess within makes that less",
    [number, Schema.Array(number)],
    ([target, guesses]) => {
      let range: Guess.Range = { min: 1, max: 1_000 }
      for (const guess of guesses) {
        const after = GuessClient.narrow(range, guess, Guess.judge(target, guess))
        assert.isTrue(after.min <= target && target <= after.max)
        assert.isAtMost(after.max - after.min, range.max - range.min)
        if (guess >= range.min && guess <= range.max && range.min < range.max) {
          assert.isBelow(after.max - after.min, range.max - range.min)
        }
        range = after
      }
    }
  )

  it.live("halving what is left finds any number of a real server in ten guesses", () =>
    Effect.gen(function* () {
      const { address } = yield* GuessServer.make({ port: 0 })
      const network = yield* Network.Network
      const client = yield* GuessClient.make(yield* network.connect(address as NetAddress.InetAddress))
      let range: Guess.Range = { min: 1, max: 1_000 }
      for (let count = 0; range.min < range.max; count++) {
        assert.isBelow(count, 10)
        const guess = Math.floor((range.min + range.max) / 2)
        range = GuessClient.narrow(range, guess, yield* client.ask(`${guess}`))
      }
    }).pipe(Effect.scoped, Effect.provide(NodeNetwork.layer))
  )

  it.effect("an end before the answer, and an answer that is none", () =>
    Effect.gen(function* () {
      const ask = (text: string) =>
        Effect.flatMap(GuessClient.make(Scripted.connect([text]).connection), ({ ask }) => Effect.flip(ask("1")))
      assert.match((yield* ask("")).message, /ended the connection/)
      assert.match((yield* ask("hello\n")).message, /does not play number guessing/)
      assert.match((yield* ask("x".repeat(81))).message, /line too long/)
    }).pipe(Effect.scoped)
  )
})
