import { assert, describe, it } from "@effect/vitest"
import * as WaitingRequests from "../../../src/tftp/server/WaitingRequests.ts"

describe("WaitingRequests", () => {
  it("has its newest request first, which is also one that is added again", () => {
    const waiting = WaitingRequests.make<string>()
    for (const name of ["a", "b", "c", "a", "d"]) waiting.add(name)
    waiting.remove("d")
    assert.deepStrictEqual([waiting.size(), waiting.newest(), waiting.oldest()], [3, "a", "b"])
    waiting.remove("a")
    assert.deepStrictEqual([waiting.has("a"), waiting.newest(), waiting.find((name) => name > "b")], [false, "c", "c"])
    for (const name of ["b", "c"]) waiting.remove(name)
    assert.deepStrictEqual([waiting.size(), waiting.newest(), waiting.oldest()], [0, undefined, undefined])
  })

  it("keeps the order when many requests have been removed", () => {
    const waiting = WaitingRequests.make<number>()
    waiting.add(-1)
    for (let number = 0; number < 5_000; number++) {
      waiting.add(number)
      if (number < 4_999) waiting.remove(number)
    }
    assert.deepStrictEqual([waiting.size(), waiting.oldest(), waiting.newest()], [2, -1, 4_999])
  })
})
