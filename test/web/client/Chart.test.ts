import { assert, describe, it } from "@effect/vitest"
import * as Schema from "effect/Schema"
import * as Chart from "../../../src/web/client/Chart.ts"

const box: Chart.Box = { width: 100, zero: 50, top: 0, max: 10 }

const points = (path: string) =>
  [...path.matchAll(/[ML]([-\d.]+) ([-\d.]+)/g)].map(([, x, y]) => [Number(x), Number(y)] as const)

describe("Chart", () => {
  it("line goes from the left to the right edge, with more at the top", () => {
    assert.strictEqual(Chart.line([0, 5, 10], box), "M0 50L50 25L100 0")
  })

  it("a line of fewer values begins later", () => {
    assert.strictEqual(Chart.area([5, 10], { ...box, left: 60 }), "M60 25L100 0L100 50L60 50Z")
  })

  it("a chart below its zero line grows downwards", () => {
    assert.strictEqual(Chart.line([0, 10], { ...box, top: 100 }), "M0 50L100 100")
  })

  it("area closes the line along zero", () => {
    assert.strictEqual(Chart.area([0, 10], box), "M0 50L100 0L100 50L0 50Z")
  })

  it.prop(
    "line stays within its box for any values",
    [Schema.Array(Schema.Finite.check(Schema.isGreaterThanOrEqualTo(0)))],
    ([values]) => {
      const max = Chart.peak(values)
      for (const [x, y] of points(Chart.line(values, { ...box, max }))) {
        assert.isTrue(x >= 0 && x <= 100 && y >= 0 && y <= 50, `${x} ${y}`)
      }
    }
  )

  it("peak is the greatest value of all series, and not less than 1,000", () => {
    assert.strictEqual(Chart.peak([1, 2_000], [3_000]), 3_000)
    assert.strictEqual(Chart.peak([], [10]), 1_000)
  })
})
