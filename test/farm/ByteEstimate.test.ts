import { assert, describe, it } from "@effect/vitest"
import * as ByteEstimate from "../../src/farm/ByteEstimate.ts"

describe("ByteEstimate", () => {
  it("counts strings and buffers with their length, and other values with an estimate", () => {
    assert.strictEqual(ByteEstimate.estimate("x".repeat(1_000)), 1_000)
    assert.strictEqual(ByteEstimate.estimate(new Uint8Array(70)), 70)
    assert.strictEqual(ByteEstimate.estimate(new ArrayBuffer(80)), 80)
    assert.strictEqual(ByteEstimate.estimate(7), 8)
    assert.strictEqual(ByteEstimate.estimate(null), 8)
    assert.isBelow(ByteEstimate.estimate(new SharedArrayBuffer(1_000_000)), 100)
    assert.closeTo(ByteEstimate.estimate({ pixels: new Uint8Array(5_000), at: [1, 2] }), 5_040, 50)
    assert.isAbove(ByteEstimate.estimate(new Map([["key", "x".repeat(300)]])), 300)
  })

  it("ends for values that are deep, wide, or contain themselves", () => {
    const ring: { self?: unknown } = {}
    ring.self = ring
    assert.isBelow(ByteEstimate.estimate(ring), 1_000_000)
    assert.isAbove(ByteEstimate.estimate(Array.from({ length: 100_000 }, (_, index) => index)), 50_000)
  })
})
