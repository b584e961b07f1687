import { assert, describe, it } from "@effect/vitest"
import * as Effect from "effect/Effect"
import * as Fibers from "../../src/session/Fibers.ts"
import * as Iterative from "../../src/session/Iterative.ts"
import * as Select from "../../src/session/Select.ts"
import * as SimCheck from "../../src/simulation/SimCheck.ts"
import * as SessionsFaults from "../suites/session/SessionsFaults.ts"

const { faults: generate, scenario, sometimes } = SessionsFaults

describe("sessions on a bad network", () => {
  for (const { name, serve } of [Iterative.model, Fibers.model, Select.model]) {
    it.effect(`${name}: what the session says or a part of it; once the faults are over, all of it`, () =>
      Effect.gen(function* () {
        const summary = yield* SimCheck.check(scenario(serve), { generate, sometimes, runs: 40 })
        assert.isAbove(summary.faults, summary.runs)
      })
    )
  }
})
