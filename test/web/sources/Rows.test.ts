import { assert, describe, it } from "@effect/vitest"
import * as Schema from "effect/Schema"
import * as Rows from "../../../src/web/sources/Rows.ts"

describe("Rows", () => {
  it.prop(
    "cuts a list, and counts what is left out",
    [Schema.Array(Schema.Int), Schema.Literals([0, 1, 5])],
    ([all, max]) => {
      const { omitted, rows } = Rows.cut(all, max)
      assert.deepStrictEqual(rows, all.slice(0, max))
      assert.strictEqual(rows.length + omitted, all.length)
    }
  )

  it.prop("makes any text one short line", [Schema.String], ([value]) => {
    const text = Rows.text(value.repeat(40))
    assert.isAtMost(text.length, 203)
    assert.isTrue(text.isWellFormed())
    assert.notMatch(text, /[\p{Cc}\u2028\u2029\u202a-\u202e]/u)
  })

  it("keeps markup as it is, which is shown as text", () => {
    assert.strictEqual(Rows.text("<img src=x onerror=alert(1)>"), "<img src=x onerror=alert(1)>")
    assert.strictEqual(Rows.text("a\u001b[31mb\nc"), "a\\u001b[31mb\\u000ac")
  })

  it("rounds, and has a number for what is none", () => {
    assert.deepStrictEqual(
      [Rows.rounded(1.256, 2), Rows.rounded(2.5), Rows.rounded(Number.NaN), Rows.rounded(Number.POSITIVE_INFINITY)],
      [1.26, 3, 0, 0]
    )
  })
})
