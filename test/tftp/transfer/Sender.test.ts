import { assert, describe, it } from "@effect/vitest"
import * as Schema from "effect/Schema"
import type * as Retransmission from "../../../src/tftp/transfer/Retransmission.ts"
import * as Sender from "../../../src/tftp/transfer/Sender.ts"

const rtt: Retransmission.RttEstimate = { smoothed: 12, variance: 2, lowest: 10, samples: 5 }

const start = (windowsize: number, state: Partial<Sender.State> = {}): Sender.State => ({
  ...Sender.start({ windowsize, rollover: 0 }),
  ...state
})

/** Sends all blocks that may be sent, without pauses. */
const sendAll = (state: Sender.State, at: number): Sender.State => {
  let current = state
  while (current.sndNext <= Sender.limit(current)) {
    current = Sender.shouldPause(current) ? Sender.resume(current) : Sender.sent(current, at)
  }
  return current
}

const ack = (state: Sender.State, wire: number, at: number) => Sender.ack(state, wire, at, rtt)

/** Returns the state after a block was acknowledged and the window after it was sent. */
const at = (windowsize: number, block: number) =>
  sendAll(start(windowsize, { highAck: block, sndNext: block + 1, highData: block, duplicateAckFloor: -1 }), 0)

describe("Sender", () => {
  describe("in lock-step", () => {
    it("sends one block, then waits for its ACK", () => {
      const first = sendAll(start(1), 0)
      assert.deepStrictEqual([first.sndNext, first.highData, Sender.limit(first)], [2, 1, 1])
      const [second, verdict] = ack(first, 1, 15)
      assert.deepStrictEqual(verdict, { _tag: "Progress", sample: 15 })
      assert.deepStrictEqual([second.highAck, second.sndNext, Sender.limit(second)], [1, 2, 2])
    })

    it("ignores duplicate ACKs at any time, to prevent the Sorcerer's Apprentice Syndrome", () => {
      let state = at(1, 5)
      for (const time of [0, 1, 5, 100, 10_000]) {
        const [next, verdict] = ack(state, 5, time)
        assert.strictEqual(verdict._tag, "Ignored")
        assert.strictEqual(next, state)
        state = next
      }
    })

    it("is done after the ACK of the last block", () => {
      const [next, verdict] = ack(sendAll(Sender.finish(start(1), 1), 0), 1, 12)
      assert.strictEqual(verdict._tag, "Done")
      assert.isAbove(next.sndNext, Sender.limit(next))
      assert.strictEqual(ack(next, 1, 30)[1]._tag, "Ignored")
    })
  })

  describe("in a window", () => {
    it("sends a window, the window after its ACK, and no more than the last block", () => {
      const first = sendAll(start(4), 0)
      assert.strictEqual(first.highData, 4)
      const [second, verdict] = ack(first, 4, 11)
      assert.strictEqual(verdict._tag, "Progress")
      assert.strictEqual(sendAll(second, 11).highData, 8)
      assert.strictEqual(sendAll(Sender.finish(second, 6), 11).highData, 6)
    })

    it("goes back to the first missing block after the ACK of a gap", () => {
      for (const block of [1, 2, 3]) {
        const [next, verdict] = ack(sendAll(start(4), 0), block, 12)
        assert.strictEqual(verdict._tag, "Gap")
        assert.deepStrictEqual([next.highAck, next.sndNext, Sender.limit(next)], [block, block + 1, block + 4])
        const again = sendAll(next, 12)
        assert.strictEqual(again.resent, 4 - block)
        assert.strictEqual(again.highData, block + 4)
      }
    })

    it("does not go back for an ACK that arrives too early after a pass began", () => {
      const [gap] = ack(sendAll({ ...start(8), probeCredit: 0 }, 0), 3, 12)
      const again = sendAll(gap, 12)
      const [next, verdict] = ack(again, 4, 14)
      assert.deepStrictEqual(verdict, { _tag: "Progress", sample: undefined })
      assert.deepStrictEqual([next.highAck, next.sndNext], [4, again.sndNext])
      assert.strictEqual(ack(again, 4, 22)[1]._tag, "Gap")
    })

    it("skips blocks that the receiver has buffered, and resends the next missing one", () => {
      const [gap] = ack({ ...sendAll(start(8), 0), cwnd: 8 }, 1, 12)
      const probe = Sender.sent(gap, 12)
      const [next, verdict] = ack(probe, 4, 24)
      assert.deepStrictEqual(verdict, { _tag: "Progress", sample: undefined })
      assert.deepStrictEqual([next.highAck, next.sndNext, next.cwnd, next.resent], [4, 5, gap.cwnd, 1])
      assert.isTrue(Sender.shouldPause(Sender.sent(next, 24)))
      const [whole] = ack(Sender.sent(next, 24), 9, 36)
      assert.deepStrictEqual([whole.highAck, whole.sndNext, whole.resent], [4, 6, 2], "9 was never sent")
      const [moved] = ack(Sender.sent(next, 24), 8, 36)
      assert.deepStrictEqual([moved.highAck, moved.sndNext, moved.resent], [8, 9, 2])
      assert.isFalse(Sender.shouldPause(moved))
    })

    it("waits for a second ACK of a gap from a receiver that buffers blocks", () => {
      const again = sendAll(ack(sendAll(start(8), 0), 1, 12)[0], 12)
      const believing: Sender.State = { ...again, probeCredit: 1 }
      const [next, verdict] = ack(believing, 4, 40)
      assert.deepStrictEqual([verdict._tag, next.highAck, next.sndNext], ["Progress", 4, again.sndNext])
      const [gap, second] = ack(next, 4, 41)
      assert.deepStrictEqual([second._tag, gap.sndNext], ["Gap", 5])
    })

    it("skips received blocks after a spurious timeout", () => {
      const timed = Sender.sent(Sender.timedOut(sendAll(start(8), 0)), 100)
      const [next, verdict] = ack(timed, 8, 101)
      assert.strictEqual(verdict._tag, "Progress")
      assert.deepStrictEqual([next.sndNext, next.resent], [9, 1])
    })
  })

  describe("a duplicate ACK in a window", () => {
    it("goes back to the first block once, if it arrives after half a round trip time", () => {
      const window = at(4, 8)
      assert.strictEqual(ack(window, 8, 4.9)[1]._tag, "Ignored")
      const [gap, verdict] = ack(window, 8, 5)
      assert.strictEqual(verdict._tag, "Gap")
      assert.deepStrictEqual([gap.highAck, gap.sndNext], [8, 9])
      for (const time of [0, 6, 10, 100]) assert.strictEqual(ack(sendAll(gap, 5), 8, 5 + time)[1]._tag, "Ignored")
    })

    it("is ignored before the first block is sent, and without a round trip time", () => {
      assert.strictEqual(ack(start(4), 0, 100)[1]._tag, "Ignored")
      const [moved] = ack(at(4, 8), 12, 10)
      assert.strictEqual(ack(moved, 12, 100)[1]._tag, "Ignored")
      assert.strictEqual(Sender.ack(at(4, 8), 8, 100, undefined)[1]._tag, "Ignored")
    })

    it("is ignored if blocks up to it were sent twice, as their copies may have caused it", () => {
      const twice = [ack(at(4, 8), 8, 20)[0], Sender.timedOut(at(4, 8))]
      for (const again of twice) {
        const [next] = ack(sendAll(again, 20), 12, 31)
        assert.strictEqual(ack(sendAll(next, 31), 12, 50)[1]._tag, "Ignored")
        const [after] = ack(sendAll(next, 31), 16, 60)
        assert.strictEqual(ack(sendAll(after, 60), 16, 80)[1]._tag, "Gap")
      }
    })
  })

  it("ignores ACKs of blocks never sent, and of older windows, on both sides of the wrap", () => {
    for (const rollover of [0, 1] as const) {
      for (const acked of [40, 65_530, 65_535, 65_536, 131_068, 200_000]) {
        const state = sendAll(start(4, { rollover, highAck: acked, sndNext: acked + 1, highData: acked }), 0)
        for (const block of [acked - 30, acked - 4, acked - 1, acked + 5, acked + 6, acked + 1000]) {
          const [next, verdict] = ack(state, Sender.toWire(rollover, block), 50)
          assert.strictEqual(verdict._tag, "Ignored")
          assert.strictEqual(next, state)
        }
        assert.strictEqual(ack(state, Sender.toWire(rollover, acked + 4), 50)[0].highAck, acked + 4)
      }
    }
  })

  it("takes no round trip sample from blocks sent twice", () => {
    const again = sendAll(Sender.timedOut(sendAll(start(4), 0)), 100)
    assert.deepStrictEqual(ack(again, 4, 105)[1], { _tag: "Progress", sample: undefined })
    const [next] = ack(again, 4, 105)
    assert.deepStrictEqual(ack(sendAll(next, 105), 8, 117)[1], { _tag: "Progress", sample: 12 })
    // After a gap, new blocks follow the resent ones: they are sent once.
    const [gap] = ack(sendAll(start(4), 0), 2, 12)
    assert.deepStrictEqual(ack(sendAll(gap, 12), 6, 27)[1], { _tag: "Progress", sample: 15 })
  })

  describe("the burst", () => {
    const bursts = (state: Sender.State) => {
      const sizes: Array<number> = []
      let current = state
      let size = 0
      while (current.sndNext <= Sender.limit(current)) {
        if (Sender.shouldPause(current)) {
          sizes.push(size)
          size = 0
          current = Sender.resume(current)
        } else {
          current = Sender.sent(current, 0)
          size++
        }
      }
      return [...sizes, size]
    }

    it("starts with 16 blocks, or the windowsize if that is smaller", () => {
      assert.deepStrictEqual(bursts(start(64)), [16, 16, 16, 16])
      assert.deepStrictEqual(bursts(start(40)), [16, 16, 8])
      assert.deepStrictEqual(bursts(start(4)), [4])
      assert.deepStrictEqual(bursts(start(1)), [1])
      for (const windowsize of [1, 4, 16, 64]) assert.isFalse(Sender.shouldPause(sendAll(start(windowsize), 0)))
      assert.deepStrictEqual(bursts(Sender.finish(start(64), 32)), [16, 16])
    })

    it("grows by half of the acknowledged blocks, up to the windowsize", () => {
      let state = start(64)
      const sizes: Array<number> = []
      for (let window = 1; window <= 4; window++) {
        sizes.push(bursts(state)[0]!)
        ;[state] = ack(sendAll(state, 0), window * 64, 20)
      }
      assert.deepStrictEqual(sizes, [16, 48, 64, 64])
    })

    it.each([
      [0, 32],
      [10, 32],
      [40, 40],
      [63, 63]
    ])("of 64 blocks shrinks when the block at offset %i is lost, to %i", (offset, size) => {
      const window: Sender.State = { ...at(64, 64), cwnd: 64, burstEnd: 128, probeCredit: 0 }
      const [gap, verdict] = ack(window, 64 + offset, 20)
      assert.strictEqual(verdict._tag, "Gap")
      assert.strictEqual(bursts(gap)[0], size)
    })

    it("is one block after a gap, while the receiver may have buffered the others", () => {
      let state: Sender.State = { ...at(64, 64), cwnd: 64, burstEnd: 128 }
      // A receiver that discards blocks acknowledges within a window only those in order.
      for (const [round, rest] of [
        [0, [4, 4, 4, 4, 4, 4, 4, 4, 4, 4, 4, 4, 4, 4, 3]],
        [1, [59]]
      ] as const) {
        const [gap, verdict] = ack(state, state.highAck + 1, 100 * round + 20)
        assert.strictEqual(verdict._tag, "Gap")
        assert.deepStrictEqual(bursts({ ...gap, cwnd: 64 }), [1, 0, 0, 0, 0, 4, 0, 0, 0, 0, ...rest])
        ;[state] = ack(sendAll(gap, 100 * round + 20), gap.highAck + 64, 100 * round + 40)
        state = { ...sendAll(state, 100 * round + 100), cwnd: 64 }
      }
      const [gap] = ack(state, state.highAck + 1, 300)
      assert.deepStrictEqual([state.probeCredit, bursts(gap)], [0, [32, 32]])
    })

    it("never shrinks below one block", () => {
      let state = start(4, { probeCredit: 0 })
      for (let silence = 0; silence < 9; silence++) state = Sender.timedOut(sendAll(state, silence))
      assert.deepStrictEqual(bursts(state), [1, 1, 1, 1])
    })
  })

  const Step = Schema.Struct({
    kind: Schema.Literals(["ack", "silence", "send"]),
    wire: Schema.Int.check(Schema.isBetween({ minimum: 0, maximum: 65_535 })),
    near: Schema.NullOr(Schema.Int.check(Schema.isBetween({ minimum: -9, maximum: 9 })))
  })

  it.prop(
    "for any ACKs, counts only sent blocks as acknowledged, never goes back behind them, and stays in its window",
    [
      Schema.Literals([1, 2, 8, 100]),
      Schema.Literals([0, 1]),
      Schema.Literals([0, 65_530]),
      Schema.Array(Step).check(Schema.isMaxLength(60))
    ],
    ([windowsize, rollover, from, steps]) => {
      let state = start(windowsize, { rollover, highAck: from, sndNext: from + 1, highData: from })
      steps.forEach(({ kind, near, wire }, time) => {
        const before = state
        const number = near === null ? wire : Sender.toWire(rollover, Math.max(0, state.highAck + near))
        if (kind === "send") state = sendAll(state, time * 5)
        else if (kind === "silence") state = Sender.timedOut(state)
        else [state] = ack(state, number, time * 5)
        assert.isAtLeast(state.highAck, before.highAck)
        assert.isAtMost(state.highAck, before.highData)
        assert.isAbove(state.sndNext, state.highAck)
        assert.isAtMost(state.highData, state.highAck + windowsize)
        assert.isAtMost(state.sndNext, state.highData + 1)
        assert.isTrue(state.cwnd >= 1 && state.cwnd <= windowsize)
      })
    },
    { arbitrary: { runs: 500 } }
  )
})
