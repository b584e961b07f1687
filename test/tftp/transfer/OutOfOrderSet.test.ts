import { assert, describe, it } from "@effect/vitest"
import * as Schema from "effect/Schema"
import * as OutOfOrderSet from "../../../src/tftp/transfer/OutOfOrderSet.ts"

const setOf = (...distances: ReadonlyArray<number>) => distances.reduce(OutOfOrderSet.add, OutOfOrderSet.empty)

describe("OutOfOrderSet", () => {
  it("advances past the missing block and the run that follows it", () => {
    const [run, rest] = OutOfOrderSet.advance(setOf(2, 3, 6))
    assert.strictEqual(run, 2)
    assert.deepStrictEqual(
      [1, 2, 3, 4].map((distance) => distance > 1 && OutOfOrderSet.has(rest, distance)),
      [false, false, true, false],
      "6 is 3 blocks after the end of the run, 3"
    )
    assert.isTrue(OutOfOrderSet.isEmpty(OutOfOrderSet.advance(setOf(2, 3))[1]))
  })

  const Operation = Schema.Union([
    Schema.Literal("advance"),
    Schema.Int.check(Schema.isBetween({ minimum: 2, maximum: 12 })),
    Schema.Int.check(Schema.isBetween({ minimum: 2, maximum: 32_767 }))
  ])

  it.prop(
    "has the members of a Set of block numbers, after any additions and advances",
    [Schema.Array(Operation).check(Schema.isMaxLength(60))],
    ([operations]) => {
      let received = 0
      let set = OutOfOrderSet.empty
      const model = new Set<number>()
      for (const operation of operations) {
        if (operation === "advance") {
          const [run, rest] = OutOfOrderSet.advance(set)
          set = rest
          received++
          for (let left = run; left > 0; left--) assert.isTrue(model.delete(++received))
          assert.isFalse(model.has(received + 1), "the run ends before a missing block")
        } else {
          set = OutOfOrderSet.add(set, operation)
          model.add(received + operation)
        }
        assert.strictEqual(OutOfOrderSet.isEmpty(set), model.size === 0)
        for (const distance of [2, 3, 4, 5, 13, 32_767]) {
          assert.strictEqual(OutOfOrderSet.has(set, distance), model.has(received + distance))
        }
        for (const block of model) assert.isTrue(OutOfOrderSet.has(set, block - received))
      }
    },
    { arbitrary: { runs: 500 } }
  )
})
