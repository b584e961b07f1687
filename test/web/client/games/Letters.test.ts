import { assert, describe, it } from "@effect/vitest"
import * as Schema from "effect/Schema"
import * as FriendlyView from "../../../../src/hangman/FriendlyView.ts"
import * as Letters from "../../../../src/web/client/games/Letters.ts"

const game = (change: Partial<Letters.Hangman> = {}): Letters.Hangman => ({
  word: "-a-a-a",
  lives: 7,
  initialLives: 10,
  tried: "aeio",
  message: [],
  prompt: "guess",
  ...change
})

const Lives = Schema.Int.check(Schema.isBetween({ minimum: 0, maximum: 26 }))

describe("Letters", () => {
  it.prop("draws no part with all lives, all parts without any, and never fewer after a loss", [Lives], ([initial]) => {
    let before = 0
    for (let lives = initial; lives >= 0; lives--) {
      const drawn = Letters.countParts({ lives, initialLives: initial })
      if (lives === initial) assert.strictEqual(drawn, 0)
      assert.isAtLeast(drawn, before)
      before = drawn
    }
    if (initial > 0) assert.strictEqual(before, Letters.parts.length)
  })

  it.prop("draws as many parts as the gallows of the server", [Lives, Lives], ([lives, initial]) => {
    if (initial === 0 || lives > initial) return
    const isBlank = FriendlyView.gallows(lives, initial).join("") === ""
    assert.strictEqual(Letters.countParts({ lives, initialLives: initial }) === 0, isBlank)
  })

  it("tells right, wrong and untried letters apart", () => {
    assert.deepStrictEqual(
      ["a", "e", "z"].map((letter) => Letters.stateOf(game(), letter)),
      ["right", "wrong", "untried"]
    )
  })

  it("knows the outcome", () => {
    assert.isUndefined(Letters.outcomeOf(game()))
    assert.strictEqual(Letters.outcomeOf(game({ word: "banana" })), "won")
    assert.strictEqual(Letters.outcomeOf(game({ word: "banana", lives: 0 })), "lost")
    assert.isUndefined(Letters.outcomeOf({ ...game(), word: undefined }))
  })

  it("marks the letters that the player did not find", () => {
    const letters = Letters.lettersOf(game({ word: "banana", lives: 0 }))
    assert.strictEqual(letters.map(({ isFound, text }) => (isFound ? text : text.toUpperCase())).join(""), "BaNaNa")
    assert.strictEqual(Letters.lettersOf(game())[0]!.text, "")
  })

  it("spells the word", () => {
    assert.strictEqual(Letters.spell("-a-"), "Word of 3 letters: blank, a, blank")
  })

  it("takes letters, and no other keys or shortcuts", () => {
    const none = { ctrlKey: false, metaKey: false, altKey: false }
    assert.strictEqual(Letters.letterOf({ key: "Q", ...none }), "q")
    for (const key of ["Enter", "1", " ", "é", "ab", "ArrowLeft"])
      assert.isUndefined(Letters.letterOf({ key, ...none }))
    for (const name of ["ctrlKey", "metaKey", "altKey"]) {
      assert.isUndefined(Letters.letterOf({ key: "r", ...none, [name]: true }))
    }
  })

  it("reads a scoreboard, and no other message", () => {
    const message = [
      "Games 3, won 2, players 2.",
      "rank  wins  games  wrong  name",
      "   1     2      2      3  ann  of the  hill",
      "   2     0      1     10  <b>"
    ]
    assert.deepStrictEqual(Letters.scoreboardOf(message), {
      totals: "Games 3, won 2, players 2.",
      rows: [
        { rank: 1, wins: 2, games: 2, wrong: 3, name: "ann  of the  hill" },
        { rank: 2, wins: 0, games: 1, wrong: 10, name: "<b>" }
      ]
    })
    assert.deepStrictEqual(Letters.scoreboardOf(["Games 0, won 0, players 0."])?.rows, [])
    assert.isUndefined(Letters.scoreboardOf(["No x in it."]))
    assert.isUndefined(Letters.scoreboardOf([]))
  })
})
