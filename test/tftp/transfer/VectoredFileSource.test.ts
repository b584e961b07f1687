import { assert, describe, it } from "@effect/vitest"
import * as Effect from "effect/Effect"
import * as Fiber from "effect/Fiber"
import * as Schema from "effect/Schema"
import * as MemoryStore from "../../../src/tftp/store/MemoryStore.ts"
import * as VectoredFileSource from "../../../src/tftp/transfer/VectoredFileSource.ts"

const from = (minimum: number, maximum: number) => Schema.Int.check(Schema.isBetween({ minimum, maximum }))

const fileOf = (length: number) => Uint8Array.from({ length }, (_, at) => at ^ (at >> 8))

const readAllOf = (bytes: Uint8Array) => {
  const { body } = MemoryStore.fromBytes(bytes)
  return body._tag === "Random" ? body.readVectoredAt! : assert.fail("a file in memory is not a stream")
}

describe("VectoredFileSource", () => {
  it.effect.prop(
    "returns every block of the window, for any progress of the ACKs, up to the end of the file",
    [from(0, 400), from(1, 40), from(1, 12), from(1, 120), from(1, 12), Schema.Boolean],
    Effect.fnUntraced(function* ([length, blksize, windowsize, readBytes, step, sized]) {
      const bytes = fileOf(length)
      const size = sized ? length : undefined
      const source = VectoredFileSource.make({ readVectoredAt: readAllOf(bytes), size, blksize, windowsize, readBytes })
      const reader = yield* Effect.forkChild(source.run(() => {}))
      const buffer = new Uint8Array(4 + blksize)
      const last = Math.floor(length / blksize) + 1
      for (let acked = 0; acked < last; acked = Math.min(last, acked + Math.min(step, windowsize))) {
        source.release(acked)
        for (let turn = 0; turn < 20; turn++) yield* Effect.yieldNow
        for (let block = acked + 1; block <= Math.min(acked + windowsize, last); block++) {
          const packet = source.take(block, buffer) ?? assert.fail(`block ${block} of ${last} is not there`)
          // Writing the header must not change the previous block.
          packet.fill(0xff, 0, 4)
          assert.deepStrictEqual(packet.slice(4), bytes.slice((block - 1) * blksize, block * blksize))
        }
      }
      assert.strictEqual(source.last(), last)
      yield* Fiber.interrupt(reader)
    })
  )
})
