import { assert, describe, it } from "@effect/vitest"
import * as Schema from "effect/Schema"
import * as SendWindow from "../../../src/farm/tcp/SendWindow.ts"
import type { Task } from "../../../src/farm/Worker.ts"

const Bytes = Schema.Int.check(Schema.isBetween({ minimum: 0, maximum: 15 }))

const Operation = Schema.Union([
  Schema.TaggedStruct("Send", { bytes: Schema.Array(Bytes) }),
  /** An outcome of the packet that has been in flight longest. */
  Schema.TaggedStruct("Release", {}),
  Schema.TaggedStruct("Cancel", { ids: Schema.Array(Bytes) })
])

const maxBytes = 20

/** Encodes a packet that is its number of bytes; a packet of 13 bytes cannot be encoded. */
const encode = ({ id, packet }: Task): SendWindow.EncodedTask | undefined =>
  packet === 13 ? undefined : { id, bytes: Number(packet), frames: [] }

/** Takes what fits, and returns the ids. */
const takeAll = (window: SendWindow.SendWindow) => {
  const ids: Array<number> = []
  for (let task = SendWindow.next(window, encode); task !== undefined; task = SendWindow.next(window, encode)) {
    ids.push(task.id)
  }
  return ids
}

describe("SendWindow", () => {
  it.prop("sends each packet once, in order, within the bytes or alone", [Schema.Array(Operation)], ([operations]) => {
    const window = SendWindow.make(maxBytes)
    const sent: Array<number> = []
    const cancelled = new Set<number>()
    const all: Array<number> = []
    const send = () => {
      sent.push(...takeAll(window))
      const bytes = [...window.inFlight.values()]
      assert.strictEqual(
        window.inFlightBytes,
        bytes.reduce((sum, one) => sum + one, 0)
      )
      assert.isTrue(window.inFlightBytes <= maxBytes || bytes.length === 1)
    }
    for (const operation of operations) {
      if (operation._tag === "Send") {
        for (const packet of operation.bytes) {
          window.waiting.push({ id: all.length, packet })
          all.push(packet)
        }
      } else if (operation._tag === "Release") {
        const [id] = window.inFlight.keys()
        if (id !== undefined) SendWindow.release(window, id)
      } else for (const id of SendWindow.removeWaiting(window, operation.ids)) cancelled.add(id)
      send()
    }
    while (window.inFlight.size > 0) {
      SendWindow.release(window, window.inFlight.keys().next().value!)
      send()
    }
    const expected = all.flatMap((packet, id) => (packet === 13 || cancelled.has(id) ? [] : [id]))
    assert.deepStrictEqual(sent, expected)
    assert.strictEqual(window.waiting.length, 0)
  })

  it("sends a packet over the limit alone", () => {
    const window = SendWindow.make(maxBytes)
    window.waiting.push(...[5, 100, 5].map((packet, id) => ({ id, packet })))
    assert.deepStrictEqual(takeAll(window), [0])
    SendWindow.release(window, 0)
    assert.deepStrictEqual(takeAll(window), [1])
    SendWindow.release(window, 1)
    assert.deepStrictEqual(takeAll(window), [2])
  })
})
