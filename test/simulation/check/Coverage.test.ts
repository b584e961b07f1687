import { assert, describe, it } from "@effect/vitest"
import * as Coverage from "../../../src/simulation/check/Coverage.ts"
import * as FaultPlanSyntax from "../../../src/simulation/faults/FaultPlanSyntax.ts"

describe("Coverage", () => {
  it("counts runs, not events, and keeps the first seed", () => {
    const coverage = Coverage.make(["never"])
    const plan = FaultPlanSyntax.parseUnsafe("drop=#1, drop=#2, dup=#1")
    coverage.add(3, { plan, faults: [2, 1, 0], reached: new Set(["sent"]), unreached: new Set(["lost"]) })
    coverage.add(4, { plan, faults: [0, 0, 0], reached: new Set(["sent", "lost"]), unreached: new Set() })
    assert.deepStrictEqual(coverage.rows(), [
      { kind: "state", name: "never", runs: 0, firstSeed: undefined },
      { kind: "state", name: "sent", runs: 2, firstSeed: 3 },
      { kind: "state", name: "lost", runs: 1, firstSeed: 4 },
      { kind: "fault", name: "drop", runs: 1, firstSeed: 3 },
      { kind: "fault", name: "dup", runs: 0, firstSeed: undefined }
    ])
    assert.strictEqual(
      Coverage.format(coverage.rows(), 2),
      [
        "state  of 2 runs  first seed",
        "never          0           -",
        "sent           2           3",
        "lost           1           4",
        "",
        "fault  of 2 runs  first seed",
        "drop           1           3",
        "dup            0           -"
      ].join("\n")
    )
  })
})
