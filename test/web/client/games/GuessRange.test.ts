import { assert, describe, it } from "@effect/vitest"
import * as Schema from "effect/Schema"
import * as GuessRange from "../../../../src/web/client/games/GuessRange.ts"

const Bound = Schema.Int.check(Schema.isBetween({ minimum: 1, maximum: 2 ** 31 - 1 }))
const Range = Schema.Struct({ one: Bound, other: Bound })
const sort = ({ one, other }: typeof Range.Type) => ({ min: Math.min(one, other), max: Math.max(one, other) })

describe("GuessRange", () => {
  it.prop("places every part of a range within its bar", [Range, Range], ([first, second]) => {
    const range = sort(second)
    const whole = GuessRange.union(sort(first), range)
    const { fromPercent, widthPercent } = GuessRange.barOf(whole, range)
    assert.isAtLeast(fromPercent, 0)
    assert.isAbove(widthPercent, 0)
    assert.isAtMost(fromPercent + widthPercent, 100 + 1e-9)
    const mark = GuessRange.markOf(whole, { text: `${range.min}`, verdict: "too small" })
    assert.isTrue(mark !== undefined && mark >= 0 && mark <= 100)
  })

  it("shows a half as a half, and a single number", () => {
    const whole = { min: 1, max: 1_000 }
    assert.deepStrictEqual(GuessRange.barOf(whole, { min: 501, max: 1_000 }), { fromPercent: 50, widthPercent: 50 })
    const one = GuessRange.barOf(whole, { min: 1_000, max: 1_000 })
    assert.strictEqual(one.fromPercent + one.widthPercent, 100)
    assert.isUndefined(GuessRange.markOf(whole, { text: "1001", verdict: "too big" }))
  })

  it("keeps the whole range while it narrows, and widens it", () => {
    const whole = GuessRange.union(undefined, { min: 1, max: 10 })
    assert.strictEqual(GuessRange.union(whole, { min: 5, max: 6 }), whole)
    assert.deepStrictEqual(GuessRange.union(whole, { min: 11, max: 20 }), { min: 1, max: 20 })
  })

  it.prop("halving finds every number with the largest number of guesses", [Range], ([bounds]) => {
    const range = sort(bounds)
    for (const target of [range.min, range.max, GuessRange.middle(range)]) {
      let left = range
      let guesses = 1
      for (let guess = GuessRange.middle(left); guess !== target; guess = GuessRange.middle(left)) {
        left = guess < target ? { min: guess + 1, max: left.max } : { min: left.min, max: guess - 1 }
        guesses++
      }
      assert.isAtMost(guesses, GuessRange.maxGuesses(range))
    }
  })

  it("explains a guess that cannot be right", () => {
    const range = { min: 10, max: 20 }
    for (const text of ["10", " 20 ", "+15"]) assert.isUndefined(GuessRange.problemOf(range, text))
    for (const text of ["", "abc", "1.5", "1e1"]) assert.match(GuessRange.problemOf(range, text) ?? "", /whole number/)
    for (const text of ["9", "21", "-15"]) assert.match(GuessRange.problemOf(range, text) ?? "", /cannot be it/)
  })

  it("writes large numbers as the rest of the page", () => {
    const range = { min: 1, max: 1_000 }
    assert.strictEqual(GuessRange.describe(range), "from 1 to 1,000")
    assert.strictEqual(GuessRange.problemOf(range, "2000"), "2000 cannot be it: the number is from 1 to 1,000.")
  })

  it("is found after the right guess", () => {
    assert.isFalse(GuessRange.isFound([]))
    assert.isFalse(GuessRange.isFound([{ text: "5", verdict: "too big" }]))
    assert.isTrue(GuessRange.isFound([{ text: "5", verdict: "correct!" }]))
  })
})
