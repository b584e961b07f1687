import { assert, describe, it } from "@effect/vitest"
import * as Arbitrary from "effect/Arbitrary"
import * as Effect from "effect/Effect"
import * as Schema from "effect/Schema"
import * as CommandList from "../../../src/simulation/check/CommandList.ts"
import type * as FastCheckRandom from "../../../src/simulation/check/FastCheckRandom.ts"
import * as Inputs from "../../../src/simulation/check/Inputs.ts"

const Small = Schema.Int.check(Schema.isBetween({ minimum: 0, maximum: 1_000 }))
const numbers = Arbitrary.array(Arbitrary.schema(Small), { minLength: 1, maxLength: 20 })

/** Arbitrary with the interface of fast-check: integers up to 1,000 that shrink towards 0. */
const integers: Inputs.FastCheckArbitrary<number> = {
  generate: (random: never) => {
    const value = (random as FastCheckRandom.FastCheckRandom).nextInt(0, 1_000)
    return { value, context: value }
  },
  shrink: (value: never) =>
    [...new Set([0, Math.floor((value as number) / 2), (value as number) - 1])]
      .filter((one) => one >= 0 && one < (value as number))
      .map((one) => ({ value: one, context: one }))
}

const lists = CommandList.make(integers, { clients: 2, maxCommands: 10, maxPauseMillis: 10 })

const sources: Readonly<Record<string, Inputs.Source<unknown>>> = {
  "of effect": Inputs.make(numbers),
  "of effect with a filter": Inputs.make(Arbitrary.filter(numbers, (list) => list.length % 3 !== 0)),
  "of fast-check": Inputs.make(integers),
  "of commands": Inputs.make(lists)
}

/** Sum of all numbers in a value. */
const sizeOf = (value: unknown): number =>
  typeof value === "number" ? value : Array.isArray(value) ? value.reduce((sum, one) => sum + sizeOf(one), 1) : 0

describe("Inputs", () => {
  for (const [name, source] of Object.entries(sources)) {
    it.effect(`returns one value for each seed, and others for other seeds: arbitrary ${name}`, () =>
      Effect.gen(function* () {
        const seen = new Set<string>()
        for (let seed = 1; seed <= 50; seed++) {
          const value = yield* source.at(seed, [])
          assert.deepStrictEqual(yield* source.at(seed, []), value)
          seen.add(JSON.stringify(value))
        }
        assert.isAbove(seen.size, 20)
      })
    )

    it.effect(`shrinks to a value that its path finds again, and goes on from there: arbitrary ${name}`, () =>
      Effect.gen(function* () {
        let shrunk = 0
        for (let seed = 1; seed <= 40; seed++) {
          for (const [first, second] of [
            [500, 20],
            [100, 3]
          ] as const) {
            const fails = (least: number) => (value: unknown) => Effect.succeed(sizeOf(value) >= least)
            const start = yield* source.at(seed, [])
            if (sizeOf(start) < first) continue
            const path = yield* source.shrink(seed, [], fails(first))
            const value = yield* source.at(seed, path)
            assert.isAtLeast(sizeOf(value), first)
            assert.isAtMost(sizeOf(value), sizeOf(start))
            // Under a weaker condition, the descent continues below the first path.
            const further = yield* source.shrink(seed, path, fails(second))
            assert.deepStrictEqual(further.slice(0, path.length), [...path])
            const smaller = yield* source.at(seed, further)
            assert.isAtLeast(sizeOf(smaller), second)
            assert.isAtMost(sizeOf(smaller), sizeOf(value))
            if (sizeOf(smaller) < sizeOf(value)) shrunk++
          }
        }
        assert.isAbove(shrunk, 3)
      })
    )

    it.effect(`returns nothing for a path that does not exist: arbitrary ${name}`, () =>
      Effect.gen(function* () {
        assert.isUndefined(yield* source.at(1, [100_000]))
      })
    )
  }

  it.effect("lists commands of all clients, and drops those that are not needed", () =>
    Effect.gen(function* () {
      const source = Inputs.make(lists)
      const fails = (list: CommandList.CommandList<number>) => Effect.succeed(list.some(([client]) => client === 1))
      let found = 0
      for (let seed = 1; seed <= 30; seed++) {
        const list = (yield* source.at(seed, []))!
        assert.isAtLeast(list.length, 1)
        assert.isAtMost(list.length, 10)
        if (!list.some(([client]) => client === 1)) continue
        found++
        assert.deepStrictEqual(yield* source.at(seed, yield* source.shrink(seed, [], fails)), [[1, 0]])
      }
      assert.isAbove(found, 10)
    })
  )

  it.effect.prop("formats JSON as itself", [Schema.Json], ([value]) =>
    Effect.sync(() => {
      const parsed = Inputs.parse(Inputs.format({ value, path: undefined }))
      assert.deepStrictEqual(parsed, { _tag: "Value", value: JSON.parse(JSON.stringify(value)) })
    })
  )

  it("formats other values as their path", () => {
    const format = (value: unknown) => Inputs.format({ value, path: [0, 3] })
    assert.strictEqual(format(1n), "~0.3")
    assert.strictEqual(format(Uint8Array.of(1)), "~0.3")
    assert.strictEqual(format({ at: new Date(0) }), "~0.3")
    assert.strictEqual(format(undefined), "~0.3")
    assert.strictEqual(format([{ a: 1 }]), '[{"a":1}]')
    assert.deepStrictEqual(Inputs.parse("~0.3"), { _tag: "Path", path: [0, 3] })
    assert.deepStrictEqual(Inputs.parse("~"), { _tag: "Path", path: [] })
    assert.isUndefined(Inputs.parse("~x"))
    assert.isUndefined(Inputs.parse("{"))
  })
})
