import { assert, describe, it } from "@effect/vitest"
import * as Schema from "effect/Schema"
import * as BlockNumber from "../../../src/tftp/protocol/BlockNumber.ts"

const Rollover = Schema.Literals([0, 1])
const Block = Schema.Int.check(Schema.isBetween({ minimum: 0, maximum: 300_000 }))
const Distance = Schema.Int.check(Schema.isBetween({ minimum: 0, maximum: 65_534 }))

describe("BlockNumber", () => {
  it.each([
    [0, 0, 0],
    [0, 65_535, 65_535],
    [0, 65_536, 0],
    [0, 65_537, 1],
    [0, 131_072, 0],
    [1, 0, 0],
    [1, 65_535, 65_535],
    [1, 65_536, 1],
    [1, 131_070, 65_535],
    [1, 131_071, 1]
  ] as const)("with a rollover to %i, maps block %i to %i on the wire", (rollover, block, wire) => {
    assert.strictEqual(BlockNumber.toWire(rollover, block), wire)
  })

  it("maps 65535 to the agreed rollover only", () => {
    const successors = ([rollover, first]: readonly [0 | 1, number]) => {
      let wire = 1
      for (let block = 2; block <= 300_000; block++) {
        wire = wire === 65_535 ? first : wire + 1
        assert.strictEqual(BlockNumber.toWire(rollover, block), wire)
      }
    }
    successors([0, 0])
    successors([1, 1])
  })

  it.prop(
    "returns the distance of a number on the wire ahead and behind",
    [Rollover, Block, Distance],
    ([rollover, block, n]) => {
      assert.strictEqual(BlockNumber.ahead(rollover, block, BlockNumber.toWire(rollover, block + n)), n)
      if (block > 0) assert.strictEqual(BlockNumber.behind(rollover, block + n, BlockNumber.toWire(rollover, block)), n)
    }
  )

  it("returns Infinity for number 0 after the start with a rollover to 1", () => {
    assert.strictEqual(BlockNumber.ahead(1, 0, 0), 0)
    assert.strictEqual(BlockNumber.ahead(1, 1, 0), Infinity)
    assert.strictEqual(BlockNumber.ahead(1, 65_535, 0), Infinity)
  })
})
