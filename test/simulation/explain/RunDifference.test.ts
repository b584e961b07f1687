/** Comparison of two runs, held against the definition of a longest common subsequence. */
import { assert, describe, it } from "@effect/vitest"
import * as Schema from "effect/Schema"
import * as RunDifference from "../../../src/simulation/explain/html/RunDifference.ts"

const compared = (keys: string, values = keys) =>
  Array.from(keys, (key, at): RunDifference.Compared => ({ key, value: values[at]! }))

const Keys = Schema.Array(Schema.Literals(["a", "b", "c"]))

/** Length of the longest common subsequence, by its recurrence. */
const longest = (one: string, other: string): number => {
  let row = new Array<number>(other.length + 1).fill(0)
  for (const key of one) {
    const next = [0]
    for (let at = 0; at < other.length; at++) {
      next.push(key === other[at] ? row[at]! + 1 : Math.max(row[at + 1]!, next[at]!))
    }
    row = next
  }
  return row[other.length]!
}

describe("comparison of two runs", () => {
  it.prop("has every event of both once, in order, and pairs as many as possible", [Keys, Keys], (keys) => {
    const [one, other] = [keys[0].join(""), keys[1].join("")]
    const rows = RunDifference.make(compared(one), compared(other))
    const indexes = (column: 0 | 1) => rows.map((row) => row[column]).filter((at) => at >= 0)
    assert.deepStrictEqual(
      indexes(0),
      Array.from(one, (_, at) => at)
    )
    assert.deepStrictEqual(
      indexes(1),
      Array.from(other, (_, at) => at)
    )
    const pairs = rows.filter(([at, otherAt]) => at >= 0 && otherAt >= 0)
    for (const [at, otherAt, isChanged] of pairs) assert.isTrue(one[at] === other[otherAt] && isChanged === 0)
    assert.strictEqual(pairs.length, longest(one, other))
  })

  it("marks pairs whose values differ", () => {
    const rows = RunDifference.make(compared("abc", "123"), compared("abc", "1x3"))
    assert.deepStrictEqual(rows, [
      [0, 0, 0],
      [1, 1, 1],
      [2, 2, 0]
    ])
  })

  it("compares long runs that have nothing in common, and what follows them", () => {
    const many = (prefix: string, count: number) =>
      Array.from({ length: count }, (_, at): RunDifference.Compared => ({ key: `${prefix}${at}`, value: "" }))
    const rows = RunDifference.make(
      [...many("a", 3_000), ...many("same", 50)],
      [...many("b", 3_000), ...many("same", 50)]
    )
    const pairs = rows.filter(([at, otherAt]) => at >= 0 && otherAt >= 0)
    assert.strictEqual(rows.length, 6_050)
    assert.strictEqual(pairs.length, 50)
  })

  it("finds the first position at which two runs differ", () => {
    assert.strictEqual(RunDifference.firstDifference(compared("abc"), compared("abd")), 2)
    assert.strictEqual(RunDifference.firstDifference(compared("abc"), compared("ab")), 2)
    assert.strictEqual(RunDifference.firstDifference(compared("abc"), compared("abc")), 3)
  })
})
