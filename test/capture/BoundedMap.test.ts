import { assert, describe, it } from "@effect/vitest"
import * as Effect from "effect/Effect"
import * as Schema from "effect/Schema"
import { BoundedMap } from "../../src/capture/BoundedMap.ts"

const Key = Schema.Int.check(Schema.isBetween({ minimum: 0, maximum: 30 }))
const Limit = Schema.Int.check(Schema.isBetween({ minimum: 1, maximum: 20 }))

describe("BoundedMap", () => {
  it.effect.prop(
    "has few entries, keeps the latest, and counts those that it has forgotten",
    [Schema.Array(Key), Limit],
    ([keys, limit]) =>
      Effect.sync(() => {
        const map = new BoundedMap<number, number>(limit)
        let added = 0
        for (const [index, key] of keys.entries()) {
          if (map.get(key) === undefined) added++
          map.set(key, index)
          assert.isAtMost(map.entries.size, limit)
          assert.strictEqual(map.get(key), index)
          assert.strictEqual(map.entries.size + map.forgotten, added)
        }
      })
  )

  it("forgets the entry that was used longest ago", () => {
    const map = new BoundedMap<string, number>(2)
    for (const key of ["a", "b", "a", "c", "d", "c", "e"]) map.set(key, 1)
    assert.deepStrictEqual([...map.entries.keys()], ["c", "e"])
    assert.strictEqual(map.forgotten, 3)
  })
})
