import { assert, describe, it } from "@effect/vitest"
import * as TransferTotals from "../../src/web/TransferTotals.ts"
import * as Rows from "../support/web/Rows.ts"

describe("TransferTotals", () => {
  const running = [1, 2].map((id) => Rows.transfer(id, { bytesPerSecond: 100, resent: 1 }))
  const ended = (["done", "refused"] as const).map((state, at) =>
    Rows.transfer(3 + at, { state, bytesPerSecond: 900, resent: 1 })
  )
  const counted = { running: 2, done: 1, notDone: 1, bytesPerSecond: 200, resent: 4 }

  it("ofRows counts by end, and adds the rates of the running ones", () =>
    assert.deepStrictEqual(TransferTotals.ofRows([...running, ...ended]), counted))

  it("of takes the totals of the server before those of the rows", () => {
    assert.deepStrictEqual(TransferTotals.of({ rows: [...running, ...ended] }), counted)
    const totals = { ...counted, done: 5_000 }
    assert.strictEqual(TransferTotals.of({ rows: running, totals }), totals)
  })

  it("join has no totals of lists without any", () => {
    assert.isUndefined(TransferTotals.join([{ rows: running }, { rows: ended }]))
    assert.isUndefined(TransferTotals.join([]))
  })
})
