import { assert, describe, it } from "@effect/vitest"
import * as Effect from "effect/Effect"
import * as Fibers from "../../src/session/Fibers.ts"
import * as Iterative from "../../src/session/Iterative.ts"
import * as Select from "../../src/session/Select.ts"
import * as SimCheck from "../../src/simulation/SimCheck.ts"
import * as SessionsFaults from "../suites/session/SessionsFaults.ts"

const { faults: generate, scenario, sometimes } = SessionsFaults

describe("sessions under faults", () => {
  for (const { name, serve } of [Iterative.model, Fibers.model, Select.model]) {
    it.effect(`${name} sends a prefix of the transcript under faults, and all of it after them`, () =>
      Effect.gen(function* () {
        const summary = yield* SimCheck.check(scenario(serve), { generate, sometimes, runs: 40 })
        assert.isAbove(summary.faults, summary.runs)
      })
    )
  }
})
