import { assert, describe, it } from "@effect/vitest"
import * as Schema from "effect/Schema"
import * as game from "../../../../src/cli/run/guess/game.ts"
import * as Guess from "../../../../src/guess/Guess.ts"

const SmallNumber = Schema.Int.check(Schema.isBetween({ minimum: 1, maximum: 100 }))

describe("guess game", () => {
  it.prop(
    "keeps the number in its range, with any flags, and counts every guess",
    [SmallNumber, SmallNumber, Schema.Array(SmallNumber)],
    ([target, max, guesses]) => {
      let state = game.initial({ min: 1, max })
      for (const guess of guesses) {
        ;[state] = game.afterReply(state, guess, Guess.verdictOf(target, guess))
        if (target <= max) assert.isTrue(state.range.min <= target && target <= state.range.max)
        assert.isTrue(state.range.min <= state.range.max)
      }
      assert.strictEqual(state.guesses, guesses.length)
    }
  )

  it("explains what it takes, and refuses what cannot be the number", () => {
    const [state] = game.afterReply(game.initial({ min: 1, max: 10 }), 4, "too small")
    assert.strictEqual(game.prompt(state), "5 to 10? ")
    assert.strictEqual(game.problemOf(state, "six"), "A guess is a whole number, 5 to 10.")
    assert.strictEqual(game.problemOf(state, "4"), "4 cannot be it: it is 5 to 10.")
    assert.isUndefined(game.problemOf(state, " 5 "))
    const [found] = game.afterReply(state, 5, "too small")
    const [last] = game.afterReply(found, 7, "too big")
    assert.strictEqual(game.prompt(last), "it is 6? ")
    assert.strictEqual(game.summary(last), "3 guesses")
    assert.strictEqual(game.summary(game.afterReply(game.initial({ min: 1, max: 1 }), 1, "correct!")[0]), "1 guess")
  })

  it("leaves the range of the flags when the server has another one", () => {
    const [state, remark] = game.afterReply(game.initial({ min: 1, max: 10 }), 10, "too small")
    assert.match(remark!, /another range/)
    assert.strictEqual(game.prompt(state), "11 or more? ")
    const [, contradiction] = game.afterReply(state, 5, "too big")
    assert.match(contradiction!, /contradict each other/)
  })
})
