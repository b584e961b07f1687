import { assert, describe, it } from "@effect/vitest"
import * as Result from "effect/Result"
import * as Schema from "effect/Schema"
import * as Command from "../../src/board/Command.ts"
import * as Grid from "../../src/board/Grid.ts"
import { Ask } from "../../src/board/Message.ts"

const Words = [
  ..." \t-+.#\u0007\u001b\u00e9\u202e\ufffd",
  ..."0123456789",
  ...["claim", "row", "swap", "hello", "board", "watch", "help", "quit", "CLAIM ", "claim row ", "swap ", "constructor"]
]
/** Lines of which many are almost valid. */
const Line = Schema.Array(Schema.Literals(Words)).check(Schema.isMaxLength(12))

const wordsOf = ({ _tag, ...numbers }: Ask) => {
  const name = { Hello: "hello", Claim: "claim", ClaimRow: "claim row", Swap: "swap", Board: "board", Watch: "watch" }
  return [name[_tag], ...Object.values(numbers)]
}

/** Returns the error of a line as the server sends it, or the tag of its command. */
const errorOf = (line: string, size = 5) =>
  Result.match(Command.parse(line, size), {
    onFailure: ({ code, text }) => `${code}: ${text}`,
    onSuccess: ({ _tag }) => _tag
  })

describe("Command", () => {
  it.prop(
    "parses commands with any blanks and in any case",
    [Ask, Schema.Boolean, Schema.Boolean],
    ([ask, tabs, upper]) => {
      const line = wordsOf(ask).join(tabs ? "\t \t" : " ")
      const parsed = Command.parse(upper ? ` ${line.toUpperCase()}\t` : line, Grid.maxSize)
      if (ask._tag === "Swap" && ask.x === ask.toX && ask.y === ask.toY) {
        assert.strictEqual(errorOf(line, Grid.maxSize), "same: the two squares of a swap must differ")
      } else {
        assert.deepStrictEqual(parsed, Result.succeed(ask))
      }
    }
  )

  it.prop("parses two numbers without a word as a claim", [Grid.Index, Grid.Index], ([x, y]) => {
    assert.deepStrictEqual(Command.parse(`${x} ${y}`, Grid.maxSize), Result.succeed({ _tag: "Claim", x, y } as const))
  })

  it.prop(
    "parses any line into a command within the board, or into a printable error",
    [Schema.Union([Line, Schema.Array(Schema.String)]), Grid.Size],
    ([pieces, size]) => {
      Result.match(Command.parse(pieces.join(""), size), {
        onSuccess: (command) => {
          for (const value of Object.values(command).filter((value) => typeof value === "number")) {
            assert.isTrue(Number.isInteger(value) && value >= 0 && value < size)
          }
        },
        onFailure: ({ code, text }) => {
          assert.include(Command.codes, code)
          assert.match(text, /^[ -~]{1,200}$/)
        }
      })
    },
    { arbitrary: { runs: 2_000 } }
  )

  it.each([
    ["", "empty: the line is empty; help lists the commands"],
    [" \t ", "empty: the line is empty; help lists the commands"],
    ["claim 1", "usage: claim x y takes 2 numbers, not 1"],
    ["claim", "usage: claim x y takes 2 numbers, not 0"],
    ["claim row", "usage: claim row y takes one number, not 0"],
    ["claim 1 2 3", "usage: claim x y takes 2 numbers, not 3"],
    ["3", "usage: x y takes 2 numbers, not 1"],
    ["swap 1 2", "usage: swap x y x y takes 4 numbers, not 2"],
    ["hello there", "usage: hello takes no numbers, not 1"],
    ["claim a 1", 'number: "a" is not a number from 0 to 4'],
    ["claim 1.5 1", 'number: "1.5" is not a number from 0 to 4'],
    ["claim 1e0 1", 'number: "1e0" is not a number from 0 to 4'],
    ["claim 0x1 1", 'number: "0x1" is not a number from 0 to 4'],
    ["+1 1", 'number: "+1" is not a number from 0 to 4'],
    ["1 x", 'number: "x" is not a number from 0 to 4'],
    ["5 0", 'outside: "5" is outside the board: x and y go from 0 to 4'],
    ["claim row 5", 'outside: "5" is outside the board: x and y go from 0 to 4'],
    ["-1 0", 'outside: "-1" is outside the board: x and y go from 0 to 4'],
    [`0 ${"9".repeat(400)}`, 'outside: "99999999999999999999..." is outside the board: x and y go from 0 to 4'],
    ["swap 1 1 1 1", "same: the two squares of a swap must differ"],
    ["attack 1 1", 'unknown: "attack" is not a command; help lists them'],
    ["constructor", 'unknown: "constructor" is not a command; help lists them'],
    ["caf\u00e9\u202e", 'unknown: "caf\\u{e9}\\u{202e}" is not a command; help lists them'],
    ["\u001b[2J", "control: control characters are not allowed"],
    ["claim 1 1\u0000", "control: control characters are not allowed"],
    ["claim 1\r1", "control: control characters are not allowed"]
  ])("answers %j with an error", (line, answer) => {
    assert.strictEqual(errorOf(line), answer)
  })

  it("lists every command in its help, and parses each of them", () => {
    const usages = Command.help.map((line) => line.split("  ")[0]!.trim())
    assert.strictEqual(usages.length, 9)
    // Different numbers, so that a swap has two squares.
    for (const usage of usages) {
      let next = 0
      const line = usage.replace(/\b[xy]\b/g, () => String(next++))
      assert.isTrue(Result.isSuccess(Command.parse(line, 5)), line)
    }
  })
})
