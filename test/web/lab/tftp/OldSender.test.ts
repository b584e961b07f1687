import { assert, describe, it } from "@effect/vitest"
import * as Arbitrary from "effect/Arbitrary"
import * as Schema from "effect/Schema"
import * as OldSender from "../../../../src/web/lab/tftp/OldSender.ts"

const between = (minimum: number, maximum: number) => Schema.Int.check(Schema.isBetween({ minimum, maximum }))

const Last = between(1, 5)

const Event = Schema.Union([
  Schema.Struct({ _tag: Schema.Literal("Ack"), block: Schema.Union([between(0, 6), between(0, 65_535)]) }),
  Schema.Struct({ _tag: Schema.Literal("Timeout") })
])

const ack = (block: number): OldSender.Event => ({ _tag: "Ack", block })

/** Returns the blocks sent in reply to events. */
const repliesTo = (last: number, events: ReadonlyArray<OldSender.Event>) => {
  let state = OldSender.start(last)
  const sent = events.map((event) => {
    const [next, block] = OldSender.step(state, event)
    state = next
    return block
  })
  return { sent, phase: state.phase }
}

describe("OldSender", () => {
  it("answers every ACK with the next block, also one that comes again", () => {
    assert.deepStrictEqual(repliesTo(4, [ack(1), ack(1), ack(2), ack(2), ack(3), ack(4)]), {
      sent: [2, 2, 3, 3, 4, undefined],
      phase: "Done"
    })
  })

  it("sends the latest block again at a timeout, and gives up after the last attempt", () => {
    const timeouts = Array.from({ length: OldSender.maxAttempts }, (): OldSender.Event => ({ _tag: "Timeout" }))
    const { phase, sent } = repliesTo(4, [ack(1), ...timeouts, ack(2)])
    assert.deepStrictEqual(sent, [2, 2, 2, 2, 2, 2, undefined, undefined])
    assert.strictEqual(phase, "GaveUp")
  })

  it.prop(
    "sends no block after the last, and answers no ACK of a block that it has not sent",
    [Last, Arbitrary.array(Arbitrary.schema(Event))],
    ([last, events]) => {
      let highest = 1
      for (const [index, block] of repliesTo(last, events).sent.entries()) {
        if (block === undefined) continue
        const event = events[index]!
        if (event._tag === "Ack") assert.isAtMost(event.block, highest)
        highest = Math.max(highest, block)
        assert.isAtMost(block, last)
      }
    }
  )
})
