import { assert, describe, it } from "@effect/vitest"
import * as Effect from "effect/Effect"
import * as Schema from "effect/Schema"
import * as SwitchList from "../../../src/simulation/check/SwitchList.ts"
import type { Decision } from "../../../src/simulation/runtime/SimSchedulerQueue.ts"

const small = Schema.Int.check(Schema.isBetween({ minimum: 0, maximum: 99 }))
const Decisions = Schema.Array(Schema.Struct({ fiber: small, check: small, task: Schema.NullOr(small), choice: small }))

describe("SwitchList", () => {
  it.effect.prop("parses all decisions that it formats", [Decisions], ([parts]) =>
    Effect.sync(() => {
      const decisions = parts.map(
        ({ check, choice, fiber, task }): Decision => [
          `${fiber}.${check}${task === null ? "" : `/${task}`}`,
          choice + 1
        ]
      )
      assert.deepStrictEqual(SwitchList.parse(SwitchList.format(decisions)), decisions)
    })
  )

  it("formats a preemption as its point", () => {
    assert.strictEqual(
      SwitchList.format([
        ["2.7", 1],
        ["0/0", 2]
      ]),
      "2.7, 0/0:2"
    )
    assert.strictEqual(SwitchList.format([]), "none")
  })

  it("rejects other texts", () => {
    for (const text of ["", "x", "2.7,", "2.7:x", "-1"]) assert.isUndefined(SwitchList.parse(text), text)
  })
})
