import { assert, describe, it } from "@effect/vitest"
import * as Schema from "effect/Schema"
import * as Receiver from "../../../src/tftp/transfer/Receiver.ts"

const blksize = 8

const start = (options: Partial<Receiver.State> = {}): Receiver.State => ({
  ...Receiver.start({ windowsize: 1, blksize, rollover: 0, tsize: undefined }),
  ...options
})

/** Passes blocks of one length with these numbers to the receiver; returns the action for each. */
const feed = (state: Receiver.State, wires: ReadonlyArray<number>, length = blksize) => {
  let current = state
  const actions = wires.map((wire) => {
    const [next, action] = Receiver.data(current, wire, length)
    current = next
    return action
  })
  return { state: current, actions }
}

describe("Receiver", () => {
  describe("in lock-step", () => {
    it("delivers and acknowledges each block", () => {
      const { actions, state } = feed(start(), [1, 2, 3])
      assert.deepStrictEqual(actions, ["DeliverAndAck", "DeliverAndAck", "DeliverAndAck"])
      assert.deepStrictEqual([state.received, state.bytes, Receiver.ackNumber(state)], [3, 24, 3])
    })

    it("acknowledges every duplicate of the last block again, as its ACK may be lost", () => {
      assert.deepStrictEqual(feed(start(), [1, 1, 1, 2]).actions, ["DeliverAndAck", "Ack", "Ack", "DeliverAndAck"])
    })

    it("delivers no block ahead of the next", () => {
      assert.deepStrictEqual(feed(start(), [2, 3, 4, 5000, 65_535, 0]).state.received, 0)
    })
  })

  describe("in a window", () => {
    const window = (options: Partial<Receiver.State> = {}) => start({ windowsize: 4, ...options })

    it("acknowledges each full window, and the last block", () => {
      const { actions, state } = feed(window(), [1, 2, 3, 4, 5])
      assert.deepStrictEqual(actions, ["Deliver", "Deliver", "Deliver", "DeliverAndAck", "Deliver"])
      const [last, action] = Receiver.data(state, 6, 0)
      assert.deepStrictEqual([action, last.done, Receiver.ackNumber(last)], ["DeliverLast", true, 6])
    })

    it.each([
      ["the first", [2, 3, 4], 0],
      ["the second", [1, 3, 4], 1],
      ["the third", [1, 2, 4], 2]
    ] as const)(
      "buffers blocks out of order, and sends one NAK at the end of the window, when %s block is missing",
      (_, wires, received) => {
        const { actions, state } = feed(window(), wires)
        assert.deepStrictEqual(actions, [
          ...wires.slice(0, received).map(() => "Deliver"),
          ...wires.slice(received + 1).map(() => "Buffer"),
          "BufferAndAck"
        ])
        assert.strictEqual(Receiver.ackNumber(state), received)
        const repaired = feed(state, [received + 1])
        assert.deepStrictEqual(repaired.actions, ["DeliverAndAck"])
        assert.deepStrictEqual([Receiver.ackNumber(repaired.state), repaired.state.acked], [4, 4])
        // The copies in transit are ignored, and the next window begins after them.
        assert.deepStrictEqual(feed(repaired.state, [4]).actions, ["Ignore"])
        assert.deepStrictEqual(feed(repaired.state, [5, 6, 7, 8]).actions, [
          "Deliver",
          "Deliver",
          "Deliver",
          "DeliverAndAck"
        ])
      }
    )

    it("sends a NAK when the fourth block has overtaken a missing one", () => {
      const wide = window({ windowsize: 16 })
      const three = feed(wide, [1, 3, 4, 5, 2, 6])
      assert.deepStrictEqual(three.actions, ["Deliver", "Buffer", "Buffer", "Buffer", "Deliver", "Deliver"])
      assert.deepStrictEqual([three.state.received, three.state.bytes, three.state.acked], [6, 48, 0])
      const four = feed(wide, [1, 3, 4, 5, 6, 7, 8, 2, 9])
      const actions = [
        "Deliver",
        "Buffer",
        "Buffer",
        "Buffer",
        "BufferAndAck",
        "Buffer",
        "Buffer",
        "DeliverAndAck",
        "Deliver"
      ]
      assert.deepStrictEqual(four.actions, actions)
      assert.deepStrictEqual([four.state.received, four.state.acked], [9, 8])
    })

    it("acknowledges up to the next missing block as soon as one has arrived", () => {
      const wide = window({ windowsize: 16 })
      const { actions, state } = feed(wide, [1, 3, 4, 6, 7, 9, 2])
      assert.deepStrictEqual(actions, [
        "Deliver",
        "Buffer",
        "Buffer",
        "BufferAndAck",
        "Buffer",
        "Buffer",
        "DeliverAndAck"
      ])
      assert.strictEqual(Receiver.ackNumber(state), 4)
      const second = feed(state, [5])
      assert.deepStrictEqual([...second.actions, Receiver.ackNumber(second.state)], ["DeliverAndAck", 7])
      // The resent block is lost, too: the blocks after it cause a NAK.
      assert.deepStrictEqual(feed(state, [3, 4, 6, 7, 9]).actions, ["Ignore", "Ignore", "Ignore", "Ignore", "Ack"])
    })

    it("counts buffered blocks for the window", () => {
      const { actions, state } = feed(window({ windowsize: 5 }), [3, 2, 1, 5, 4])
      assert.deepStrictEqual(actions, ["Buffer", "Buffer", "Deliver", "BufferAndAck", "DeliverAndAck"])
      assert.deepStrictEqual([state.received, state.acked], [5, 5])
      assert.deepStrictEqual(feed(window(), [1, 4, 3, 2]).actions, [
        "Deliver",
        "BufferAndAck",
        "Buffer",
        "DeliverAndAck"
      ])
      assert.deepStrictEqual(feed(window({ acked: 5, received: 7 }), [9, 8]).actions, ["BufferAndAck", "DeliverAndAck"])
    })

    it("sends another NAK when a second pass misses the block, too", () => {
      const { actions } = feed(window(), [1, 3, 4, 3, 4, 5, 3, 4, 5])
      const passes = ["Ignore", "Ignore", "BufferAndAck", "Ignore", "Ignore", "Ack"]
      assert.deepStrictEqual(actions, ["Deliver", "Buffer", "BufferAndAck", ...passes])
    })

    it("ignores a copy of the latest block, made by the network", () => {
      const { actions } = feed(window({ windowsize: 16 }), [2, 3, 4, 5, 5, 6, 6, 7])
      assert.deepStrictEqual(actions, [
        "Buffer",
        "Buffer",
        "Buffer",
        "BufferAndAck",
        "Ignore",
        "Buffer",
        "Ignore",
        "Buffer"
      ])
    })

    it("buffers at most a mebibyte", () => {
      const large = window({ windowsize: 64, blksize: 65_464 })
      const wires = Array.from({ length: 63 }, (_, index) => index + 2)
      const { actions, state } = feed(large, wires, 65_464)
      assert.deepStrictEqual(
        actions.map((action) => action.startsWith("Buffer")),
        wires.map((wire) => (wire - 1) * 65_464 <= 2 ** 20)
      )
      assert.strictEqual(feed(state, [1], 65_464).state.received, 17)
    })

    it("buffers the last block, and is done when those before it have arrived", () => {
      const [early, action] = Receiver.data(feed(window({ windowsize: 16, tsize: 19 }), [1]).state, 3, 3)
      assert.deepStrictEqual([action, early.done], ["BufferAndAck", false])
      const [done, last] = Receiver.data(early, 2, blksize)
      assert.deepStrictEqual([last, done.done, done.received, done.bytes], ["DeliverLast", true, 3, 19])
      assert.isTrue(Receiver.sizeMatches(done))
      assert.strictEqual(Receiver.data(done, 3, 3)[1], "Ack")
      // No block follows the last.
      assert.strictEqual(Receiver.data(early, 4, blksize)[1], "Ignore")
      assert.deepStrictEqual(Receiver.data(early, 2, 5)[0].bytes, 13)
    })

    it("acknowledges a window again once when all of it is resent", () => {
      const { actions } = feed(window(), [1, 2, 3, 4, 1, 2, 3, 4, 1, 2, 3, 4, 5])
      const again = ["Ack", "Ignore", "Ignore", "Ignore"]
      assert.deepStrictEqual(actions, ["Deliver", "Deliver", "Deliver", "DeliverAndAck", ...again, ...again, "Deliver"])
    })

    it("ignores duplicates within a window and blocks that overlap with it", () => {
      const { actions, state } = feed(window(), [1, 2, 1, 2, 3, 3, 4])
      assert.deepStrictEqual(actions, ["Deliver", "Deliver", "Ignore", "Ignore", "Deliver", "Ignore", "DeliverAndAck"])
      assert.strictEqual(state.acked, 4)
    })

    it("ignores a duplicate if a new block arrived since the previous duplicate", () => {
      const actions = ["Deliver", "Ignore", "Deliver", "Ignore", "Deliver", "Ignore", "DeliverAndAck"]
      assert.deepStrictEqual(feed(window(), [1, 1, 2, 1, 3, 1, 4]).actions, actions)
    })

    it("takes a number ahead of the window for an old block", () => {
      assert.deepStrictEqual(feed(window(), [1, 5]).actions, ["Deliver", "BufferAndAck"])
      assert.deepStrictEqual(feed(window(), [1, 6]).actions, ["Deliver", "Ignore"])
    })

    it("acknowledges within a window when a second pass has no new block, as the last ACK was lost", () => {
      // The NAKs for block 3 were lost: the sender's window ends with 4, the receiver's with 6.
      const { actions, state } = feed(window({ received: 2, acked: 2 }), [3, 4, 1, 2, 3, 4, 1, 2, 3, 4])
      assert.deepStrictEqual(actions, [
        "Deliver",
        "Deliver",
        ...["Ignore", "Ignore", "Ignore", "Ignore"],
        ...["Ack", "Ignore", "Ignore", "Ignore"]
      ])
      assert.strictEqual(state.acked, 4)
    })

    it("restarts its window after a timeout, and acknowledges in the next pass", () => {
      const { state } = feed(window(), [1, 2, 4])
      const silent = Receiver.timedOut(feed(window(), [1, 2, 3]).state)
      assert.strictEqual(silent.acked, 3)
      assert.deepStrictEqual(feed(silent, [4, 5, 6, 7]).actions, ["Deliver", "Deliver", "Deliver", "DeliverAndAck"])
      assert.deepStrictEqual(feed(silent, [6, 7]).actions, ["Buffer", "BufferAndAck"])
      assert.deepStrictEqual(feed(silent, [2, 3]).actions, ["Ack", "Ignore"])
      assert.deepStrictEqual(feed(Receiver.timedOut(state), [3]).actions, ["DeliverAndAck"])
      assert.deepStrictEqual(feed(Receiver.timedOut(state), [5, 6]).actions, ["Buffer", "BufferAndAck"])
      const again = feed(window(), [1, 2, 3, 4, 1]).state
      assert.deepStrictEqual(feed(Receiver.timedOut(again), [2]).actions, ["Ack"])
    })
  })

  describe("the last block", () => {
    it.each([0, 1, 7])("may have %i bytes", (length) => {
      const [state, action] = Receiver.data(start(), 1, length)
      assert.deepStrictEqual([action, state.done, state.bytes], ["DeliverLast", true, length])
    })

    it("is acknowledged again, and no other block is", () => {
      const [state] = Receiver.data(feed(start({ windowsize: 4 }), [1, 2]).state, 3, 2)
      for (let again = 0; again < 3; again++) assert.strictEqual(Receiver.data(state, 3, 2)[1], "Ack")
      for (const wire of [0, 1, 2, 4, 5, 6, 7, 8, 65_535])
        assert.strictEqual(Receiver.data(state, wire, 2)[1], "Ignore")
    })

    it("shows if the size matches the announced tsize", () => {
      const sizes = [undefined, 10, 11].map((tsize) =>
        Receiver.sizeMatches(Receiver.data(feed(start({ tsize }), [1]).state, 2, 2)[0])
      )
      assert.deepStrictEqual(sizes, [true, true, false])
    })
  })

  it("refuses a block longer than the blksize", () => {
    const state = start()
    assert.strictEqual(Receiver.data(state, 1, blksize + 1)[1], "TooLong")
    const { state: one } = feed(state, [1])
    assert.strictEqual(Receiver.data(one, 2, 2)[1], "DeliverLast")
    assert.strictEqual(Receiver.data(one, 1, blksize)[1], "Ack")
  })

  describe("after block 65535", () => {
    const at = (options: Partial<Receiver.State>) => start({ received: 65_535, acked: 65_535, ...options })

    it("accepts only the agreed number", () => {
      assert.deepStrictEqual(feed(at({ rollover: 0 }), [0, 1]).actions, ["DeliverAndAck", "DeliverAndAck"])
      assert.deepStrictEqual(feed(at({ rollover: 1 }), [1, 2]).actions, ["DeliverAndAck", "DeliverAndAck"])
      assert.strictEqual(feed(at({ rollover: 0 }), [1, 1, 1]).state.received, 65_535)
      assert.strictEqual(feed(at({ rollover: 1 }), [0, 0, 0]).state.received, 65_535)
    })

    it("learns the rollover from the sender in lock-step", () => {
      for (const rollover of [0, 1] as const) {
        const { actions, state } = feed(at({ rollover: undefined }), [rollover, rollover + 1])
        assert.deepStrictEqual(actions, ["DeliverAndAck", "DeliverAndAck"])
        assert.deepStrictEqual([state.rollover, Receiver.ackNumber(state)], [rollover, rollover + 1])
      }
    })

    it("learns a rollover to 0 at once in a window, to 1 in the second pass, if the size is known", () => {
      const window = { rollover: undefined, windowsize: 4, tsize: 1_000_000 }
      assert.strictEqual(feed(at(window), [0]).state.rollover, 0)
      const passes = feed(at(window), [1, 2, 3, 1, 2, 3])
      assert.deepStrictEqual(passes.actions, ["Ack", "Ignore", "Ignore", "Deliver", "Deliver", "Deliver"])
      assert.strictEqual(passes.state.rollover, 1)
      assert.strictEqual(feed(at(window), [2, 3, 1, 2]).state.received, 65_535)
      assert.strictEqual(feed(at({ ...window, tsize: undefined }), [1, 2, 1, 2, 1, 2]).state.received, 65_535)
    })
  })

  it.prop(
    "delivers blocks one by one, in constant memory, and sends at most one ACK for each, for any input",
    [
      Schema.Literals([1, 2, 8]),
      Schema.UndefinedOr(Schema.Literals([0, 1])),
      Schema.Literals([0, 65_530]),
      Schema.Array(
        Schema.Union([
          Schema.Int.check(Schema.isBetween({ minimum: 0, maximum: 65_535 })),
          Schema.Int.check(Schema.isBetween({ minimum: 0, maximum: 12 })),
          Schema.Int.check(Schema.isBetween({ minimum: 65_528, maximum: 65_535 }))
        ])
      ).check(Schema.isMaxLength(80))
    ],
    ([windowsize, rollover, from, wires]) => {
      let state = start({ windowsize, rollover, received: from, acked: from })
      const buffered = new Set<number>()
      const fields = Object.keys(state).length
      for (const wire of wires) {
        const [next, action] = Receiver.data(state, wire, blksize)
        const isDelivered = action === "Deliver" || action === "DeliverAndAck"
        assert.strictEqual(next.received > state.received, isDelivered)
        if (isDelivered) {
          assert.strictEqual(Receiver.toWire(next, state.received + 1), wire)
          for (let block = state.received + 2; block <= next.received; block++) {
            assert.isTrue(buffered.delete(Receiver.toWire(next, block)))
          }
        }
        if (action === "Buffer" || action === "BufferAndAck") {
          assert.isFalse(buffered.has(wire))
          buffered.add(wire)
        }
        assert.isBelow(buffered.size, windowsize)
        assert.strictEqual(next.bytes, (next.received - from) * blksize)
        assert.isBelow(next.received - next.acked, windowsize)
        if (action === "Ack" || action === "BufferAndAck" || action === "DeliverAndAck")
          assert.strictEqual(next.acked, next.received)
        assert.strictEqual(Object.keys(next).length, fields)
        state = next
      }
    },
    { arbitrary: { runs: 500 } }
  )
})
