import { assert, describe, it } from "@effect/vitest"
import * as Arbitrary from "effect/Arbitrary"
import * as Schema from "effect/Schema"
import * as FilterRegExp from "../../../src/capture/filter/FilterRegExp.ts"

const to = (maximum: number) => Arbitrary.schema(Schema.Int.check(Schema.isBetween({ minimum: 0, maximum })))

const pick = <const A>(...all: ReadonlyArray<A>): Arbitrary.Arbitrary<A> =>
  Arbitrary.map(to(all.length - 1), (at) => all[at]!)

const characters = pick(
  ...["a", "B", "c", ".", "[ab]", "[^a-c]", "[\\w-]", "\\d", "\\S", "\\W", "\\x61", "\\u00e9", "\\n", "\\."],
  ...["{", "]", "}", "K", "\\/", "[\\]]", "É", "ſ", "[A-z]", "-"]
)

const assertions = pick("^", "$", "\\b", "\\B")

const quantifiers = pick("*", "+", "?", "*?", "{2}", "{1,}", "{0,2}", "{0}", "{1,3}?", "{2,}")

/** Patterns with groups in groups, to a depth. */
const patterns = (depth: number): Arbitrary.Arbitrary<string> => {
  const atom =
    depth === 0
      ? characters
      : Arbitrary.map(Arbitrary.all([pick("(", "(?:"), patterns(depth - 1)]), ([open, inner]) => `${open}${inner})`)
  const part = Arbitrary.map(
    Arbitrary.all([to(9), atom, characters, quantifiers, assertions]),
    ([kind, atom, character, quantifier, assertion]) =>
      kind < 3
        ? `${atom}${quantifier}`
        : kind < 5
          ? atom
          : kind < 7
            ? character
            : kind === 7
              ? "|"
              : kind === 8
                ? `${character}${quantifier}`
                : assertion
  )
  return Arbitrary.map(Arbitrary.array(part, { maxLength: 4 }), (parts) => parts.join(""))
}

const texts = Arbitrary.map(
  Arbitrary.array(
    pick("a", "A", "b", "B", "c", "1", " ", "\n", "\r", "é", "É", "k", "K", "s", "ſ", "{", "]", ".", "-"),
    {
      maxLength: 9
    }
  ),
  (parts) => parts.join("")
)

describe("FilterRegExp", () => {
  it.prop(
    "matches as the regular expressions of JavaScript",
    [patterns(2), texts],
    ([pattern, text]) => {
      assert.isUndefined(FilterRegExp.problemOf(pattern), pattern)
      assert.strictEqual(FilterRegExp.compile(pattern)(text), new RegExp(pattern, "i").test(text), pattern)
    },
    { arbitrary: { runs: 5_000 } }
  )

  it.each(["^(a+)+$", "^(a|a?)+$", `^${"(.*)".repeat(10)}b$`, "(a*)*$b", "^(([a-z])+.)+[A-Z]([a-z])+$", "a*a*a*a*a*b"])(
    "%s takes a bounded time on the longest text",
    (pattern) => assert.isFalse(FilterRegExp.compile(pattern)(`${"a".repeat(65_535)}!`))
  )

  it("takes an inline flag to ignore case, and searches the first 65,536 characters", () => {
    assert.isTrue(FilterRegExp.compile("(?i)^get")("GET /"))
    assert.isFalse(FilterRegExp.compile("b")(`${"a".repeat(65_536)}b`))
  })

  it.each([
    ["a(?=b)", "without (?=, since"],
    ["(?<!a)b", "without (?<!, since"],
    ["(?<name>a)", "without (?<n, since"],
    ["(a)\\1", "without \\1, since"],
    ["\\X41", "without \\X, since"],
    ["\\q", "without \\q, since"],
    ["((a{100}){100}){100}", "at most 4000 parts"],
    ["((?:){1000000000}){1000000000}", "at most 4000 parts"],
    ["(a", "(/(a/i: Unterminated group)"],
    ["a".repeat(1_001), "at most 1000 characters"]
  ])("of %s says what is wrong", (pattern, reason) => assert.include(FilterRegExp.problemOf(pattern), reason))
})
