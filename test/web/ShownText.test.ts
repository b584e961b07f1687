import { assert, describe, it } from "@effect/vitest"
import * as Schema from "effect/Schema"
import * as TerminalText from "../../src/network/TerminalText.ts"
import * as GameMachine from "../../src/web/games/GameMachine.ts"
import * as ShownText from "../../src/web/ShownText.ts"
import * as Rows from "../../src/web/sources/Rows.ts"

/** Texts of few characters, so that marks follow each other: accents, an enclosing circle, and a soft hyphen. */
const Texts = Schema.Array(
  Schema.Literals(["a", "\u0301", "\u0489", "\u{1e8d0}", "\u00ad", "\u0e33", "\u001b", "ก", "😀"])
)

/** Returns the largest number of marks on a character. */
const mostMarks = (text: string) =>
  Math.max(0, ...Array.from(text.matchAll(/[\p{M}\p{Cf}]+/gu), ([run]) => (run.match(/\p{M}/gu) ?? []).length))

describe("ShownText", () => {
  it.each([
    ["e\u0301\u0302 x", "e\u0301\u0302 x"],
    ["e\u0301\u0302\u0303", "e\u0301\u0302\\u0303"],
    ["e\u0301\u0302\u00ad\u0303", "e\u0301\u0302\u00ad\\u0303"],
    ["1\ufe0f\u20e3", "1\ufe0f\u20e3"],
    ["หน้าที่ नमस्ते", "หน้าที่ नमस्ते"],
    ["a\u001b[31m", "a\\u001b[31m"]
  ])("%j is shown as %j", (text, shown) => assert.strictEqual(ShownText.line(text), shown))

  it.prop("no character has more than two marks, and other text stays as it is", [Texts], ([characters]) => {
    const text = characters.join("")
    const shown = ShownText.line(text)
    assert.isAtMost(mostMarks(shown), 2)
    assert.notMatch(shown, /\p{Cc}/u)
    if (mostMarks(text) <= 2) assert.strictEqual(shown, TerminalText.escape(text))
    assert.isAtMost(mostMarks(Rows.text(text)), 2)
    assert.isAtMost(mostMarks(GameMachine.showLine(text)), 2)
  })
})
