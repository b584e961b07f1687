import { assert, describe, it } from "@effect/vitest"
import * as Schema from "effect/Schema"
import type { Arrow } from "../../../src/web/Arrow.ts"
import * as PacketBatch from "../../../src/web/packets/PacketBatch.ts"

const arrow: Omit<Arrow, "number"> = {
  ...{ from: "a", to: "b", sentMillis: 0, lost: false, transport: "udp", kind: "DATA", label: "DATA", bytes: 0 }
}

const add = (batch: PacketBatch.PacketBatch, count: number) => {
  for (let packet = 0; packet < count; packet++) PacketBatch.add(batch, arrow)
}

/** Takes a batch as the packets between the arrows, and the numbers of the first and the last arrow. */
const take = (batch: PacketBatch.PacketBatch) => {
  const { arrows, omitted } = PacketBatch.take(batch)
  return [omitted, arrows[0]?.number, arrows.at(-1)?.number]
}

describe("PacketBatch", () => {
  it("has 200 packets, and counts the others, which come before those of the next batch", () => {
    const batch = PacketBatch.make()
    add(batch, 250)
    assert.deepStrictEqual(take(batch), [0, 1, 200])
    assert.isFalse(PacketBatch.isEmpty(batch))
    add(batch, 3)
    assert.deepStrictEqual(take(batch), [50, 251, 253])
    assert.isTrue(PacketBatch.isEmpty(batch))
  })

  it("tells of omitted packets also if none follows", () => {
    const batch = PacketBatch.make()
    add(batch, 205)
    take(batch)
    assert.deepStrictEqual(take(batch), [5, undefined, undefined])
    assert.isTrue(PacketBatch.isEmpty(batch))
  })

  it.prop(
    "numbers and counts every packet once",
    [Schema.Array(Schema.Int.check(Schema.isBetween({ minimum: 0, maximum: 500 })))],
    ([counts]) => {
      const batch = PacketBatch.make()
      let next = 1
      for (const count of [...counts, 0]) {
        add(batch, count)
        const { arrows, omitted } = PacketBatch.take(batch)
        assert.isAtMost(arrows.length, 200)
        next += omitted
        for (const { number } of arrows) assert.strictEqual(number, next++)
      }
      next += PacketBatch.take(batch).omitted
      assert.strictEqual(
        next - 1,
        counts.reduce((all, one) => all + one, 0)
      )
      assert.isTrue(PacketBatch.isEmpty(batch))
    }
  )
})
