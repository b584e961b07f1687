import { assert, describe, it } from "@effect/vitest"
import * as Effect from "effect/Effect"
import * as Schema from "effect/Schema"
import * as WordList from "../../src/hangman/WordList.ts"
import * as Words from "../../src/hangman/Words.ts"

const bytes = (text: string) => new TextEncoder().encode(text)
const parse = (text: string) => Words.parse(bytes(text))
const grades = ["easy", "medium", "hard"] as const

/** All that a list would choose, by asking with every chance of a grid. */
const all = (words: Words.Words, grade?: Words.Grade) => {
  const count = grade === undefined ? words.size : words.sizes[grade]
  return Array.from({ length: count }, (_, at) => words.choose(Math.ceil((at * 2 ** 32) / count), grade)!).sort()
}

const Word = Schema.String.check(Schema.isPattern(/^[a-z]{2,32}$/))

describe("Words", () => {
  it.effect.prop("every word of a list can be chosen, from all and from its grade", [Schema.Array(Word)], ([list]) =>
    Effect.sync(() => {
      const words = parse(list.join("\n"))
      assert.strictEqual(words.skipped, 0)
      assert.deepStrictEqual(all(words), list.toSorted())
      for (const grade of grades) {
        const graded = list.filter((word) => Words.grade(word) === grade)
        assert.deepStrictEqual(all(words, grade), graded.toSorted())
      }
    })
  )

  it.effect.each([
    ["blanks around", "  apple \n\tpear\t\n", ["apple", "pear"], 0],
    ["CRLF", "apple\r\npear\r\n", ["apple", "pear"], 0],
    ["empty lines", "\n\napple\n  \n\r\n", ["apple"], 0],
    ["capitals", "Apple\nPEAR", ["apple", "pear"], 0],
    ["twice", "apple\napple\n", ["apple", "apple"], 0],
    ["a byte order mark", "\ufeffapple\n", ["apple"], 0],
    ["not ASCII", "café\napple\nüber\n日本", ["apple"], 3],
    ["digits, hyphens, apostrophes", "abc4\nx-ray\ndon't\n42\napple", ["apple"], 4],
    ["two on a line", "apple pear\nplum", ["plum"], 1],
    ["too short, too long", `a\n${"b".repeat(33)}\n${"c".repeat(32)}\nno`, ["c".repeat(32), "no"], 2],
    ["nothing", "", [], 0],
    ["bytes of any kind", "\u0000\n\u001b[31m\n\u007f", [], 3]
  ] as const)("%s", ([, text, words, skipped]) =>
    Effect.sync(() => {
      const read = parse(text)
      assert.deepStrictEqual(all(read), words.toSorted())
      assert.strictEqual(read.skipped, skipped)
    })
  )

  it.effect.prop("no bytes are too strange", [Schema.Uint8Array], ([list]) =>
    Effect.sync(() => {
      for (const word of all(Words.parse(list))) assert.match(word, /^[a-z]{2,32}$/)
    })
  )

  it("an empty grade has no word, the greatest chance the last", () => {
    const words = parse("jazz\nquiz")
    assert.deepStrictEqual(words.sizes, { easy: 0, medium: 0, hard: 2 })
    assert.isUndefined(words.choose(0, "easy"))
    assert.strictEqual(words.choose(2 ** 32 - 1), "quiz")
  })

  it("the list that comes with the game: some thousand words of 4 to 14 letters, each once, of every grade", () => {
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
  ] as const)("%s is %s", ([word, grade]) => Effect.sync(() => assert.strictEqual(Words.grade(word), grade)))

  it("the chances of neighbouring clients and games are spread", () => {
    const counts = new Uint32Array(16)
    for (let seed = 0; seed < 400; seed++)
      for (let game = 1; game <= 40; game++) counts[Words.chance(seed, game) >>> 28]!++
    for (const count of counts) assert.isTrue(count > 800 && count < 1_200, `${counts}`)
  })
})
