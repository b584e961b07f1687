import { assert, describe, it } from "@effect/vitest"
import * as Effect from "effect/Effect"
import * as Schema from "effect/Schema"
import * as FriendlyView from "../../src/hangman/FriendlyView.ts"

const Line = Schema.String.check(Schema.isPattern(/^[^\n]+$/))
const View = Schema.Struct({
  message: Schema.Array(Line),
  board: Schema.optionalKey(
    Schema.Struct({
      word: Schema.String.check(Schema.isPattern(/^[a-z-]{1,14}$/)),
      lives: Schema.Int.check(Schema.isBetween({ minimum: 0, maximum: 9 })),
      initialLives: Schema.Int.check(Schema.isBetween({ minimum: 10, maximum: 26 })),
      tried: Schema.String.check(Schema.isPattern(/^[a-z]{0,26}$/))
    })
  ),
  prompt: Schema.Literals(["name", "guess", "again", "bye"])
})

describe("FriendlyView", () => {
  it.effect.prop("parses what it renders", [View], ([view]) =>
    Effect.sync(() => assert.deepStrictEqual(FriendlyView.parse(FriendlyView.render(view)), view))
  )

  it.effect.prop("parses concatenated views one by one", [Schema.Array(View)], ([views]) =>
    Effect.sync(() => {
      let text = views.map(FriendlyView.render).join("")
      const taken: Array<unknown> = []
      for (let next = FriendlyView.parseFirst(text); next !== undefined; next = FriendlyView.parseFirst(text)) {
        taken.push(next[0])
        text = next[1]
      }
      assert.deepStrictEqual<unknown>(taken, views)
      assert.strictEqual(text, "")
    })
  )

  it.effect.prop("parses nothing from a part of a view", [View, Schema.Int], ([view, at]) =>
    Effect.sync(() => {
      const text = FriendlyView.render(view)
      assert.isUndefined(FriendlyView.parseFirst(text.slice(0, Math.abs(at) % text.length)))
    })
  )

  it.effect.prop(
    "parses any text into views that render to the same text, or into nothing",
    [Schema.String],
    ([text]) =>
      Effect.sync(() => {
        const taken = FriendlyView.parseFirst(text)
        if (taken !== undefined) assert.strictEqual(FriendlyView.render(taken[0]) + taken[1], text)
      })
  )

  it("renders messages, gallows, word, lives, letters and prompt", () => {
    const board = { word: "-a-a--", lives: 4, initialLives: 10, tried: "aex" }
    assert.strictEqual(
      FriendlyView.render({ message: ["No x in it."], board, prompt: "guess" }),
      [
        "No x in it.",
        "",
        "  +---+",
        "  |",
        "  |",
        "  |",
        "  |",
        "=====",
        "Word   - a - a - -",
        "Lives  4 of 10",
        "Tried  a e x",
        "",
        "Your guess? "
      ].join("\n")
    )
  })

  it("draws one more part of the gallows for each of ten lives, and all parts for 0 lives", () => {
    const drawn = (lives: number, initialLives: number) =>
      FriendlyView.gallows(lives, initialLives).join("").replaceAll(" ", "").length
    for (let lives = 10; lives > 0; lives--) assert.isBelow(drawn(lives, 10), drawn(lives - 1, 10))
    const whole = FriendlyView.gallows(0, 10)
    for (let most = 1; most <= 26; most++) {
      assert.deepStrictEqual(FriendlyView.gallows(0, most), whole)
      assert.strictEqual(drawn(most, most), 0)
      assert.isBelow(drawn(1, most), drawn(0, most))
    }
  })
})
