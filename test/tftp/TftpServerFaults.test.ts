import { assert, describe, it } from "@effect/vitest"
import * as Effect from "effect/Effect"
import * as SimCheck from "../../src/simulation/SimCheck.ts"
import * as TftpFaults from "../suites/tftp/TftpFaults.ts"

const { dissectors, faults, scenario, sometimes, transfers } = TftpFaults

describe("TFTP under faults", () => {
  it.effect(
    "transfers the right file or fails with a typed error, and transfers the right file once the faults are over",
    () =>
      Effect.gen(function* () {
        const summary = yield* SimCheck.check(scenario, { generate: faults, dissectors, sometimes, runs: 20 })
        assert.isAbove(summary.faults, summary.runs)
      })
  )

  it.effect.each([
    ["drop=100% kind=DATA", "put Timeout"],
    ["drop=100% kind=ACK client>server", "get Timeout"],
    ["drop=100% kind=ACK server>client", "put Timeout"],
    ["dup=100%", "get done"],
    ["delay=100% 1ms..80ms", "get done"],
    ["crash=server@20ms..1m", "put Timeout"]
  ])("reaches, under %s, the outcome %s", ([plan, label]) =>
    Effect.gen(function* () {
      const { reached } = yield* SimCheck.check(transfers, { plan: plan!, dissectors, runs: 3 })
      assert.isTrue(reached.has(label!), [...reached.keys()].join(", "))
    })
  )
})
