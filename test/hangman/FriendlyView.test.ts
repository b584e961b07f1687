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
      most: Schema.Int.check(Schema.isBetween({ minimum: 10, maximum: 26 })),
      tried: Schema.String.check(Schema.isPattern(/^[a-z]{0,26}$/))
    })
  ),
  prompt: Schema.Literals(["name", "guess", "again", "bye"])
})

describe("Friendly", () => {
  it.effect.prop("what is rendered is read back", [View], ([view]) =>
    Effect.sync(() => assert.deepStrictEqual(FriendlyView.parse(FriendlyView.render(view)), view))
  )

  it.effect.prop("views that come together are taken one by one", [Schema.Array(View)], ([views]) =>
    Effect.sync(() => {
      let text = views.map(FriendlyView.render).join("")
      const taken: Array<unknown> = []
      for (let next = FriendlyView.take(text); next !== undefined; next = FriendlyView.take(text)) {
        taken.push(next[0])
        text = next[1]
      }
      assert.deepStrictEqual<unknown>(taken, views)
      assert.strictEqual(text, "")
    })
  )

  it.effect.prop("a part of a view is none", [View, Schema.Int], ([view, at]) =>
    Effect.sync(() => {
      const text = FriendlyView.render(view)
      assert.isUndefined(FriendlyView.take(text.slice(0, Math.abs(at) % text.length)))
    })
  )

  it.effect.prop("any text at all is read or not, and never throws", [Schema.String], ([text]) =>
    Effect.sync(() => {
      const taken = FriendlyView.take(text)
      if (taken !== undefined) assert.strictEqual(FriendlyView.render(taken[0]) + taken[1], text)
    })
  )

  it("looks as it should", () => {
    const board = { word: "-a-a--", lives: 4, most: 10, tried: "aex" }
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

  it("the gallows grow with every life of ten, and are whole with none, however many there were", () => {
    const drawn = (lives: number, most: number) => FriendlyView.gallows(lives, most).join("").replaceAll(" ", "").length
    for (let lives = 10; lives > 0; lives--) assert.isBelow(drawn(lives, 10), drawn(lives - 1, 10))
    const whole = FriendlyView.gallows(0, 10)
    for (let most = 1; most <= 26; most++) {
      assert.deepStrictEqual(FriendlyView.gallows(0, most), whole)
      assert.strictEqual(drawn(most, most), 0)
      assert.isBelow(drawn(1, most), drawn(0, most))
    }
  })
})
