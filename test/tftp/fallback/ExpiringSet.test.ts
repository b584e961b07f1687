import { assert, describe, it } from "@effect/vitest"
import * as ExpiringSet from "../../../src/tftp/fallback/ExpiringSet.ts"

describe("ExpiringSet", () => {
  it("has a key until its time", () => {
    const set = ExpiringSet.make(10)
    set.add("a", 100)
    assert.isTrue(set.has("a", 99))
    assert.isFalse(set.has("a", 100))
    assert.isFalse(set.has("a", 99))
    set.add("a", 200)
    assert.isTrue(set.has("a", 199))
  })

  it("forgets the oldest key beyond its size", () => {
    const set = ExpiringSet.make(2)
    for (const key of ["a", "b", "a", "c"]) set.add(key, 100)
    assert.deepStrictEqual(
      ["a", "b", "c"].map((key) => set.has(key, 0)),
      [true, false, true]
    )
  })
})
