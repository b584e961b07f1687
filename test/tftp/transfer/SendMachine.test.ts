import { assert, describe, it } from "@effect/vitest"
import * as Schema from "effect/Schema"
import type * as Retransmission from "../../../src/tftp/transfer/Retransmission.ts"
import * as SendMachine from "../../../src/tftp/transfer/SendMachine.ts"

const rtt: Retransmission.RttEstimate = { smoothed: 12, variance: 2, lowest: 10, samples: 5 }

const start = (windowsize: number, hasInitialPacket = false) =>
  SendMachine.start({ windowsize, rollover: 0 }, hasInitialPacket)

const begin = (at: number) => ({ _tag: "Start", at }) as const
const ack = (wire: number, at: number) => ({ _tag: "Ack", wire, at, rtt }) as const
const timeout = (at: number) => ({ _tag: "Timeout", at }) as const
const gaveUp = { _tag: "GaveUp", attempts: 3, acknowledgedBytes: 1_024 } as const
const pauseEnded = { _tag: "PauseEnded" } as const

/** Performs `SendBlocks` as the driver does, for blocks up to `readUpTo`; returns the numbers of those sent. */
const sendBlocks = (state: SendMachine.State, readUpTo: number, at: number) => {
  let current = state
  const blocks: Array<number> = []
  for (;;) {
    const block = SendMachine.nextBlock(current)
    if (block === undefined || block > readUpTo) return { state: current, blocks }
    blocks.push(block)
    current = SendMachine.sent(current, at)
  }
}

/** Returns the last state, and the actions of each event, with the blocks sent. */
const feed = (state: SendMachine.State, events: ReadonlyArray<SendMachine.Event>, readUpTo = Infinity) => {
  let current = state
  const actions = events.map((event) => {
    const [next, all] = SendMachine.step(current, event)
    current = next
    return all.map((action) => {
      switch (action._tag) {
        case "SendBlocks": {
          const sent = sendBlocks(current, readUpTo, "at" in event ? event.at : 0)
          current = sent.state
          return ["DATA", ...sent.blocks].join(" ")
        }
        case "Advance":
          return `Advance ${action.highAck}`
        case "AddRttSample":
          return `RTT ${action.millis}`
        case "Fail":
          return `Fail: ${action.reason.message}`
        default:
          return action._tag
      }
    })
  })
  return { state: current, actions }
}

describe("SendMachine", () => {
  it("sends at once without an initial packet", () => {
    assert.deepStrictEqual(feed(start(2), [begin(0)]).actions, [["DATA 1 2"]])
  })

  describe("in the handshake", () => {
    it("sends blocks after ACK 0 only", () => {
      const blocksRead = { _tag: "BlocksRead" } as const
      const { actions, state } = feed(start(2, true), [begin(5), blocksRead, ack(1, 6), pauseEnded, ack(0, 12)])
      assert.deepStrictEqual(actions, [["SendInitialPacket"], ["DATA"], [], [], ["Advance 0", "RTT 7", "DATA 1 2"]])
      assert.strictEqual(state.phase, "Sending")
    })

    it("repeats the initial packet, and then measures no round trip", () => {
      const { actions, state } = feed(start(1, true), [begin(0), timeout(10), ack(0, 12)])
      assert.deepStrictEqual(actions, [["SendInitialPacket"], ["SendInitialPacket"], ["Advance 0", "DATA 1"]])
      assert.strictEqual(state.initialPacketsSent, 2)
    })

    it("fails after the last timeout", () => {
      const { actions } = feed(start(1, true), [begin(0), gaveUp])
      assert.deepStrictEqual(actions[1], ["Fail: timed out: no ACK of the OACK, sent 3 times"])
    })
  })

  it("measures round trips, goes back after a gap, and succeeds with the ACK of the last block", () => {
    const state = SendMachine.finish(start(4), 6)
    const { actions } = feed(state, [begin(0), ack(4, 12), ack(5, 30), ack(6, 44), ack(6, 45)])
    assert.deepStrictEqual(actions, [
      ["DATA 1 2 3 4"],
      ["Advance 4", "RTT 12", "DATA 5 6"],
      ["Advance 5", "DATA 6"],
      ["Succeed"],
      []
    ])
  })

  it("resends the window after a timeout, with pauses", () => {
    const { actions } = feed(start(2), [begin(0), timeout(100), pauseEnded, pauseEnded])
    assert.deepStrictEqual(actions, [["DATA 1 2"], ["DATA 1"], ["DATA"], ["DATA"]])
  })

  it("does not give up while the file is slow, and continues when blocks are read", () => {
    const slow = feed(start(2), [begin(0), ack(2, 10), timeout(100), gaveUp], 2)
    assert.deepStrictEqual(slow.actions.slice(2), [["ResetTimer"], ["ResetTimer"]])
    assert.deepStrictEqual(feed(slow.state, [{ _tag: "BlocksRead" }]).actions, [["DATA 3 4"]])
  })

  it("reports if only the ACK of the last block is missing", () => {
    const messageOf = (last: number) => feed(SendMachine.finish(start(2), last), [begin(0), gaveUp]).actions[1]
    assert.deepStrictEqual(messageOf(3), ["Fail: timed out: no ACK of block 1, sent 3 times, after 1024 bytes"])
    assert.deepStrictEqual(messageOf(2), [
      "Fail: timed out: no ACK of the last block, sent 3 times; the file may have arrived"
    ])
  })

  const Step = Schema.Struct({
    kind: Schema.Literals(["ack", "ack", "ack", "timeout", "pauseEnded", "read", "gaveUp"]),
    near: Schema.Int.check(Schema.isBetween({ minimum: -2, maximum: 6 }))
  })

  it.prop(
    "sends only blocks that are read and within the window, resets the timer after replies, and ends once, for any events",
    [
      Schema.Literals([1, 2, 4, 40]),
      Schema.Boolean,
      Schema.Int.check(Schema.isBetween({ minimum: 1, maximum: 60 })),
      Schema.Array(Step).check(Schema.isMaxLength(60))
    ],
    ([windowsize, hasInitialPacket, last, steps]) => {
      const model = { isReplied: !hasInitialPacket, highAck: 0, highData: 0, initialPackets: 0, readUpTo: 0, ends: 0 }
      let state = SendMachine.finish(start(windowsize, hasInitialPacket), last)
      const eventOf = ({ kind, near }: typeof Step.Type, at: number): SendMachine.Event => {
        if (kind === "ack") return ack(Math.max(0, model.highAck + near), at)
        if (kind === "timeout") return timeout(at)
        if (kind === "gaveUp") return gaveUp
        if (kind === "pauseEnded") return pauseEnded
        model.readUpTo = Math.min(last, model.readUpTo + Math.max(0, near))
        return { _tag: "BlocksRead" }
      }
      const events = [begin, ...steps.map((step) => (at: number) => eventOf(step, at))]
      events.forEach((makeEvent, index) => {
        const event = makeEvent(10 * index)
        const isWaitingForFile = model.isReplied && state.sender.highAck === state.sender.sndNext - 1
        const [next, actions] = SendMachine.step(state, event)
        state = next
        if (model.ends > 0) assert.deepStrictEqual(actions, [])
        for (const action of actions) {
          switch (action._tag) {
            case "SendInitialPacket":
              assert.isFalse(model.isReplied)
              model.initialPackets++
              break
            case "Advance":
              assert.strictEqual(event._tag, "Ack")
              assert.isAtLeast(action.highAck, model.highAck)
              assert.isAtMost(action.highAck, model.highData)
              model.highAck = action.highAck
              model.isReplied = true
              break
            case "SendBlocks": {
              const sent = sendBlocks(state, model.readUpTo, 10 * index)
              state = sent.state
              if (!model.isReplied) assert.deepStrictEqual(sent.blocks, [])
              for (const block of sent.blocks) {
                assert.isAbove(block, model.highAck)
                assert.isAtMost(block, Math.min(model.highAck + windowsize, last))
                model.highData = Math.max(model.highData, block)
              }
              break
            }
            case "AddRttSample":
              assert.isTrue(model.highData > 0 || model.initialPackets === 1)
              assert.isAtLeast(action.millis, 0)
              break
            case "ResetTimer":
              assert.isTrue(isWaitingForFile)
              break
            case "Succeed":
              assert.strictEqual(model.highData, last)
              model.ends++
              break
            case "Fail":
              assert.isFalse(isWaitingForFile)
              model.ends++
          }
        }
        assert.strictEqual(state.phase === "Ended", model.ends === 1)
      })
    },
    { arbitrary: { runs: 1000 } }
  )
})
