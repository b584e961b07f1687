import { assert, describe, it } from "@effect/vitest"
import * as Arbitrary from "effect/Arbitrary"
import * as Effect from "effect/Effect"
import * as Schema from "effect/Schema"
import * as FailureShrink from "../../../src/simulation/check/FailureShrink.ts"
import * as Inputs from "../../../src/simulation/check/Inputs.ts"
import * as FaultPlanSyntax from "../../../src/simulation/faults/FaultPlanSyntax.ts"
import type { Decision } from "../../../src/simulation/runtime/SimSchedulerQueue.ts"

const Small = Schema.Int.check(Schema.isBetween({ minimum: 0, maximum: 1_000 }))
const source = Inputs.make(Arbitrary.schema(Small))

const decisions: ReadonlyArray<Decision> = [
  ["1.1", 1],
  ["1.2", 1],
  ["1.3", 1]
]

/** Shrinks a run whose failure is a predicate of its faults, its input and its preemptions. */
const shrink = Effect.fnUntraced(function* (
  seed: number,
  fails: (actions: ReadonlyArray<string>, input: number, points: ReadonlyArray<string>) => boolean
) {
  const attempt = ({ decisions = [], input, plan }: FailureShrink.Candidate<number>) => {
    const [actions, points] = [plan.map(({ action }) => action), decisions.map(([point]) => point)]
    return Effect.succeed(fails(actions, input.value, points) ? "failed" : undefined)
  }
  const value = (yield* source.at(seed, []))!
  const plan = FaultPlanSyntax.parseUnsafe("drop=#7, dup=20%, delay=5ms")
  const start = { candidate: { plan, input: { value, path: [] }, decisions }, run: "failed" }
  const { candidate } = yield* FailureShrink.shrink(start, { seed, source, attempt })
  assert.strictEqual(candidate.input.value, yield* source.at(seed, candidate.input.path ?? []))
  const points = candidate.decisions!.map(([point]) => point)
  return [FaultPlanSyntax.format(candidate.plan), candidate.input.value, points]
})

describe("FailureShrink", () => {
  it.effect("removes all that a failure does not need", () =>
    Effect.gen(function* () {
      for (let seed = 1; seed <= 20; seed++) assert.deepStrictEqual(yield* shrink(seed, () => true), ["", 0, []])
    })
  )

  it.effect("goes on in one dimension after another got smaller", () =>
    Effect.gen(function* () {
      for (let seed = 1; seed <= 20; seed++) {
        // Only a small input fails without `dup`, and only without `dup` the preemption is unnecessary.
        const fails = (actions: ReadonlyArray<string>, input: number, points: ReadonlyArray<string>) =>
          actions.includes("drop") &&
          (input <= 5 || actions.includes("dup")) &&
          (!actions.includes("dup") || points.includes("1.2"))
        assert.deepStrictEqual(yield* shrink(seed, fails), ["drop=#1", 0, []])
      }
    })
  )
})
