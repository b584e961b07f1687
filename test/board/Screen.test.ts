import { assert, describe, it } from "@effect/vitest"
import * as Schema from "effect/Schema"
import * as Grid from "../../src/board/Grid.ts"
import * as Screen from "../../src/board/Screen.ts"

const int = (minimum: number, maximum: number) => Schema.Int.check(Schema.isBetween({ minimum, maximum }))
const text = Schema.String.check(Schema.isMaxLength(100))

const textOf = (lines: ReturnType<typeof Screen.draw>) => lines.map((line) => line.map((span) => span.text).join(""))

const filled = (size: number, owner: number) => Grid.empty(size).map((row) => row.map(() => owner))

const view: Screen.View = {
  title: "Board at localhost",
  grid: [[0, 3, 0, 0, 0], ...Grid.empty(5).slice(2), [0, 0, 0, 0, 12]],
  ownNumber: 3,
  cursor: { x: 2, y: 1 },
  messages: ["1 0 is yours"],
  prompt: "Esc leaves"
}

describe("board Screen", () => {
  it.prop(
    "fits any screen, with any board",
    [int(0, 64), int(0, 2 ** 31), text, Schema.Array(text), int(0, 200), int(0, 60)],
    ([size, owner, title, messages, columns, rows]) => {
      const cursor = { x: Math.max(0, size - 1), y: size >> 1 }
      const any = { ...view, title, messages, cursor, grid: filled(size, owner) }
      const lines = textOf(Screen.draw(any, columns, rows))
      assert.isAtMost(lines.length, rows)
      for (const line of lines) assert.isAtMost(line.length, columns)
    },
    { arbitrary: { runs: 300 } }
  )

  it.prop(
    "shows the cursor, the owner of its square and the prompt on any screen",
    [int(1, 64), int(0, 63), int(0, 63), int(Screen.minSize.columns, 200), int(Screen.minSize.rows, 60)],
    ([size, a, b, columns, rows]) => {
      const cursor = { x: a % size, y: b % size }
      const here = { ...view, cursor, grid: filled(size, 7) }
      const lines = textOf(Screen.draw(here, columns, rows))
      assert.isTrue(lines.some((line) => line.includes("[7]")))
      assert.include(lines, `${cursor.x} ${cursor.y}: of client 7`)
      assert.strictEqual(lines.at(-1), "Esc leaves")
    }
  )

  it("draws the owners, x to the right and y down", () => {
    assert.deepStrictEqual(textOf(Screen.draw(view, 60, 20)).slice(2, 7), [
      "  .   3   .   .   . ",
      "  .   . [ .]  .   . ",
      "  .   .   .   .   . ",
      "  .   .   .   .   . ",
      "  .   .   .   .  12 "
    ])
    const styles = Screen.draw(view, 60, 20)[2]!.map(({ style }) => style)
    assert.deepStrictEqual(styles.slice(0, 2), ["dim", "green"])
  })

  it("shows a message below the smallest screen", () => {
    assert.deepStrictEqual(textOf(Screen.draw(view, 30, 7)), ["too small: needs 20x8"])
    assert.deepStrictEqual(textOf(Screen.draw(view, 9, 9)), ["too small"])
  })
})
