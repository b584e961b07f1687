import { assert, describe, it } from "@effect/vitest"
import * as Schema from "effect/Schema"
import { frame, toSingleWidth } from "../../src/terminal/Ansi.ts"
import { decode, flush, type Key } from "../../src/terminal/Keys.ts"

/** Decodes chunks into keys, with a pause after the last one. */
const keysOf = (...chunks: ReadonlyArray<string>) => {
  const keys: Array<Key> = []
  let rest = ""
  for (const chunk of chunks) {
    const step = decode(rest, chunk)
    keys.push(...step.keys)
    rest = step.pending
  }
  return [...keys, ...flush(rest)].map((key) => (key._tag === "Character" ? key.character : key._tag))
}

const Piece = Schema.Literals(["a", "é", "😀", "\r", "\u0003", "\u007f", "\u001b", "[", "O", "1", ";", "~", "A", "D"])

describe("Keys", () => {
  it("decodes letters, Enter, Backspace, Ctrl-C, and CSI and SS3 cursor keys", () => {
    assert.deepStrictEqual(keysOf("aÉ\r\n\u007f\b\u0003\u0004"), [
      ...["a", "É", "Enter", "Enter", "Backspace", "Backspace", "Interrupt", "EndOfInput"]
    ])
    assert.deepStrictEqual(keysOf("\u001b[A\u001b[B\u001bOC\u001bOD"), ["Up", "Down", "Right", "Left"])
    assert.deepStrictEqual(keysOf("\u001b[1;5A"), ["Up"])
  })

  it("decodes Escape alone, twice, and before another key", () => {
    assert.deepStrictEqual(keysOf("\u001b"), ["Escape"])
    assert.deepStrictEqual(keysOf("\u001b\u001b"), ["Escape", "Escape"])
    assert.deepStrictEqual(keysOf("\u001bx"), ["Escape", "x"])
    assert.deepStrictEqual(keysOf("\u001b\u001b[A"), ["Escape", "Up"])
  })

  it("drops the sequences of other keys", () => {
    assert.deepStrictEqual(keysOf("\u001b[15~\u001b[3~\u001bOP\u001b[200~\u0001\u0000x"), ["x"])
  })

  it.prop("decodes the same keys from chunks of any size", [Schema.Array(Piece)], ([pieces]) => {
    assert.deepStrictEqual(keysOf(...pieces), keysOf(pieces.join("")))
  })

  it("keeps at most 24 characters of an incomplete sequence", () => {
    let rest = ""
    for (let i = 0; i < 1_000; i++) rest = decode(rest, i === 0 ? "\u001b[" : "1").pending
    assert.isAtMost(rest.length, 24)
  })
})

describe("Ansi", () => {
  it.prop("passes no control character of a text to the terminal", [Schema.String], ([text]) => {
    const hostile = `${text}\u001b]0;x\u0007\u009b2J\u202e\u0301\n`
    assert.match(toSingleWidth(hostile), /^[ -~\u00a1-\u04ff]*$/)
    assert.strictEqual(toSingleWidth(hostile).length, hostile.length)
    const drawn = frame([[{ text: hostile, style: "red" }], [{ text: hostile }]], 80, 24, true)
    // biome-ignore lint/suspicious/noControlCharactersInRegex: no control characters may be left
    assert.notMatch(drawn.replaceAll(/\u001b\[(?:[HJK]|[0-9;]+m)|\r\n/g, ""), /[\u0000-\u001f\u007f-\u009f]/)
  })

  it("keeps bold and reverse without colours", () => {
    const line = [
      { text: "a", style: "red" as const },
      { text: "b", style: "reverse" as const }
    ]
    assert.strictEqual(frame([line], 80, 24, false), "\u001b[Ha\u001b[7mb\u001b[0m\u001b[K\u001b[J")
    assert.strictEqual(frame([line], 80, 24, true), "\u001b[H\u001b[1;31ma\u001b[0m\u001b[7mb\u001b[0m\u001b[K\u001b[J")
  })
})
