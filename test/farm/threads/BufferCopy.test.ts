import { assert, describe, it } from "@effect/vitest"
import * as BufferCopy from "../../../src/farm/threads/BufferCopy.ts"

const large = (fill: number) => new Uint8Array(2 ** 14).fill(fill)

describe("BufferCopy", () => {
  it("copies the large buffers of a record, and the part of a buffer that is viewed", () => {
    const pixels = Buffer.alloc(2 ** 15, 7).subarray(1, 1 + 2 ** 14)
    const packet = { row: 3, pixels, small: new Uint8Array(8) }
    const { transfer, value } = BufferCopy.make(packet)
    const copy = value as typeof packet
    assert.deepStrictEqual(copy, { row: 3, pixels: large(7) as typeof pixels, small: new Uint8Array(8) })
    assert.notStrictEqual(copy.pixels.buffer, pixels.buffer)
    assert.strictEqual(copy.small, packet.small)
    assert.deepStrictEqual(transfer, [copy.pixels.buffer as ArrayBuffer])
  })

  it("copies a large buffer, and leaves shared memory and other values", () => {
    assert.deepStrictEqual(BufferCopy.make(large(1)).value, large(1))
    for (const value of [new Uint8Array(new SharedArrayBuffer(2 ** 14)), [large(1)], new Date(0), "text", null]) {
      const copy = BufferCopy.make(value)
      assert.strictEqual(copy.value, value)
      assert.deepStrictEqual(copy.transfer, [])
    }
  })
})
