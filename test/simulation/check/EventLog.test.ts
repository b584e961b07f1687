import { assert, describe, it } from "@effect/vitest"
import * as Effect from "effect/Effect"
import * as Schema from "effect/Schema"
import * as EventLog from "../../../src/simulation/check/EventLog.ts"
import type * as Recording from "../../../src/simulation/Recording.ts"

const event = (at: number): Recording.Event => ({ _tag: "Reached", at, label: "x" })

const Count = Schema.Int.check(Schema.isBetween({ minimum: 0, maximum: 60 }))

describe("EventLog", () => {
  it.effect.prop("keeps the first and the last events, and counts the others", [Count], ([count]) =>
    Effect.sync(() => {
      const log = EventLog.make(5)
      const all = Array.from({ length: count }, (_, at) => event(at))
      all.forEach(log.record)
      const kept = log.events()
      assert.deepStrictEqual(kept, count <= 10 ? all : [...all.slice(0, 5), ...all.slice(-5)])
      assert.strictEqual(log.omitted(), count - kept.length)
    })
  )

  it("copies the bytes of packets", () => {
    const log = EventLog.make()
    const bytes = Uint8Array.of(1)
    const end = { address: "10.0.0.1", port: 1 }
    const packet = { transport: "udp", kind: "datagram", from: end, to: end, bytes, at: 0n, host: "a" } as const
    log.record({ _tag: "Packet", at: 0, packet })
    bytes[0] = 2
    const [first] = log.events()
    assert.deepStrictEqual(first?._tag === "Packet" ? first.packet.bytes : undefined, Uint8Array.of(1))
  })
})
