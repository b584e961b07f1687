import { assert, describe, it } from "@effect/vitest"
import * as FailureLog from "../../../src/session/workers/FailureLog.ts"

describe("FailureLog", () => {
  it("logs the first line, then one in a minute with the number of those left out", () => {
    let log = FailureLog.initial
    const add = (now: number) => {
      const [next, line] = FailureLog.add(log, "failed", now)
      log = next
      return line
    }
    assert.strictEqual(add(5), "failed")
    assert.deepStrictEqual([add(6), add(100), add(60_004)], [undefined, undefined, undefined])
    assert.strictEqual(add(60_005), "failed (and 3 times more since the last such line)")
    assert.strictEqual(add(200_000), "failed")
  })
})
