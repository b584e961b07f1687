import { assert, describe, it } from "@effect/vitest"
import * as Effect from "effect/Effect"
import * as Schema from "effect/Schema"
import * as HangmanSession from "../../src/hangman/HangmanSession.ts"
import * as Words from "../../src/hangman/Words.ts"

/**
 * Reference implementation of the rules of the course's server: letters in place, lives, one line after each guess. It
 * shares no code with the tested one.
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
  const text = lines.map(([shown, lives]) => `${shown} ${lives} \n`).join("")
  return { text: `Playing hangman on hostnarnia: \n \n${text}`, over }
}

const client = { id: 1, remote: "192.0.2.1", seed: 0 }

/** Returns the text that a session sends for these reads, and whether it closes. */
const transcript = (dialect: HangmanSession.Dialect, word: string, reads: ReadonlyArray<string>) => {
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
/** Reads: mostly letters of the alphabet of the words, and all kinds of other bytes. */
const Read = Schema.Union([
  Schema.Literals(["a\n", "b\n", "c\r\n", "d", "e\n", "f\n", "z\n", "A\n", "7\n", "\n", "\u00e9\n", "abcde\n"]),
  Schema.String.check(Schema.isMinLength(1))
])
const Reads = Schema.Array(Read)

describe("ClassicSession", () => {
  it.effect.prop("equals the reference implementation in the course dialect", [Word, Reads], ([word, reads]) =>
    Effect.sync(() => assert.deepStrictEqual(transcript("course", word, reads), course(word, reads)))
  )

  it.effect.prop("equals the reference implementation in the book dialect", [Word, Reads], ([word, reads]) =>
    Effect.sync(() => assert.deepStrictEqual(transcript("book", word, reads), book(word, reads)))
  )

  it("plays a course game that is won", () =>
    assert.deepStrictEqual(transcript("course", "peach", ["p\n", "e\n", "E\n", "each\n", "a\n", "c\n", "h\n"]), {
      text: " -----   12\n p----   12\n pe---   12\n pe---   11\n pe---   11\n pea--   11\n peac-   11\n peach   11\n",
      over: true
    }))

  it("takes a life for every wrong character in the course dialect", () => {
    const reads = ["z\n", "z\n", "P\n", "7\n", "\n", "\r\n", "?\n", "\u0000", " p\n", "\u00ff\u00fb", "x", "y"]
    const lines = [...Array.from({ length: 12 }, (_, at) => ` -----   ${12 - at}\n`), " peach   0\n"]
    assert.deepStrictEqual(transcript("course", "peach", reads), { text: lines.join(""), over: true })
  })

  it("uses reads of at most 80 bytes in both dialects", () => {
    for (const dialect of ["course", "book"] as const) {
      const { framing } = Effect.runSync(HangmanSession.session({ dialect }))
      assert.deepStrictEqual(framing, { _tag: "Reads", maxLength: 80 })
    }
  })

  it("ignores the end of input", () => {
    const session = Effect.runSync(HangmanSession.session({ dialect: "course" }))
    const [state] = session.open(client)
    assert.deepStrictEqual(session.receive(state, { _tag: "Closed" }), [state, {}])
  })
})

describe("HangmanSession", () => {
  it.effect.each([
    [{ lives: 0 }, "invalid number of lives 0: must be a whole number from 1 to 26"],
    [{ lives: 27 }, "invalid number of lives 27: must be a whole number from 1 to 26"],
    [{ lives: 1.5 }, "invalid number of lives 1.5: must be a whole number from 1 to 26"],
    [{ words: Words.parse(new Uint8Array()) }, "invalid word list: it has 0 words, at least 1 is needed"],
    [
      { words: Words.parse(new TextEncoder().encode("quiz")), difficulty: "easy" },
      "invalid word list: 0 of its 1 words are easy; choose another difficulty or list"
    ]
  ] as const)("rejects the options %j", ([options, message]) =>
    Effect.map(Effect.flip(HangmanSession.session(options)), (error) => assert.strictEqual(error.message, message))
  )
})
