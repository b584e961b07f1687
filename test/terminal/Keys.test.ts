import { assert, describe, it } from "@effect/vitest"
import * as Schema from "effect/Schema"
import { frame, printable } from "../../src/terminal/Ansi.ts"
import { decode, flush, type Key } from "../../src/terminal/Keys.ts"

/** What chunks are as keys, with the pause after the last. */
const keysOf = (...chunks: ReadonlyArray<string>) => {
  const keys: Array<Key> = []
  let rest = ""
  for (const chunk of chunks) {
    const step = decode(rest, chunk)
    keys.push(...step.keys)
    rest = step.rest
  }
  return [...keys, ...flush(rest)].map((key) => (key._tag === "Character" ? key.character : key._tag))
}

const Piece = Schema.Literals(["a", "é", "😀", "\r", "\u0003", "\u007f", "\u001b", "[", "O", "1", ";", "~", "A", "D"])

describe("keys", () => {
  it("letters, Enter, Backspace, Ctrl-C, and cursor keys of both kinds", () => {
    assert.deepStrictEqual(keysOf("aÉ\r\n\u007f\b\u0003\u0004"), [
      ...["a", "É", "Enter", "Enter", "Backspace", "Backspace", "Interrupt", "EndOfInput"]
    ])
    assert.deepStrictEqual(keysOf("\u001b[A\u001b[B\u001bOC\u001bOD"), ["Up", "Down", "Right", "Left"])
    assert.deepStrictEqual(keysOf("\u001b[1;5A"), ["Up"])
  })

  it("Escape alone, twice, and before another key", () => {
    assert.deepStrictEqual(keysOf("\u001b"), ["Escape"])
    assert.deepStrictEqual(keysOf("\u001b\u001b"), ["Escape", "Escape"])
    assert.deepStrictEqual(keysOf("\u001bx"), ["Escape", "x"])
    assert.deepStrictEqual(keysOf("\u001b\u001b[A"), ["Escape", "Up"])
  })

  it("what is no key here is left out whole", () => {
    assert.deepStrictEqual(keysOf("\u001b[15~\u001b[3~\u001bOP\u001b[200~\u0001\u0000x"), ["x"])
  })

  it.prop("however the chunks are cut, the keys are the same", [Schema.Array(Piece)], ([pieces]) => {
    assert.deepStrictEqual(keysOf(...pieces), keysOf(pieces.join("")))
  })

  it("a sequence without an end holds little", () => {
    let rest = ""
    for (let i = 0; i < 1_000; i++) rest = decode(rest, i === 0 ? "\u001b[" : "1").rest
    assert.isAtMost(rest.length, 24)
  })
})

describe("frame", () => {
  it.prop("no control byte of a text reaches the terminal", [Schema.String], ([text]) => {
    const steering = `${text}\u001b]0;x\u0007\u009b2J\u202e\u0301\n`
    assert.match(printable(steering), /^[ -~\u00a1-\u04ff]*$/)
    assert.strictEqual(printable(steering).length, steering.length)
    const drawn = frame([[{ text: steering, ink: "red" }], [{ text: steering }]], true)
    // biome-ignore lint/suspicious/noControlCharactersInRegex: only our own are left
    assert.notMatch(drawn.replaceAll(/\u001b\[(?:[HJK]|[0-9;]+m)|\r\n/g, ""), /[\u0000-\u001f\u007f-\u009f]/)
  })

  it("without colours bold and reverse are left", () => {
    const line = [
      { text: "a", ink: "red" as const },
      { text: "b", ink: "reverse" as const }
    ]
    assert.strictEqual(frame([line], false), "\u001b[Ha\u001b[7mb\u001b[0m\u001b[K\u001b[J")
    assert.strictEqual(frame([line], true), "\u001b[H\u001b[1;31ma\u001b[0m\u001b[7mb\u001b[0m\u001b[K\u001b[J")
  })
})
