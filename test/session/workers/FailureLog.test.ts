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

  it("has a line for those left out when no more follow", () => {
    let log = FailureLog.initial
    assert.isUndefined(FailureLog.flush(log))
    for (const [now, line] of ["one", "two", "three"].entries()) log = FailureLog.add(log, line, now)[0]
    assert.strictEqual(FailureLog.flush(log), "three (2 times since the last such line)")
    log = FailureLog.add(log, "four", 60_000)[0]
    assert.isUndefined(FailureLog.flush(log))
  })
})
