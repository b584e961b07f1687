import { assert, describe, it } from "@effect/vitest"
import * as Effect from "effect/Effect"
import * as Schema from "effect/Schema"
import * as Elision from "../../../src/simulation/explain/Elision.ts"

const Rows = Schema.Array(Schema.Literals(["fault", "warning", "message", "packet", "packet", "packet", "detail"]))
const Copies = Schema.Int.check(Schema.isBetween({ minimum: 1, maximum: 40 }))
const MaxLines = Schema.Int.check(Schema.isBetween({ minimum: 5, maximum: 40 }))

describe("Elision", () => {
  it.effect.prop(
    "shows or counts every row, in order, within its lines",
    [Rows, Copies, MaxLines],
    ([kinds, copies, maxLines]) =>
      Effect.sync(() => {
        const rows = Array.from({ length: copies }, () => kinds)
          .flat()
          .map((importance, at) => ({ importance, at }))
        const shown = Elision.select(rows, maxLines)
        assert.isAtMost(shown.length, Math.max(maxLines, 0))
        assert.deepStrictEqual(
          shown.flatMap((one) => ("row" in one ? [one.row] : one.omitted)),
          rows
        )
        if (rows.length <= maxLines) assert.isTrue(shown.every((one) => "row" in one))
        if (rows.length > 0) assert.deepStrictEqual(shown.at(-1), { row: rows.at(-1)! })
      })
  )

  it("keeps faults, the rows around them, and the end", () => {
    const rows = Array.from({ length: 1_000 }, (_, at) => ({
      at,
      importance: [100, 500].includes(at) ? ("fault" as const) : ("packet" as const)
    }))
    const kept = Elision.select(rows, 20).flatMap((one) => ("row" in one ? [one.row.at] : []))
    for (const at of [0, 1, 2, 99, 100, 101, 499, 500, 501, 995, 996, 997, 998, 999]) assert.include(kept, at)
  })
})
