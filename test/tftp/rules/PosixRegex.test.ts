import { assert, describe, it } from "@effect/vitest"
import * as Result from "effect/Result"
import * as Schema from "effect/Schema"
import * as PosixRegex from "../../../src/tftp/rules/PosixRegex.ts"

/** A part of an expression, and how often it is repeated. */
const Piece = Schema.Tuple([
  Schema.Literals(["a", "b", ".", "[ab]", "[^a]", "(a)", "(ab)", "(b*)"]),
  Schema.Literals(["", "?", "*", "+", "{2}", "{0,2}"])
])

const compile = (source: string, ignoreCase = false) => Result.getOrThrow(PosixRegex.compile(source, { ignoreCase }))

const spans = (source: string, text: string, ignoreCase = false) =>
  PosixRegex.find(compile(source, ignoreCase), Array.from(text))?.filter((span) => span !== undefined)

const errorOf = (source: string) => Result.getOrThrow(Result.flip(PosixRegex.compile(source)))

describe("PosixRegex", () => {
  // Expressions of IEEE Std 1003.1, section 9.4, and of the manual of regex(7).
  it.each([
    ["a|ab", "xab", [[1, 3]]],
    [
      "(a|ab)(c|bcd)",
      "abcd",
      [
        [0, 4],
        [0, 1],
        [1, 4]
      ]
    ],
    ["x*", "aaa", [[0, 0]]],
    ["a{2,3}", "aaaa", [[0, 3]]],
    ["a{2}", "aaaa", [[0, 2]]],
    ["a{,1}b", "aab", [[1, 3]]],
    ["a{2", "xa{2", [[1, 4]]],
    ["[]x]+", "a]x]", [[1, 4]]],
    ["[^]x]", "]ax", [[1, 2]]],
    ["[a-c-]+", "xb-c", [[1, 4]]],
    ["[[:digit:]]+", "ab123", [[2, 5]]],
    ["[[.-.]a]+", "x-a", [[1, 3]]],
    ["\\.", "a.b", [[1, 2]]],
    [
      "(^|/)x",
      "a/x",
      [
        [1, 3],
        [1, 2]
      ]
    ],
    [
      "()",
      "x",
      [
        [0, 0],
        [0, 0]
      ]
    ],
    [
      "(a*)*",
      "aab",
      [
        [0, 2],
        [0, 2]
      ]
    ],
    ["\\<boot\\>", "reboot boot", [[7, 11]]],
    ["x$", "xx", [[1, 2]]]
  ] as const)("finds %s in %s", (source, text, expected) => {
    assert.deepStrictEqual(spans(source, text), expected as unknown as ReturnType<typeof spans>)
  })

  it("ignores case in characters, ranges and classes", () => {
    assert.deepStrictEqual(spans("[a-c]Z[[:upper:]]", "xBzq", true), [[1, 4]])
  })

  it.each<readonly [source: string, column: number, message: string]>([
    ["(", 1, "( is not closed: add )"],
    ["a[b", 2, "[ is not closed: add ]"],
    ["[z-a]", 2, "the range z-a is empty: exchange its ends"],
    ["*a", 1, "nothing to repeat before *: write \\* for the character"],
    ["a{300}", 3, "too many repetitions (at most 255)"],
    ["(a)\\1", 4, "back-references such as \\1 are not supported"],
    ["a\\", 2, "a backslash at the end: write \\\\ for a backslash"],
    ["(".repeat(40), 33, "nested too deeply (more than 32 groups)"],
    ["((a{255}){255}){255}", 1, "the expression is too long (more than 4096 steps): repeat less"],
    ...["constructor", "toString", "__proto__"].map(
      (name) =>
        [
          `a[[:${name}:]]`,
          3,
          `unknown class "${name}": expected one of alnum, alpha, blank, cntrl, digit, graph, lower, print, punct, space, upper, xdigit`
        ] as const
    )
  ])("refuses %s", (source, column, message) => {
    assert.deepStrictEqual(errorOf(source), { column, message })
  })

  it.prop(
    "matches as JavaScript does without alternatives",
    [
      Schema.Boolean,
      Schema.Array(Piece).check(Schema.isMaxLength(5)),
      Schema.Boolean,
      Schema.Array(Schema.Literals(["a", "b", "c"])).check(Schema.isMaxLength(12))
    ],
    ([isAtStart, pieces, isAtEnd, letters]) => {
      const middle = pieces.map(([atom, repetition]) => `${atom}${repetition}`).join("")
      const source = `${isAtStart ? "^" : ""}${middle}${isAtEnd ? "$" : ""}`
      const text = letters.join("")
      const found = spans(source, text)?.[0]
      const expected = new RegExp(source).exec(text)
      assert.strictEqual(found?.[0], expected?.index)
      // The first match of JavaScript may be shorter than the longest, never longer.
      if (found !== undefined) assert.isAtLeast(found[1] - found[0], expected![0].length)
    }
  )

  it("takes at most the product of both lengths in steps, for each expression", () => {
    const text = Array.from("a".repeat(500))
    for (const source of ["(a+)+$b", "(a|a)*b", "(a*)*b", "(a?){60}a{60}b"]) {
      const regex = compile(source)
      const budget = { steps: Number.MAX_SAFE_INTEGER }
      assert.isUndefined(PosixRegex.find(regex, text, budget))
      const taken = Number.MAX_SAFE_INTEGER - budget.steps
      assert.isAtMost(taken, regex.program.length * (text.length + 1))
    }
  })
})
