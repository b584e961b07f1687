import * as Child from "node:child_process"
import { assert, describe, it } from "@effect/vitest"
import * as Effect from "effect/Effect"
import * as Schema from "effect/Schema"
import * as Guess from "../../src/guess/Guess.ts"

/** Texts of which many are numbers or similar to numbers. */
const Text = Schema.Array(Schema.Literals([..."0123456789", ..." \t\n\v\f\r+-+-.x\0\u00ff\u00a0"])).pipe(
  Schema.check(Schema.isMaxLength(16))
)

/** Reference implementation, character by character, with integers of any size. */
const reference = (text: string) => {
  let at = 0
  while (at < text.length && " \t\n\v\f\r".includes(text[at]!)) at++
  const negative = text[at] === "-"
  if (negative || text[at] === "+") at++
  let value = 0n
  for (; at < text.length && text[at]! >= "0" && text[at]! <= "9"; at++) value = value * 10n + BigInt(text[at]!)
  if (negative) value = -value
  const [smallest, largest] = [-(2n ** 31n), 2n ** 31n - 1n]
  return Number(value < smallest ? smallest : value > largest ? largest : value)
}

/** Python program that calls `atoi` of the C library for every line of hexadecimal bytes. */
const python = `
import ctypes, sys
atoi = ctypes.CDLL(None).atoi
for line in sys.stdin: print(atoi(bytes.fromhex(line)))
`
const hasPython = Child.spawnSync("python3", ["-c", "import ctypes"]).status === 0

const client = (seed: number) => ({ id: 1, remote: "127.0.0.1:5", seed })
const Seed = Schema.Int.check(Schema.isBetween({ minimum: 0, maximum: 2 ** 32 - 1 }))

describe("Guess", () => {
  it.prop(
    "parses numbers as the reference implementation",
    [Text],
    ([chars]) => {
      assert.strictEqual(Guess.atoi(chars.join("")), reference(chars.join("")))
    },
    { arbitrary: { runs: 2_000 } }
  )

  it.skipIf(!hasPython)("parses numbers as atoi of the C library (skipped without python3)", () => {
    const signs = ["", "+", "-", "+-", "--", "- "]
    const blanks = ["", " ", "\t\n", "\v\f\r ", "\u00a0", "\u0001", "_"]
    const digits = ["", "0", "7", "007", "1000", "2147483647", "12x4", "x", "1 2", "5\u00006", "0x10", "1e3", "\u00b2"]
    const texts = blanks.flatMap((blank) => signs.flatMap((sign) => digits.map((digit) => blank + sign + digit)))
    const input = texts.map((text) => Buffer.from(text, "latin1").toString("hex")).join("\n")
    const { stdout } = Child.spawnSync("python3", ["-c", python], { input, encoding: "utf8" })
    assert.deepStrictEqual(texts.map(Guess.atoi), stdout.trim().split("\n").map(Number))
  })

  it.each([
    ["", 0],
    ["x", 0],
    [" \t+42 ", 42],
    ["-7", -7],
    ["- 7", 0],
    ["500\n600\n", 500],
    ["12\u000034", 12],
    ["\u00a05", 0],
    ["4294967797", 2 ** 31 - 1],
    ["9".repeat(100), 2 ** 31 - 1],
    [`-${"9".repeat(99)}`, -(2 ** 31)]
  ])("parses %j as %d", (text, value) => {
    assert.strictEqual(Guess.atoi(text), value)
  })

  it.prop(
    "sends only the three replies, with which halving the range finds the number",
    [Guess.Range, Seed],
    ([bounds, seed]) => {
      const range = { min: Math.min(bounds.min, bounds.max), max: Math.max(bounds.min, bounds.max) }
      const session = Guess.session(range)
      let [state, out] = session.open(client(seed))
      assert.deepStrictEqual(out, {})
      let [low, high] = [range.min, range.max]
      for (let turn = 0; turn < 32 && !out.close; turn++) {
        const guess = Math.floor((low + high) / 2)
        ;[state, out] = session.receive(state, { _tag: "Line", text: ` ${guess}\r\n` })
        assert.include(["too big\n", "too small\n", "correct!\n"], out.text)
        if (out.text === "too big\n") high = guess - 1
        if (out.text === "too small\n") low = guess + 1
        assert.strictEqual(out.close, out.text === "correct!\n")
      }
      assert.isTrue(out.close)
    }
  )

  it("draws all numbers of the range equally often", () => {
    const counts = new Map<number, number>()
    for (let seed = 0; seed < 3_000; seed++) {
      const target = Guess.target({ min: 1, max: 1_000 }, { seed })
      counts.set(target, (counts.get(target) ?? 0) + 1)
    }
    assert.deepStrictEqual(new Set(counts.values()), new Set([3]))
    assert.deepStrictEqual([Math.min(...counts.keys()), Math.max(...counts.keys())], [1, 1_000])
  })

  it.effect.each([
    [{}, { min: 1, max: 1_000 }],
    [{ max: 10 }, { min: 1, max: 10 }],
    [
      { min: undefined, max: undefined },
      { min: 1, max: 1_000 }
    ]
  ] as const)("decodes the options %j", ([options, range]) =>
    Effect.map(Schema.decodeUnknownEffect(Guess.definition.options)(options), (decoded) => {
      assert.deepStrictEqual(decoded, range)
    })
  )
})
