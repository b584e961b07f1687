import { assert, describe, it } from "@effect/vitest"
import * as Schema from "effect/Schema"
import * as ReceiveMachine from "../../../src/tftp/transfer/ReceiveMachine.ts"

const blksize = 8
/** More unwritten bytes than an ACK waits for, but not so many that blocks are dropped. */
const slowBytes = 256 * 1_024 + 1

const start = (windowsize = 1, tsize?: number) => ReceiveMachine.start({ windowsize, blksize, rollover: 0, tsize })

const data = (wire: number, options: { length?: number; unwrittenBytes?: number; at?: number } = {}) =>
  ({ _tag: "Data", wire, length: blksize, unwrittenBytes: 0, at: 0, ...options }) as const

const begin = (at: number) => ({ _tag: "Start", at }) as const
const written = (unwrittenBytes: number, at = 0) => ({ _tag: "Written", unwrittenBytes, at }) as const
const timeout = { _tag: "Timeout" } as const
const committed = { _tag: "Committed" } as const
const optionAck = { _tag: "OptionAck" } as const

/** Writes an action as a word, with its values. */
const textOf = (action: ReceiveMachine.Action): string => {
  switch (action._tag) {
    case "SendAck":
      return `ACK ${action.wire}`
    case "Deliver":
      return ["Deliver", ...action.buffered].join(" ")
    case "AddRttSample":
      return `RTT ${action.millis}`
    case "Fail":
      return `Fail: ${action.reason.message}`
    default:
      return action._tag
  }
}

/** Returns the last state, and the actions of each event. */
const feed = (state: ReceiveMachine.State, events: ReadonlyArray<ReceiveMachine.Event>) => {
  let current = state
  const actions = events.map((event) => {
    const [next, all] = ReceiveMachine.step(current, event)
    current = next
    return all.map(textOf)
  })
  return { state: current, actions }
}

describe("ReceiveMachine", () => {
  describe("in the handshake", () => {
    it("repeats the initial packet until the first new block", () => {
      const { actions, state } = feed(start(4), [begin(0), timeout, optionAck, data(0), data(1), optionAck, timeout])
      const initial = ["SendInitialPacket"]
      assert.deepStrictEqual(actions, [initial, initial, initial, initial, ["Deliver"], [], ["ACK 1"]])
      assert.strictEqual(state.resent, 4)
    })

    it("ends with a block out of order", () => {
      const { actions, state } = feed(start(2), [begin(0), data(2), timeout])
      assert.deepStrictEqual(actions.slice(1), [["Buffer", "ACK 0"], ["ACK 0"]])
      assert.strictEqual(state.phase, "Receiving")
    })
  })

  it("measures a round trip from a packet sent once to the next block", () => {
    const { actions } = feed(start(2), [
      begin(10),
      data(1, { at: 15 }),
      data(2, { at: 16 }),
      data(3, { at: 23 }),
      data(4, { at: 24 }),
      timeout,
      data(5, { at: 40 })
    ])
    assert.deepStrictEqual(actions, [
      ["SendInitialPacket"],
      ["Deliver", "RTT 5"],
      ["Deliver", "ACK 2"],
      ["Deliver", "RTT 7"],
      ["Deliver", "ACK 4"],
      ["ACK 4"],
      ["Deliver"]
    ])
  })

  it("delivers buffered blocks with the missing one, without a round trip time", () => {
    const { actions } = feed(start(4), [begin(0), data(1), data(4), data(3), data(2, { at: 9 })])
    assert.deepStrictEqual(actions.slice(1), [
      ["Deliver", "RTT 0"],
      ["Buffer", "ACK 1"],
      ["Buffer"],
      ["Deliver 3 4", "ACK 4"]
    ])
  })

  describe("with a slow disk", () => {
    const delayed = feed(start(), [begin(0), data(1, { unwrittenBytes: slowBytes })])

    it("delays the ACK until enough is written, and does not give up meanwhile", () => {
      assert.deepStrictEqual(delayed.actions[1], ["Deliver", "RTT 0"])
      const { actions } = feed(delayed.state, [
        timeout,
        { _tag: "GaveUp", attempts: 9 },
        data(1),
        written(slowBytes),
        written(slowBytes - 1, 50),
        data(2, { at: 57 })
      ])
      assert.deepStrictEqual(actions, [
        ["ResetTimer"],
        ["ResetTimer"],
        [],
        [],
        ["ACK 1"],
        ["Deliver", "RTT 7", "ACK 2"]
      ])
    })

    it("drops blocks while more than a window is unwritten, and acknowledges them when they are sent again", () => {
      const { actions } = feed(start(), [begin(0), data(1, { unwrittenBytes: slowBytes + blksize }), data(1)])
      assert.deepStrictEqual(actions.slice(1), [[], ["Deliver", "RTT 0", "ACK 1"]])
    })

    it("does not acknowledge the last block before the file is committed", () => {
      const { actions, state } = feed(start(2), [
        begin(0),
        data(1),
        data(2, { unwrittenBytes: slowBytes }),
        data(3, { length: 1, unwrittenBytes: slowBytes }),
        written(0),
        timeout,
        data(3, { length: 1 }),
        committed
      ])
      assert.deepStrictEqual(actions.slice(2), [
        ["Deliver"],
        ["Deliver", "EndFile"],
        [],
        ["ResetTimer"],
        [],
        ["ACK 3", "Succeed"]
      ])
      assert.strictEqual(state.phase, "Dallying")
    })
  })

  it("acknowledges the last block again after the commit, and nothing else", () => {
    const { state } = feed(start(), [begin(0), data(1), data(2, { length: 0 }), committed])
    const again = [data(2, { length: 0 }), data(1), timeout, { _tag: "GaveUp", attempts: 3 } as const, data(3), data(2)]
    const tooLong = data(2, { length: blksize + 1 })
    assert.deepStrictEqual(feed(state, [...again, tooLong, data(2)]).actions, [
      ["ACK 2"],
      [],
      ["ResetTimer"],
      ["ResetTimer"],
      [],
      ["ACK 2"],
      ["CountMalformed"],
      ["ACK 2"]
    ])
  })

  it("ignores a block longer than the blksize once blocks have arrived", () => {
    const tooLong = data(2, { length: blksize + 1 })
    assert.deepStrictEqual(feed(start(), [begin(0), data(1), tooLong, data(2)]).actions.at(-2), ["CountMalformed"])
  })

  it.each([
    [
      "a block longer than the blksize",
      data(1, { length: blksize + 1 }),
      "DATA too long: 9 bytes (at most 8 were agreed on)"
    ],
    ["another size than announced", data(1, { length: 3 }), "size mismatch: received 3 bytes, but tsize announced 5"],
    [
      "the last timeout",
      { _tag: "GaveUp", attempts: 4 } as const,
      "timed out: no block 1, asked for 4 times, after 0 bytes"
    ]
  ])("fails after %s, and then ignores all events", (_, event, message) => {
    const { actions, state } = feed(start(1, 5), [event, data(1), timeout, begin(0), committed])
    assert.deepStrictEqual(actions, [[`Fail: ${message}`], [], [], [], []])
    assert.strictEqual(state.phase, "Failed")
  })

  it("names the missing block, and the bytes before it, when it gives up", () => {
    const { actions } = feed(start(2), [begin(0), data(1), data(2), { _tag: "GaveUp", attempts: 2 }])
    assert.deepStrictEqual(actions.at(-1), ["Fail: timed out: no block 3, asked for 2 times, after 16 bytes"])
  })

  const Step = Schema.Struct({
    kind: Schema.Literals(["data", "data", "data", "data", "timeout", "written", "optionAck", "committed"]),
    ahead: Schema.Int.check(Schema.isBetween({ minimum: -3, maximum: 5 })),
    unwrittenBytes: Schema.Literals([0, 0, 0, slowBytes, 10 * slowBytes])
  })

  it.prop(
    "delivers each block once and in order, and acknowledges only what is delivered, for any events",
    [
      Schema.Literals([1, 2, 4]),
      Schema.Int.check(Schema.isBetween({ minimum: 1, maximum: 12 })),
      Schema.Array(Step).check(Schema.isMaxLength(60))
    ],
    ([windowsize, last, steps]) => {
      const model = { delivered: 0, isEnded: false, isCommitted: false, buffered: new Set<number>() }
      /** The times of the packets sent since the last delivery. */
      let sentAt: Array<number> = []
      let state = start(windowsize, (last - 1) * blksize + 1)
      const eventOf = ({ ahead, kind, unwrittenBytes }: typeof Step.Type, at: number): ReceiveMachine.Event => {
        const wire = Math.min(last, Math.max(0, model.delivered + ahead))
        if (kind === "data") return data(wire, { length: wire === last ? 1 : blksize, unwrittenBytes, at })
        if (kind === "written") return written(unwrittenBytes, at)
        if (kind === "committed") return model.isEnded && !model.isCommitted ? committed : timeout
        return { _tag: kind === "timeout" ? "Timeout" : "OptionAck" }
      }
      const events = [begin, ...steps.map((step) => (at: number) => eventOf(step, at))]
      events.forEach((makeEvent, index) => {
        const at = 10 * index
        const event = makeEvent(at)
        const [next, actions] = ReceiveMachine.step(state, event)
        for (const action of actions) {
          switch (action._tag) {
            case "Deliver":
              assert.strictEqual(event._tag === "Data" && event.wire, model.delivered + 1)
              for (const wire of action.buffered) assert.isTrue(model.buffered.delete(wire))
              assert.deepStrictEqual(
                action.buffered,
                action.buffered.map((_, offset) => model.delivered + 2 + offset)
              )
              model.delivered += 1 + action.buffered.length
              if (!actions.some(({ _tag }) => _tag === "AddRttSample")) sentAt = []
              break
            case "Buffer":
              assert.isTrue(event._tag === "Data" && !model.buffered.has(event.wire))
              if (event._tag === "Data") model.buffered.add(event.wire)
              break
            case "AddRttSample":
              assert.deepStrictEqual(
                sentAt.map((time) => at - time),
                [action.millis],
                "Karn's rule"
              )
              sentAt = []
              break
            case "EndFile":
              assert.strictEqual(model.delivered, last)
              assert.isFalse(model.isEnded)
              model.isEnded = true
              break
            case "SendInitialPacket":
              assert.strictEqual(model.delivered + model.buffered.size, 0)
              sentAt.push(at)
              break
            case "SendAck":
              assert.strictEqual(action.wire, model.delivered)
              assert.notStrictEqual(next.phase, "AckDelayed")
              assert.isTrue(model.delivered < last || next.phase === "Dallying")
              sentAt.push(at)
              break
            case "Succeed":
              model.isCommitted = true
              break
            default:
              assert.strictEqual(action._tag, "ResetTimer")
              assert.include(["AckDelayed", "Committing", "Dallying"], next.phase)
          }
        }
        assert.isAtMost(actions.filter(({ _tag }) => _tag.startsWith("Send")).length, 1)
        assert.strictEqual(next.phase === "Dallying", model.isCommitted)
        assert.strictEqual(next.receiver.received, model.delivered)
        state = next
      })
    },
    { arbitrary: { runs: 1000 } }
  )
})
