import { assert, describe, it } from "@effect/vitest"
import * as Schema from "effect/Schema"
import * as Format from "../../../src/web/client/Format.ts"

const minuteMillis = 60_000
const hourMillis = 60 * minuteMillis
const dayMillis = 24 * hourMillis

const Amount = Schema.Finite.check(Schema.isBetween({ minimum: 0, maximum: 1e15 }))

describe("Format", () => {
  it.each([
    [0, "0 B"],
    [512, "512 B"],
    [999, "999 B"],
    [999.6, "1.00 kB"],
    [1_234, "1.23 kB"],
    [12_345, "12.3 kB"],
    [999_499, "999 kB"],
    [999_500, "1.00 MB"],
    [3_456_789_012, "3.46 GB"]
  ])("bytes writes %d as %s", (amount, text) => assert.strictEqual(Format.bytes(amount), text))

  it.prop("bytes writes a number of three significant digits that is close to the amount", [Amount], ([amount]) => {
    const [, digits, prefix] = /^([\d.]+) ([kMGTP]?)B$/.exec(Format.bytes(amount)) ?? []
    const value = Number(digits) * 1_000 ** ["", "k", "M", "G", "T", "P"].indexOf(prefix!)
    assert.isAtMost(Math.abs(value - amount), Math.max(0.5, amount * 0.0051))
  })

  it.each([
    [0, "0 %"],
    [0.999, "99 %"],
    [0.29, "29 %"],
    [1, "100 %"]
  ])("percent writes %d as %s, and 100 %% for all only", (fraction, text) =>
    assert.strictEqual(Format.percent(fraction), text)
  )

  it.each([
    [-5, "0 s"],
    [999, "0 s"],
    [59_999, "59 s"],
    [minuteMillis, "1 min"],
    [4 * minuteMillis + 12_300, "4 min 12 s"],
    [hourMillis - 1, "59 min 59 s"],
    [3 * hourMillis + 4 * minuteMillis, "3 h 4 min"],
    [2 * dayMillis + 3 * hourMillis + 59 * minuteMillis, "2 d 3 h"],
    [9_999 * dayMillis + 23 * hourMillis, "9999 d 23 h"],
    [104_166_666_666 * dayMillis, "over 10,000 d"]
  ])("age writes %d ms as %s", (millis, text) => assert.strictEqual(Format.age(millis), text))

  it.each([
    [0.424, "0.42"],
    [99_999.9, "99999.90"],
    [9e15, "over 100,000"]
  ])("load writes %d as %s", (average, text) => assert.strictEqual(Format.load(average), text))

  it.each([
    [-1, "0 ms"],
    [340.4, "340 ms"],
    [999.6, "1.0 s"],
    [3_440, "3.4 s"],
    [9_949, "9.9 s"],
    [9_950, "10 s"],
    [59_700, "1 min"],
    [4 * minuteMillis + 12_300, "4 min 12 s"]
  ])("duration writes %d ms as %s", (millis, text) => assert.strictEqual(Format.duration(millis), text))

  it("writes counts with their noun and with separators", () => {
    assert.strictEqual(Format.plural(1, "client"), "1 client")
    assert.strictEqual(Format.plural(12_345, "client"), "12,345 clients")
    assert.strictEqual(Format.plural(0, "is", "are"), "0 are")
    assert.strictEqual(Format.amount(78_498), "78.5 k")
    assert.strictEqual(Format.amount(42), "42")
    assert.strictEqual(Format.factor(3.84), "3.8×")
    assert.strictEqual(Format.factor(12.3), "12×")
    assert.strictEqual(Format.rate(1_500), "1.50 kB/s")
  })

  it("writes a figure by its unit", () => {
    const figure = (value: number, unit: "count" | "bytes" | "millis") => Format.figure({ name: "figure", value, unit })
    assert.strictEqual(figure(1_200, "count"), "1,200")
    assert.strictEqual(figure(1_200, "bytes"), "1.20 kB")
    assert.strictEqual(figure(1_200, "millis"), "1.2 s")
  })
})
