import { assert, describe, it } from "@effect/vitest"
import * as Result from "effect/Result"
import * as Schema from "effect/Schema"
import { upperLimit } from "../../src/primes/Kernel.ts"
import * as Range from "../../src/primes/Range.ts"
import { int } from "./KernelsOracle.ts"

const right: ReadonlyArray<readonly [text: string, from: number, to: number]> = [
  ["0..10", 0, 10],
  ["2..=3", 2, 4],
  ["10", 0, 11],
  ["0", 0, 1],
  ["7..7", 7, 7],
  [" 1 .. 2 ", 1, 2],
  ["0..1e10", 0, 1e10],
  ["10_000..2E5", 10_000, 200_000],
  ["10^15..1_000_001e9", 1e15, 1.000001e15],
  ["2^31..2^32", 2 ** 31, 2 ** 32],
  ["2^53", 0, upperLimit],
  ["9007199254740991..=2^53", upperLimit - 1, upperLimit],
  ["2^53..2^53", upperLimit, upperLimit],
  ["007..010", 7, 10],
  ["3^33", 0, 5_559_060_566_555_524],
  ["0^0..1^999999999999", 1, 1],
  ["0..0e999999999999", 0, 0]
]

const wrong: ReadonlyArray<readonly [text: string, message: string]> = [
  ["", "a range is missing: write A..B, A..=B or B"],
  ["  ", "a range is missing: write A..B, A..=B or B"],
  ["5..1", `"5..1": the range ends before it begins: write "1..5"`],
  ["5..=1", `"5..=1": the range ends before it begins: write "1..=5"`],
  ["1e20", `"1e20" is too large: write a number from 0 to 2^53 (9007199254740992)`],
  ["0..2^54", `"0..2^54": "2^54" is too large: write a number from 0 to 2^53 (9007199254740992)`],
  ["-3", `"-3" is below 0: write a number from 0 to 2^53 (9007199254740992)`],
  ["-3..5", `"-3..5": "-3" is below 0: write a number from 0 to 2^53 (9007199254740992)`],
  ["0..abc", `"0..abc": "abc" is not a number: write it like 10_000, 1e10 or 2^53`],
  ["5..", `"5..": "" is not a number: write it like 10_000, 1e10 or 2^53`]
]

const notNumbers = ["..", "..5", "1...5", "1..2..3", "1.5", "1e-3", "_1", "1__0", "0x10", "1e", "2^", "Infinity", "1 0"]
const tooLarge = ["9007199254740993", "9007199254740992_0", "1e99999999999", "2^99999999999", "9".repeat(10_000)]

describe("Range", () => {
  for (const [text, from, to] of right) {
    it(`parses ${JSON.stringify(text)} as ${from}..${to}`, () => {
      assert.deepStrictEqual(Result.getOrThrow(Range.parse(text)), { from, to })
    })
  }

  for (const [text, message] of wrong) {
    it(`refuses ${JSON.stringify(text)}`, () => {
      assert.strictEqual(Result.getOrThrow(Result.flip(Range.parse(text))).message, message)
    })
  }

  it("refuses texts that are not numbers, and numbers that are too large", () => {
    const reasonOf = (text: string) => Result.getOrThrow(Result.flip(Range.parse(text))).reason
    for (const text of notNumbers) assert.strictEqual(reasonOf(text), "NotNumber", text)
    for (const text of tooLarge) assert.strictEqual(reasonOf(text), "TooLarge", text)
  })

  it.prop("parses any text to a range or an error of at most 700 characters", [Schema.String], ([text]) => {
    const parsed = Range.parse(text)
    if (Result.isFailure(parsed)) assert.isBelow(parsed.failure.message.length, 700)
    else assert.isTrue(0 <= parsed.success.from && parsed.success.from <= parsed.success.to)
  })

  it.prop("parses formatted ranges", [int(0, upperLimit - 1), int(0, upperLimit - 1)], ([a, b]) => {
    const range = { from: Math.min(a, b), to: Math.max(a, b) }
    assert.deepStrictEqual(Result.getOrThrow(Range.parse(Range.format(range))), range)
    assert.deepStrictEqual(Result.getOrThrow(Range.parse(`${range.to}`)), { from: 0, to: range.to + 1 })
  })
})
