import { assert, describe, it } from "@effect/vitest"
import * as Schema from "effect/Schema"
import * as ProgressBar from "../../src/terminal/ProgressBar.ts"

const int = (minimum: number, maximum: number) => Schema.Int.check(Schema.isBetween({ minimum, maximum }))

describe("ProgressBar", () => {
  it.prop(
    "is never wider than the terminal, nor its bar than the limit",
    [Schema.String, int(0, 1_000), Schema.Array(Schema.String), int(0, 200), int(1, 50)],
    ([title, permille, details, width, maxBarWidth]) => {
      const line = ProgressBar.format({ title, fraction: permille / 1_000, details, width, maxBarWidth })
      assert.isAtMost(line.length, width)
      const isBarDrawn = /^ {2,}\d+% \[[= ]*\]/.test(line.slice(title.length))
      if (maxBarWidth < 4 && !details.some((detail) => detail.startsWith("["))) assert.isFalse(isBarDrawn)
    }
  )

  it("fills the columns that are left", () => {
    const draw = (fraction: number, width: number) =>
      ProgressBar.format({ title: "f", fraction, details: [" end"], width })
    assert.deepStrictEqual(
      [0, 0.5, 1].map((fraction) => draw(fraction, 24)),
      ["f    0% [          ] end", "f   50% [=====     ] end", "f  100% [==========] end"]
    )
    assert.strictEqual(draw(0.999, 24), "f   99% [==========] end")
    assert.strictEqual(draw(0.5, 18), "f   50% [==  ] end")
    assert.strictEqual(draw(0.5, 17), "f   50%  end")
    assert.strictEqual(draw(0.5, 10), "f   50%  e")
  })

  it("uses the longest detail that leaves the minimum width of the bar, or the last one", () => {
    const details = [" long detail", " short", ""]
    const draw = (width: number) => ProgressBar.format({ title: "f", fraction: 0, details, width, minBarWidth: 5 })
    assert.deepStrictEqual([27, 26, 21, 20, 15, 12].map(draw), [
      "f    0% [     ] long detail",
      "f    0% [          ] short",
      "f    0% [     ] short",
      "f    0% [          ]",
      "f    0% [     ]",
      "f    0% "
    ])
  })

  it("formats times as m:ss, and from an hour up as h:mm:ss", () => {
    const times = [0, 1, 59_001, 3_599_000, 3_599_001, 3_600_000, 100 * 3_600_000].map(ProgressBar.formatTime)
    assert.deepStrictEqual(times, ["0:00", "0:01", "1:00", "59:59", "1:00:00", "1:00:00", "100:00:00"])
    assert.strictEqual(ProgressBar.formatEta(90_000), "ETA 1:30")
    assert.strictEqual(ProgressBar.formatEta(undefined), "ETA -:--")
  })
})
