import { assert, describe, it } from "@effect/vitest"
import * as Schema from "effect/Schema"
import * as FriendlyView from "../../src/hangman/FriendlyView.ts"
import * as Screen from "../../src/hangman/Screen.ts"

const int = (minimum: number, maximum: number) => Schema.Int.check(Schema.isBetween({ minimum, maximum }))
const text = Schema.String.check(Schema.isMaxLength(100))

const Board = Schema.Struct({
  word: Schema.String.check(Schema.isPattern(/^[a-z-]{0,60}$/)),
  lives: int(0, 30),
  initialLives: int(1, 30),
  tried: Schema.String.check(Schema.isPattern(/^[a-z]{0,26}$/))
})
const View = Schema.Struct({
  title: text,
  typed: text,
  serverView: Schema.UndefinedOr(
    Schema.Struct({
      message: Schema.Array(text).check(Schema.isMaxLength(8)),
      board: Schema.UndefinedOr(Board),
      prompt: Schema.Literals(["name", "guess", "again", "bye"])
    })
  )
})

const textOf = (lines: ReturnType<typeof Screen.draw>) => lines.map((line) => line.map((span) => span.text).join(""))

const game = { word: "-a--a-", lives: 3, initialLives: 10, tried: "aex" }
const view: Screen.View = {
  title: "Hangman at localhost",
  serverView: { message: ["No x in it."], board: game, prompt: "guess" },
  typed: ""
}

describe("hangman Screen", () => {
  it.prop(
    "fits any screen",
    [View, int(0, 200), int(0, 60)],
    ([any, columns, rows]) => {
      const lines = textOf(Screen.draw(any, columns, rows))
      assert.isAtMost(lines.length, rows)
      for (const line of lines) assert.isAtMost(line.length, columns)
    },
    { arbitrary: { runs: 300 } }
  )

  it.prop(
    "shows word, lives, every letter and the prompt from the smallest screen up",
    [int(Screen.minSize.columns, 200), int(Screen.minSize.rows, 60)],
    ([columns, rows]) => {
      const lines = textOf(Screen.draw(view, columns, rows))
      const seen = lines.join("\n")
      assert.include(seen, "_ a _ _ a _")
      assert.include(seen, "lives 3 of 10")
      assert.match(seen, /A ?b ?c ?d ?\. ?f/)
      assert.include(seen, "No x in it.")
      assert.match(lines.at(-1)!, /Esc leaves/)
    }
  )

  it("draws the gallows on a large screen", () => {
    const lines = textOf(Screen.draw(view, 60, 20))
    assert.deepStrictEqual(
      lines.slice(2, 8).map((line) => line.slice(2, 13).trimEnd()),
      FriendlyView.gallows(3, 10).map((line) => line.trimEnd())
    )
  })

  it("shows a message below the smallest screen", () => {
    assert.deepStrictEqual(textOf(Screen.draw(view, 19, 30)), ["too small: needs", "20x8"])
    assert.deepStrictEqual(textOf(Screen.draw(view, 80, 7)), ["too small: needs 20x8"])
    assert.deepStrictEqual(textOf(Screen.draw(view, 0, 0)), [])
  })

  it("draws a won word green and a lost word red", () => {
    const end = (board: FriendlyView.Board) =>
      Screen.draw({ ...view, serverView: { ...view.serverView!, board } }, 60, 20)
        .flat()
        .find(({ text }) => /b a n/.test(text))
    assert.strictEqual(end({ ...game, word: "banana" })?.style, "green")
    assert.strictEqual(end({ ...game, word: "banana", lives: 0 })?.style, "red")
  })

  it("shows the end of the text typed at the prompt", () => {
    const asked: Screen.View = { title: "", typed: "x".repeat(40), serverView: { message: [], prompt: "name" } }
    assert.strictEqual(textOf(Screen.draw({ ...asked, typed: "ann" }, 30, 10)).at(-1), "Your name? ann_")
    assert.strictEqual(textOf(Screen.draw(asked, 20, 10)).at(-1), `${"x".repeat(19)}_`)
  })
})
