import { assert, describe, it } from "@effect/vitest"
import * as Arbitrary from "effect/Arbitrary"
import * as Schema from "effect/Schema"
import * as Frame from "../../../../src/web/lab/stopAndWait/Frame.ts"
import * as Receiver from "../../../../src/web/lab/stopAndWait/Receiver.ts"
import * as Sender from "../../../../src/web/lab/stopAndWait/Sender.ts"

const Numbering = Schema.Literals(["none", "bit", "number"])

/**
 * Runs both machines over a network that keeps the order, as a list of outcomes: a frame or an ACK is lost, or comes
 * twice. Returns the delivered messages; undefined if the sender has given up.
 */
const exchange = (
  messages: ReadonlyArray<string>,
  numbering: Frame.Numbering,
  outcomes: ReadonlyArray<"ok" | "lost" | "twice">
) => {
  let sender = Sender.start(messages, numbering)
  let receiver = Receiver.start(numbering)
  let at = 0
  const copies = <A>(one: A): ReadonlyArray<A> => {
    const outcome = outcomes[at++] ?? "ok"
    return outcome === "ok" ? [one] : outcome === "lost" ? [] : [one, one]
  }
  while (sender.phase === "Sending") {
    const attempt = sender
    const acks = copies(Sender.frame(sender)!).flatMap((frame) => {
      const [next, reply] = Receiver.step(receiver, frame)
      receiver = next
      return copies(reply)
    })
    for (const { number } of acks) sender = Sender.step(sender, { _tag: "Ack", number })[0]
    if (sender === attempt) sender = Sender.step(sender, { _tag: "Timeout" })[0]
  }
  return sender.phase === "GaveUp" ? undefined : receiver.delivered
}

const Byte = Schema.Int.check(Schema.isBetween({ minimum: 0, maximum: 255 }))
const someBytes = Arbitrary.map(Arbitrary.array(Arbitrary.schema(Byte), { maxLength: 8 }), (bytes) =>
  Uint8Array.from(bytes)
)
const Message = Schema.Int.check(Schema.isBetween({ minimum: 1, maximum: 200 }))
const outcomes = Arbitrary.array(Arbitrary.schema(Schema.Literals(["ok", "lost", "twice"])), { maxLength: 60 })
const texts = Arbitrary.array(Arbitrary.schema(Schema.String), { minLength: 1, maxLength: 8 })

describe("stop-and-wait", () => {
  it.prop(
    "delivers each message once and in order on a network that keeps the order, with a bit or with numbers",
    [texts, Schema.Literals(["bit", "number"]), outcomes],
    ([messages, numbering, outcomes]) => {
      const delivered = exchange(messages, numbering, outcomes)
      if (delivered !== undefined) assert.deepStrictEqual(delivered, messages)
    }
  )

  it("delivers a message twice when its ACK is lost, without numbers", () => {
    assert.deepStrictEqual(exchange(["a", "b"], "none", ["ok", "lost"]), ["a", "a", "b"])
    assert.deepStrictEqual(exchange(["a", "b"], "bit", ["ok", "lost"]), ["a", "b"])
  })

  it("loses a message when an ACK comes twice, without numbers", () => {
    assert.deepStrictEqual(exchange(["a", "b", "c"], "none", ["ok", "twice", "lost"]), ["a", "c"])
    assert.deepStrictEqual(exchange(["a", "b", "c"], "bit", ["ok", "twice", "lost"]), ["a", "b", "c"])
  })

  it("takes a late message for a new one with a bit, and not with numbers", () => {
    for (const [numbering, delivered] of [
      ["bit", ["a", "b", "a"]],
      ["number", ["a", "b"]]
    ] as const) {
      let receiver = Receiver.start(numbering)
      for (const message of [1, 2, 1]) {
        const text = message === 1 ? "a" : "b"
        receiver = Receiver.step(receiver, { number: Frame.numberOf[numbering](message), text })[0]
      }
      assert.deepStrictEqual(receiver.delivered, delivered)
    }
  })

  it("gives up after the last attempt, and then ignores everything", () => {
    let state = Sender.start(["a"], "bit")
    for (let attempt = 1; attempt < Sender.maxAttempts; attempt++) {
      const [next, verdict] = Sender.step(state, { _tag: "Timeout" })
      state = next
      assert.strictEqual(verdict, "SentAgain")
    }
    const [last, verdict] = Sender.step(state, { _tag: "Timeout" })
    assert.deepStrictEqual([last.phase, verdict, Sender.frame(last)], ["GaveUp", "GaveUp", undefined])
    assert.deepStrictEqual(Sender.step(last, { _tag: "Ack", number: 0 }), [last, "Ignored"])
  })

  it.prop(
    "decodes the frames that it encodes",
    [Numbering, Schema.Literals(["DATA", "ACK"]), Message, Schema.String],
    ([numbering, _tag, message, text]) => {
      const frame: Frame.Frame = { _tag, number: Frame.numberOf[numbering](message), text: text.toWellFormed() }
      assert.deepStrictEqual(Frame.decode(Frame.encode(frame)), frame)
    }
  )

  it.prop("decodes any bytes, or not", [someBytes], ([bytes]) => {
    const frame = Frame.decode(bytes)
    assert.strictEqual(frame === undefined, bytes.length < 2 || bytes[0] === 0 || bytes[0]! > 2)
  })
})
