import { assert, describe, it } from "@effect/vitest"
import * as Effect from "effect/Effect"
import * as Schema from "effect/Schema"
import * as Fidelity from "../suites/fidelity/Fidelity.ts"
import * as UdpPrograms from "../suites/fidelity/UdpPrograms.ts"

const missing = Fidelity.missing({ ...UdpPrograms.scenario([]), needs: ["ipv6", "multicast"] })
const isSkipped = missing.length > 0

/** Number of other programs to try; by default the programs are always the same. */
const runs = process.env.FIDELITY_RUNS

describe.skipIf(isSkipped)(`SimNetwork and Linux${isSkipped ? ` (skipped: no ${missing.join(", ")})` : ""}`, () => {
  it.live.prop(
    "have the same results of generated UDP programs",
    [Schema.Array(UdpPrograms.Operation).check(Schema.isMinLength(8), Schema.isMaxLength(20))],
    Effect.fnUntraced(function* ([operations]) {
      const scenario = UdpPrograms.scenario(operations)
      const simulated = yield* Fidelity.runSimulated(scenario)
      assert.deepStrictEqual(simulated, yield* Fidelity.runOnLinux(scenario))
    }),
    { arbitrary: runs === undefined ? { runs: 200, seed: 1 } : { runs: Number(runs) } }
  )
})
