import { assert, describe, it } from "@effect/vitest"
import * as Schema from "effect/Schema"
import * as TerminalText from "../../src/network/TerminalText.ts"

/** Characters that a terminal obeys, and those that change the direction of writing. */
const unsafe = /[\p{Cc}\p{Zl}\p{Zp}\u061c\u200e\u200f\u202a-\u202e\u2066-\u2069]/u

/** Text with such characters: colours, a window title, C1, line ends and overrides. */
const Hostile = Schema.Array(
  Schema.Literals(["a", "ü", "\u001b]0;x\u0007", "\r", "\n", "\t", "\u009b2J", "\u202e", "\u2066", "\u007f", '"', "\\"])
)

describe("TerminalText", () => {
  it("escape returns one line without control characters", () =>
    assert.strictEqual(TerminalText.escape("a\x1b[2J\r\n\u202eb ü"), "a\\u001b[2J\\u000d\\u000a\\u202eb ü"))

  it.prop("escape and escapeLines leave no control character, except LF and TAB in lines", [Hostile], ([parts]) => {
    const text = parts.join("")
    assert.notMatch(TerminalText.escape(text), unsafe)
    assert.notMatch(TerminalText.escapeLines(text).replaceAll(/[\n\t]/g, ""), unsafe)
  })

  it.prop("escape and escapeLines keep the value of JSON", [Hostile], ([parts]) => {
    const value = { text: parts.join("") }
    assert.deepStrictEqual(JSON.parse(TerminalText.escape(JSON.stringify(value))), value)
    assert.deepStrictEqual(JSON.parse(TerminalText.escapeLines(JSON.stringify(value))), value)
  })

  it("escapeLines keeps lines, and writes CR LF as LF", () =>
    assert.strictEqual(TerminalText.escapeLines("a\tb\r\nc\rd\n"), "a\tb\nc\\u000dd\n"))
})
