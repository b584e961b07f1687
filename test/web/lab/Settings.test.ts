import { assert, describe, it } from "@effect/vitest"
import * as Schema from "effect/Schema"
import * as Settings from "../../../src/web/lab/Settings.ts"
import * as LabSettings from "../../support/web/LabSettings.ts"

const isValid = (settings: Settings.Settings) => {
  for (const { max, min, slider } of Settings.sliders) {
    assert.isAtLeast(settings[slider], min)
    assert.isAtMost(settings[slider], max)
  }
  assert.isTrue(Number.isInteger(settings.seed) && settings.seed >= 1 && settings.seed < 2 ** 31)
  const choices = Settings.choicesOf(settings.protocol)
  assert.deepStrictEqual(
    Object.keys(settings.choices),
    choices.map(({ name }) => name)
  )
  for (const { name, values } of choices)
    assert.include(
      values.map(({ value }) => value),
      settings.choices[name]
    )
}

const parameters = ["protocol", "seed", "loss", "duplicate", "reorder", "delay", "sender", "numbering"]

/** A value of a parameter: any text, any number, and words that mean something to a program. */
const Value = Schema.Union([
  Schema.String,
  Schema.Literals([...Settings.protocols, "__proto__", "constructor", "rfc783", "bit", "9".repeat(400), "-1", "1e9"])
])

describe("Settings", () => {
  it("have choices whose texts fit into the panel", () => {
    for (const protocol of Settings.protocols)
      for (const { values } of Settings.choicesOf(protocol))
        for (const { label } of values) assert.isAtMost(label.length, 22, label)
  })

  it.prop("parses what it formats", [LabSettings.any], ([settings]) => {
    assert.deepStrictEqual(Settings.parse(Settings.format(settings)), settings)
    assert.deepStrictEqual(Settings.parse(`?${Settings.format(settings)}`), settings)
  })

  it.prop("parses any text into valid settings", [Schema.String], ([query]) => isValid(Settings.parse(query)))

  it.prop(
    "parses any values of its parameters into valid settings",
    [Schema.Record(Schema.Literals(parameters), Value)],
    ([values]) => isValid(Settings.parse(new URLSearchParams(values).toString()))
  )

  it.prop(
    "makes any numbers valid, and changes nothing the second time",
    [LabSettings.any, Schema.Number, Schema.Number, Schema.Record(Schema.String, Schema.String)],
    ([settings, one, other, choices]) => {
      const once = Settings.normalize({ ...settings, seed: one, lossPercent: other, delayMillis: one, choices })
      isValid(once)
      assert.deepStrictEqual(Settings.normalize(once), once)
    }
  )

  it.each([
    ["", "stop-and-wait", 20, 1],
    ["protocol=tftp", "tftp", 5, 1],
    ["protocol=gopher&loss=7", "stop-and-wait", 7, 1],
    ["protocol=rot13&loss=101&seed=0", "rot13", 100, 1],
    ["loss=-3&seed=2147483648", "stop-and-wait", 0, 2 ** 31 - 1],
    ["loss=1e1&seed=0x10", "stop-and-wait", 20, 1],
    ["loss=12.34&loss=50&seed=77", "stop-and-wait", 12.3, 77]
  ] as const)("parses %j as %s with %d %% loss and seed %d", (query, protocol, loss, seed) => {
    const settings = Settings.parse(query)
    assert.deepStrictEqual([settings.protocol, settings.lossPercent, settings.seed], [protocol, loss, seed])
  })

  it("reads a very long query without its end", () => {
    assert.strictEqual(Settings.parse(`${"x".repeat(1e6)}&protocol=tftp`).protocol, "stop-and-wait")
  })

  it("gives every parameter of a protocol its own name", () => {
    for (const protocol of Settings.protocols) {
      const names = [...new URLSearchParams(Settings.format(Settings.defaults(protocol))).keys()]
      assert.strictEqual(new Set(names).size, names.length)
    }
  })

  it("offers the value at first of each choice", () => {
    for (const protocol of Settings.protocols) isValid(Settings.defaults(protocol))
  })

  it.prop(
    "returns another valid seed",
    [Schema.Int.check(Schema.isBetween({ minimum: 1, maximum: 2 ** 31 - 2 }))],
    ([seed]) => {
      const next = Settings.nextSeed(seed)
      assert.notStrictEqual(next, seed)
      assert.isTrue(Number.isInteger(next) && next >= 1 && next < 2 ** 31)
    }
  )
})
