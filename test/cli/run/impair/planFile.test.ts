import { assert, describe, it } from "@effect/vitest"
import * as Result from "effect/Result"
import * as Schema from "effect/Schema"
import * as planFile from "../../../../src/cli/run/impair/planFile.ts"
import * as FaultPlanSyntax from "../../../../src/simulation/faults/FaultPlanSyntax.ts"

const rules = [
  "drop=5%",
  "dup=#3",
  "delay=20ms..40ms",
  "reorder=#1:2",
  "chunk=2",
  "partition=127.0.0.1|*@2s..5s"
] as const

describe("planFile.parse", () => {
  it("takes rules on several lines, comments and empty lines", () => {
    const text = "# lost\ndrop=5%, dup=#3\n\n  # late\r\ndelay=20ms..40ms,\r\n"
    assert.strictEqual(
      FaultPlanSyntax.format(Result.getOrThrow(planFile.parse(text))),
      "drop=5%, dup=#3, delay=20ms..40ms"
    )
  })

  const separators = Schema.Literals([", ", ",\n", "\n", ";\n\n", "\r\n", "\n# comment\n"])
  const parts = Schema.NonEmptyArray(Schema.Tuple([Schema.Literals(rules), separators]))

  it.prop("returns the same plan wherever its rules are divided into lines", [parts], ([all]) => {
    const text = all.map(([rule, separator], index) => rule + (index < all.length - 1 ? separator : "")).join("")
    const expected = all.map(([rule]) => rule).join(", ")
    assert.strictEqual(FaultPlanSyntax.format(Result.getOrThrow(planFile.parse(text))), expected)
  })

  it.each([
    ["drop=5%\n\nchonk", "line 3: column 1: expected one of drop"],
    ["delay=20ms, drop=150%", "line 1: column 18: expected"],
    ["drop=5% a>b", "line 1: unknown host a"],
    ["drop=5%\ncrash=a@2s", "line 2: crash=a@2s: only simulated hosts have the fault crash"]
  ])("fails for %j with the line and the reason", (text, reason) => {
    const parsed = planFile.parse(text)
    assert.isTrue(Result.isFailure(parsed) && parsed.failure.startsWith(reason), JSON.stringify(parsed))
  })
})
