import { assert, describe, it } from "@effect/vitest"
import * as RefusalLog from "../../../src/network/server/RefusalLog.ts"

describe("RefusalLog", () => {
  it("logs the first refusal at once and counts the others until a minute has passed, for each reason", () => {
    const log: RefusalLog.RefusalLog = new Map()
    const note = (reason: "NoDescriptors" | "InvalidProxyHeader", at: number) =>
      RefusalLog.note(log, reason, reason === "NoDescriptors" ? "no files" : "no header", at)
    assert.strictEqual(note("NoDescriptors", 0), "1 connection refused: no files")
    for (const at of [1, 2, 59_999]) assert.isUndefined(note("NoDescriptors", at))
    assert.strictEqual(note("InvalidProxyHeader", 30_000), "1 connection refused: no header")
    assert.deepStrictEqual(RefusalLog.due(log, 59_999), [])
    assert.deepStrictEqual(RefusalLog.due(log, 60_000), [
      { reason: "NoDescriptors", level: "Warn", text: "3 connections refused in the last minute: no files" }
    ])
    assert.deepStrictEqual(RefusalLog.due(log, 60_001), [])
    // Descriptors are a state of this process, whose end is worth a line; a header is that of one client.
    assert.deepStrictEqual(RefusalLog.due(log, 120_000), [
      {
        reason: "NoDescriptors",
        level: "Info",
        text: "descriptors are available again: no connection was refused for want of one in the last minute"
      }
    ])
    assert.strictEqual(log.size, 0)
    assert.strictEqual(note("NoDescriptors", 120_001), "1 connection refused: no files")
  })

  it("has lines for what is not logged yet when a server stops", () => {
    const log: RefusalLog.RefusalLog = new Map()
    RefusalLog.note(log, "InvalidProxyHeader", "no header", 0)
    assert.deepStrictEqual(RefusalLog.flush(log), [])
    for (const at of [0, 1, 2]) RefusalLog.note(log, "NoDescriptors", "no files", at)
    RefusalLog.note(log, "InvalidProxyHeader", "no header", 3)
    assert.deepStrictEqual(RefusalLog.flush(log), [
      { reason: "NoDescriptors", level: "Warn", text: "2 connections refused since the last such line: no files" }
    ])
    assert.strictEqual(log.size, 0)
  })
})
