import { assert, describe, it } from "@effect/vitest"
import * as Effect from "effect/Effect"
import * as SimCheck from "../../src/simulation/SimCheck.ts"
import * as Rot13Faults from "../suites/Rot13Faults.ts"

describe("rot13 on an impaired network", () => {
  it.effect("replies correctly or fails with a typed error in time, and replies once the faults are over", () =>
    Effect.gen(function* () {
      const { faults: generate, scenario, sometimes } = Rot13Faults
      const summary = yield* SimCheck.check(scenario, { generate, sometimes, runs: 100 })
      assert.isAbove(summary.faults, summary.runs)
    })
  )

  it.effect.each([
    ["chunk=1", "right"],
    ["delay=tcp 50ms..200ms", "right"],
    ["stall=#1 5m server>client", "no answer"],
    ["cut=10 server>client", "Closed"],
    ["reset=10 server>client", "Reset"],
    ["crash=server@0.5ms..1h", "TimedOut"]
  ])("with %s reaches: %s", ([plan, label]) =>
    Effect.gen(function* () {
      const { reached } = yield* SimCheck.check(Rot13Faults.safetyScenario, { plan: plan!, runs: 3 })
      assert.isTrue(reached.has(label!), [...reached.keys()].join(", "))
    })
  )
})
