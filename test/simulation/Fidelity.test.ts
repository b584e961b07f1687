import { assert, describe, it } from "@effect/vitest"
import * as Effect from "effect/Effect"
import * as Fidelity from "../suites/fidelity/Fidelity.ts"
import * as NotModelled from "../suites/fidelity/notModelled.ts"

const scenarios = await Fidelity.load()

describe("NodeNetwork", () => {
  for (const [path, scenario] of scenarios) {
    const missing = Fidelity.missing(scenario)
    const why = missing.length === 0 ? "" : ` (skipped: no ${missing.join(", ")})`
    const test = missing.length === 0 ? it.live : it.live.skip
    test(`${path}: ${scenario.name}${why}`, () =>
      Effect.map(Fidelity.runOnLinux(scenario), (result) => assert.deepStrictEqual(result, scenario.expected)))
  }
})

describe("SimNetwork", () => {
  for (const [path, scenario] of scenarios) {
    const { expected, notModelled } = scenario
    it.effect(`${path}: ${scenario.name}${notModelled === undefined ? "" : " (not modelled)"}`, () =>
      Effect.map(Fidelity.runSimulated(scenario), (result) =>
        assert.deepStrictEqual(result, notModelled === undefined ? expected : notModelled.result)
      )
    )
    if (notModelled !== undefined)
      it(`${path}: the expected results differ`, () => assert.isFalse(Fidelity.isEqual(expected, notModelled.result)))
  }
})

it("names of scenarios are unique", () => {
  const names = scenarios.map(([, { name }]) => name)
  assert.deepStrictEqual(
    names.filter((name, index) => names.indexOf(name) !== index),
    []
  )
})

it("the guide has the table of what is not modelled", async () => {
  const { actual, expected } = await NotModelled.section()
  assert.strictEqual(actual, expected, "write it with: node test/suites/fidelity/notModelled.ts")
})
