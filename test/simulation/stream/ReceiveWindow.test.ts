import { assert, describe, it } from "@effect/vitest"
import * as Arbitrary from "effect/Arbitrary"
import * as Schema from "effect/Schema"
import * as ReceiveWindow from "../../../src/simulation/stream/ReceiveWindow.ts"

const rttNanos = 100

/** Reads what a sender that only the window limits has sent, once per round trip; returns the windows. */
const windows = (rounds: number, share = 1) => {
  let window = ReceiveWindow.make(0)
  const sizes = [window.bytes]
  let read = 0
  for (let round = 1; round <= rounds; round++) {
    read += Math.floor(window.bytes * share)
    window = ReceiveWindow.afterRead(window, read, round * rttNanos, rttNanos)
    sizes.push(window.bytes)
  }
  return sizes
}

describe("ReceiveWindow", () => {
  it("becomes four times as large per round trip while the program keeps up, up to the limit", () => {
    const { initialBytes, maxBytes } = ReceiveWindow
    const grown = [1, 4, 16, 64].map((factor) => factor * initialBytes)
    assert.deepStrictEqual(windows(5), [...grown, maxBytes, maxBytes])
  })

  it("stays for a sender that sends less than a quarter of it per round trip", () => {
    assert.deepStrictEqual(new Set(windows(20, 0.24)), new Set([ReceiveWindow.initialBytes]))
  })

  const Read = Schema.Struct({
    bytes: Schema.Int.check(Schema.isBetween({ minimum: 0, maximum: 500_000 })),
    nanos: Schema.Int.check(Schema.isBetween({ minimum: 0, maximum: 3 * rttNanos }))
  })

  it.prop(
    "never shrinks, never exceeds the limit, and is at most four times what was read in a round",
    [Arbitrary.array(Arbitrary.schema(Read), { maxLength: 40 })],
    ([reads]) => {
      let window = ReceiveWindow.make(0)
      let [read, now] = [0, 0]
      for (const { bytes, nanos } of reads) {
        read += bytes
        now += nanos
        const before = window
        window = ReceiveWindow.afterRead(before, read, now, rttNanos)
        assert.isAtLeast(window.bytes, before.bytes)
        assert.isAtMost(window.bytes, ReceiveWindow.maxBytes)
        if (window.bytes > before.bytes) assert.isAtMost(window.bytes, 4 * (read - before.readAtStart))
        if (now - before.roundStartNanos < rttNanos) assert.strictEqual(window, before, "a round lasts a round trip")
      }
    }
  )
})
