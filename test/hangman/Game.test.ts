import { assert, describe, it } from "@effect/vitest"
import * as Effect from "effect/Effect"
import * as Schema from "effect/Schema"
import * as Game from "../../src/hangman/Game.ts"

const Letter = Schema.Literals("abcdefghijklmnopqrstuvwxyz".split("") as [string, ...Array<string>])
const Word = Schema.Array(Letter).check(Schema.isMinLength(1), Schema.isMaxLength(14))
const Lives = Schema.Int.check(Schema.isBetween({ minimum: 1, maximum: Game.maxLives }))
const Guesses = Schema.Array(Schema.Union([Letter, Schema.String]))

/** Returns the states of a game, from the first to the last guess. */
const play = (word: string, lives: number, guesses: ReadonlyArray<string>, strictly = false) => {
  const games = [Game.make(word, lives)]
  for (const text of guesses) {
    const game = games.at(-1)!
    games.push(strictly ? Game.guessStrictly(game, text.slice(0, 1)) : Game.guess(game, text)[0])
  }
  return games
}

describe("Game", () => {
  it.effect.prop("ends once every letter was tried, in any order", [Word, Lives, Guesses], ([w, lives, some]) =>
    Effect.sync(() => {
      const all = [...some.filter((text) => text.length === 1), ..."zyxwvutsrqponmlkjihgfedcba"]
      assert.notStrictEqual(Game.phase(play(w.join(""), lives, all).at(-1)!), "playing")
    })
  )

  it.effect.prop(
    "shows guessed letters only and never adds a life",
    [Word, Lives, Guesses, Schema.Boolean],
    ([letters, lives, guesses, strictly]) =>
      Effect.sync(() => {
        const word = letters.join("")
        const games = play(word, lives, guesses, strictly)
        games.forEach((game, at) => {
          const guessed = new Set(
            guesses.slice(0, at).flatMap((text) => (text === word ? [...text] : [text.slice(0, 1)]))
          )
          const seen = Array.from(Game.mask(game))
          assert.deepStrictEqual(
            seen.filter((letter, place) => letter !== "-" && (letter !== word[place] || !guessed.has(letter))),
            []
          )
          if (at > 0) assert.isAtMost(game.lives, games[at - 1]!.lives)
          assert.isAtLeast(game.lives, 0)
        })
      })
  )

  it.effect.prop("takes at most one life for a letter", [Word, Letter], ([letters, letter]) =>
    Effect.sync(() => {
      const [once] = Game.guess(Game.make(letters.join(""), 10), letter)
      const [twice, outcome] = Game.guess(once, letter)
      assert.deepStrictEqual(twice, once)
      assert.strictEqual(outcome, Game.phase(once) === "playing" ? "Repeated" : "Ignored")
    })
  )

  it.effect.each([
    ["an", "Right", "-anana", 5],
    ["x", "Wrong", "------", 4],
    ["xx", "Wrong", "------", 4],
    ["banana", "Right", "banana", 5],
    ["orange", "Wrong", "------", 4],
    ["A", "Ignored", "------", 5],
    ["7", "Ignored", "------", 5],
    ["", "Ignored", "------", 5],
    ["bananas", "Ignored", "------", 5],
    ["ban4na", "Ignored", "------", 5],
    ["b", "Right", "b-----", 5]
  ] as const)("answers %s with %s: %s, %d lives", ([text, outcome, mask, lives]) =>
    Effect.sync(() => {
      const guesses = text === "an" ? ["a", "n"] : text === "xx" ? ["x"] : [text]
      let game = Game.make("banana", 5)
      let last: Game.Outcome = "Ignored"
      for (const guess of guesses) [game, last] = Game.guess(game, guess)
      assert.deepStrictEqual([last, Game.mask(game), game.lives], [outcome, mask, lives])
    })
  )

  it("is lost with the last life and ignores later guesses", () => {
    const [lost] = Game.guess(Game.make("ab", 1), "z")
    assert.strictEqual(Game.phase(lost), "lost")
    assert.deepStrictEqual(Game.guess(lost, "a"), [lost, "Ignored"])
    assert.strictEqual(Game.wrong(lost), 1)
    assert.strictEqual(Game.tried(lost), "z")
  })
})
