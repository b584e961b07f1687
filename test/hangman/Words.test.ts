import { assert, describe, it } from "@effect/vitest"
import * as Effect from "effect/Effect"
import * as Schema from "effect/Schema"
import * as WordList from "../../src/hangman/WordList.ts"
import * as Words from "../../src/hangman/Words.ts"

const bytes = (text: string) => new TextEncoder().encode(text)
const parse = (text: string) => Words.parse(bytes(text))
const grades = ["easy", "medium", "hard"] as const

/** Returns all words of a list, drawn with evenly spaced random numbers. */
const all = (words: Words.Words, grade?: Words.Difficulty) => {
  const count = grade === undefined ? words.size : words.sizes[grade]
  return Array.from({ length: count }, (_, at) => words.choose(Math.ceil((at * 2 ** 32) / count), grade)!).sort()
}

const Word = Schema.String.check(Schema.isPattern(/^[a-z]{2,32}$/))

describe("Words", () => {
  it.effect.prop("draws every word of a list, from all words and from its difficulty", [Schema.Array(Word)], ([list]) =>
    Effect.sync(() => {
      const words = parse(list.join("\n"))
      assert.strictEqual(words.skipped, 0)
      assert.deepStrictEqual(all(words), list.toSorted())
      for (const grade of grades) {
        const graded = list.filter((word) => Words.difficultyOf(word) === grade)
        assert.deepStrictEqual(all(words, grade), graded.toSorted())
      }
    })
  )

  it.effect.each([
    ["blanks around", "  apple \n\tpear\t\n", ["apple", "pear"], 0],
    ["CRLF", "apple\r\npear\r\n", ["apple", "pear"], 0],
    ["empty lines", "\n\napple\n  \n\r\n", ["apple"], 0],
    ["capitals", "Apple\nPEAR", ["apple", "pear"], 0],
    ["a repeated word", "apple\napple\n", ["apple", "apple"], 0],
    ["a byte order mark", "\ufeffapple\n", ["apple"], 0],
    ["not ASCII", "café\napple\nüber\n日本", ["apple"], 3],
    ["digits, hyphens, apostrophes", "abc4\nx-ray\ndon't\n42\napple", ["apple"], 4],
    ["two on a line", "apple pear\nplum", ["plum"], 1],
    ["too short, too long", `a\n${"b".repeat(33)}\n${"c".repeat(32)}\nno`, ["c".repeat(32), "no"], 2],
    ["no lines", "", [], 0],
    ["bytes of any kind", "\u0000\n\u001b[31m\n\u007f", [], 3]
  ] as const)("parses a list with %s", ([, text, words, skipped]) =>
    Effect.sync(() => {
      const read = parse(text)
      assert.deepStrictEqual(all(read), words.toSorted())
      assert.strictEqual(read.skipped, skipped)
    })
  )

  it.effect.prop("parses any bytes into valid words", [Schema.Uint8Array], ([list]) =>
    Effect.sync(() => {
      for (const word of all(Words.parse(list))) assert.match(word, /^[a-z]{2,32}$/)
    })
  )

  it("draws no word from an empty difficulty, and the last word for the largest random number", () => {
    const words = parse("jazz\nquiz")
    assert.deepStrictEqual(words.sizes, { easy: 0, medium: 0, hard: 2 })
    assert.isUndefined(words.choose(0, "easy"))
    assert.strictEqual(words.choose(2 ** 32 - 1), "quiz")
  })

  it("has a built-in list of over 3,000 distinct words of 4 to 14 letters, 1,000 or more of each difficulty", () => {
    const list = WordList.text.trim().split(/\s+/)
    assert.isAtLeast(list.length, 3_000)
    assert.strictEqual(new Set(list).size, list.length)
    assert.deepStrictEqual(
      list.filter((word) => !/^[a-z]{4,14}$/.test(word) || /^(help|quit|top)$/.test(word)),
      []
    )
    const words = Words.builtIn()
    assert.deepStrictEqual(all(words), list.toSorted())
    for (const grade of grades) assert.isAtLeast(words.sizes[grade], 1_000)
  })

  it.effect.each([
    ["representation", "easy"],
    ["station", "easy"],
    ["planet", "medium"],
    ["cat", "hard"],
    ["jazz", "hard"],
    ["quick", "hard"]
  ] as const)("rates %s as %s", ([word, grade]) =>
    Effect.sync(() => assert.strictEqual(Words.difficultyOf(word), grade))
  )

  it("spreads the random numbers of neighbouring clients and games", () => {
    const counts = new Uint32Array(16)
    for (let seed = 0; seed < 400; seed++)
      for (let game = 1; game <= 40; game++) counts[Words.gameRandom(seed, game) >>> 28]!++
    for (const count of counts) assert.isTrue(count > 800 && count < 1_200, `${counts}`)
  })
})
