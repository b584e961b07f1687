import { assert, describe, it } from "@effect/vitest"
import * as Effect from "effect/Effect"
import * as Schema from "effect/Schema"
import type { Decision } from "../../../src/simulation/runtime/SimSchedulerQueue.ts"
import * as SimSchedulerShrink from "../../../src/simulation/runtime/SimSchedulerShrink.ts"

const decisionsAt = (points: Iterable<string>) => Array.from(points, (point): Decision => [point, 1])

/** Shrinks decisions while a predicate of their points holds; returns the points that remain, and the runs made. */
const shrink = Effect.fnUntraced(function* (
  found: ReadonlyArray<Decision>,
  fails: (points: ReadonlySet<string>) => boolean,
  points: ReadonlyArray<string> = []
) {
  let runs = 0
  const smallest = yield* SimSchedulerShrink.minimise(
    found,
    (decisions) => {
      runs++
      return Effect.succeed(decisions.map(([point]) => point))
    },
    (run) => (fails(new Set(run)) ? run.length : undefined),
    () => points
  )
  return { points: smallest === undefined ? undefined : [...smallest].sort(), runs }
})

const all = Array.from({ length: 40 }, (_, n) => `1.${n + 1}`)

const Index = Schema.Int.check(Schema.isBetween({ minimum: 0, maximum: 39 }))

describe("SimSchedulerShrink", () => {
  it.effect.prop("keeps exactly the decisions that a failure needs", [Schema.Array(Index)], ([indices]) =>
    Effect.gen(function* () {
      const needed = new Set(indices.slice(0, 4).map((index) => all[index]!))
      const { points } = yield* shrink(decisionsAt(all), (given) => [...needed].every((point) => given.has(point)))
      assert.deepStrictEqual(points, [...needed].sort())
    })
  )

  it.effect.prop(
    "removes two decisions of which one alone cannot be removed",
    [Index, Index, Index],
    ([one, two, three]) =>
      Effect.gen(function* () {
        if (new Set([one, two, three]).size < 3) return
        const [a, b, c] = [all[one]!, all[two]!, all[three]!]
        // The failure needs `c`; `b` undoes `a`.
        const { points } = yield* shrink(decisionsAt(all), (given) => given.has(c) && given.has(a) === given.has(b))
        assert.deepStrictEqual(points, [c])
      })
  )

  it.effect("finds two preemptions in place of many decisions", () =>
    Effect.gen(function* () {
      const many = ["0/0", "0/1", "0/2", "0/3"]
      const isPair = (given: ReadonlySet<string>) => given.size === 2 && given.has("1.7") && given.has("1.31")
      const isMany = (given: ReadonlySet<string>) => given.size === 4 && many.every((point) => given.has(point))
      const { points, runs } = yield* shrink(decisionsAt(many), (given) => isPair(given) || isMany(given), all)
      assert.deepStrictEqual(points, ["1.31", "1.7"])
      assert.isBelow(runs, 1_000)
    })
  )

  it.effect("returns nothing if the decisions do not fail again", () =>
    Effect.gen(function* () {
      assert.isUndefined((yield* shrink(decisionsAt(all), () => false)).points)
    })
  )
})
