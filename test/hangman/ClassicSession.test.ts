import { assert, describe, it } from "@effect/vitest"
import * as Effect from "effect/Effect"
import * as Schema from "effect/Schema"
import * as HangmanSession from "../../src/hangman/HangmanSession.ts"
import * as Words from "../../src/hangman/Words.ts"

/**
 * The rules of the course's server, told as its manual would: letters in place, lives, one line after each turn. It
 * knows nothing of the game it is compared with.
 */
const reference = (word: string, reads: ReadonlyArray<string>, lives = 12) => {
  const shown = word.split("").map(() => "-")
  const lines = [[shown.join(""), lives] as const]
  for (const read of reads) {
    if (lives === 0 || !shown.includes("-")) break
    let hit = false
    for (const [at, letter] of word.split("").entries()) {
      if (read.charAt(0) !== letter) continue
      shown[at] = letter
      hit = true
    }
    if (!hit) lives--
    lines.push([lives === 0 ? word : shown.join(""), lives])
  }
  return { lines, over: lives === 0 || !shown.includes("-") }
}

const course = (word: string, reads: ReadonlyArray<string>) => {
  const { lines, over } = reference(word, reads)
  return { text: lines.map(([shown, lives]) => ` ${shown}   ${lives}\n`).join(""), over }
}

const book = (word: string, reads: ReadonlyArray<string>) => {
  const { lines, over } = reference(word, reads)
  const said = lines.map(([shown, lives]) => `${shown} ${lives} \n`).join("")
  return { text: `Playing hangman on hostnarnia: \n \n${said}`, over }
}

const client = { id: 1, remote: "192.0.2.1", seed: 0 }

/** All that a session says to these reads, and whether it closed. */
const talk = (dialect: HangmanSession.Dialect, word: string, reads: ReadonlyArray<string>) => {
  const words = Words.parse(new TextEncoder().encode(word))
  const session = Effect.runSync(HangmanSession.session({ dialect, words, hostName: "narnia" }))
  let [state, out] = session.open(client)
  let text = out.text ?? ""
  for (const read of reads) {
    if (out.close) break
    ;[state, out] = session.receive(state, { _tag: "Line", text: read })
    assert.isUndefined(out.ask)
    text += out.text ?? ""
  }
  return { text, over: out.close === true }
}

const Word = Schema.String.check(Schema.isPattern(/^[a-e]{2,14}$/))
/** What a read may give: mostly letters that are near, and every kind of other thing. */
const Read = Schema.Union([
  Schema.Literals(["a\n", "b\n", "c\r\n", "d", "e\n", "f\n", "z\n", "A\n", "7\n", "\n", "\u00e9\n", "abcde\n"]),
  Schema.String.check(Schema.isMinLength(1))
])
const Reads = Schema.Array(Read)

describe("Plain", () => {
  it.effect.prop("course: the transcript is the reference's", [Word, Reads], ([word, reads]) =>
    Effect.sync(() => assert.deepStrictEqual(talk("course", word, reads), course(word, reads)))
  )

  it.effect.prop("book: the transcript is the reference's", [Word, Reads], ([word, reads]) =>
    Effect.sync(() => assert.deepStrictEqual(talk("book", word, reads), book(word, reads)))
  )

  it("course: won", () =>
    assert.deepStrictEqual(talk("course", "peach", ["p\n", "e\n", "E\n", "each\n", "a\n", "c\n", "h\n"]), {
      text: " -----   12\n p----   12\n pe---   12\n pe---   11\n pe---   11\n pea--   11\n peac-   11\n peach   11\n",
      over: true
    }))

  it("course: lost, by all that costs a life", () => {
    const reads = ["z\n", "z\n", "P\n", "7\n", "\n", "\r\n", "?\n", "\u0000", " p\n", "\u00ff\u00fb", "x", "y"]
    const lines = [...Array.from({ length: 12 }, (_, at) => ` -----   ${12 - at}\n`), " peach   0\n"]
    assert.deepStrictEqual(talk("course", "peach", reads), { text: lines.join(""), over: true })
  })

  it("neither reads lines, nor more than 80 bytes", () => {
    for (const dialect of ["course", "book"] as const) {
      const { framing } = Effect.runSync(HangmanSession.session({ dialect }))
      assert.deepStrictEqual(framing, { _tag: "Reads", max: 80 })
    }
  })

  it("the end of input is no guess", () => {
    const session = Effect.runSync(HangmanSession.session({ dialect: "course" }))
    const [state] = session.open(client)
    assert.deepStrictEqual(session.receive(state, { _tag: "Closed" }), [state, {}])
  })
})

describe("Hangman", () => {
  it.effect.each([
    [{ lives: 0 }, "0 lives: 1 to 26 can be played with"],
    [{ lives: 27 }, "27 lives: 1 to 26 can be played with"],
    [{ lives: 1.5 }, "1.5 lives: 1 to 26 can be played with"],
    [{ words: Words.parse(new Uint8Array()) }, "no words: a list has at least one"],
    [
      { words: Words.parse(new TextEncoder().encode("quiz")), difficulty: "easy" },
      "none of the 1 words is easy: choose another difficulty, or other words"
    ]
  ] as const)("%j cannot be played", ([options, message]) =>
    Effect.map(Effect.flip(HangmanSession.session(options)), (error) => assert.strictEqual(error.message, message))
  )
})
