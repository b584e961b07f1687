import { assert, describe, it } from "@effect/vitest"
import * as Effect from "effect/Effect"
import * as CoursePacket from "../../../src/status/wire/CoursePacket.ts"
import * as RelayMessage from "../../../src/status/wire/RelayMessage.ts"
import * as StatusPacket from "../../../src/status/wire/StatusPacket.ts"
import { bytes, control, peer, peerOf } from "./RelayMessageArbitrary.ts"

const check = (assertion: () => void) => Effect.sync(assertion)

describe("RelayMessage", () => {
  it.effect.prop("round-trips every kind of message", [control], ([{ _tag, cookie, lease }]) =>
    check(() => {
      const message = { _tag, lease, cookie: Uint8Array.from(cookie) }
      const encoded = RelayMessage.encode(message)
      assert.strictEqual(encoded.length, RelayMessage.sizeBytes.control)
      assert.deepStrictEqual(RelayMessage.decode(encoded), message)
    })
  )

  it.effect.prop("round-trips a forwarded packet and its origin", [peer, bytes(0, 1_400)], ([from, packet]) =>
    check(() => {
      const origin = peerOf(from)
      const wrapped = RelayMessage.forwardedMessage(RelayMessage.forwardedHeader(origin), Uint8Array.from(packet))
      assert.deepStrictEqual(RelayMessage.decode(wrapped), {
        _tag: "Forwarded",
        origin,
        packet: Uint8Array.from(packet)
      })
    })
  )

  it.effect.prop(
    "decodes or rejects any bytes, and a decoded message encodes to the same bytes",
    [bytes(0, 80)],
    ([any]) =>
      check(() => {
        const raw = Uint8Array.from([1, ...any])
        assert.isUndefined(RelayMessage.decode(raw))
        for (const length of [raw.length, 24, 44]) {
          for (let kind = 0; kind < 8; kind++) {
            const headed = new Uint8Array(length)
            headed.set(raw.subarray(0, length))
            headed.set([0x00, 0x45, 0x49, 0x52, 1, kind, ...(kind === 6 ? [] : [0, 0])].slice(0, length))
            const message = RelayMessage.decode(headed)
            assert.strictEqual(message !== undefined, kind === 6 ? length >= 24 : kind > 0 && kind < 7 && length === 44)
            if (message === undefined) continue
            const again =
              message._tag === "Forwarded"
                ? RelayMessage.forwardedMessage(RelayMessage.forwardedHeader(message.origin), message.packet)
                : RelayMessage.encode(message)
            assert.deepStrictEqual(again, headed)
          }
        }
      })
  )

  it.effect.prop("is rejected by both packet codecs", [control], ([{ _tag, cookie, lease }]) =>
    check(() => {
      const encoded = RelayMessage.encode({ _tag, lease, cookie: Uint8Array.from(cookie) })
      assert.strictEqual(StatusPacket.decode(encoded)._tag, "Failure")
      const forwarded = RelayMessage.forwardedMessage(
        RelayMessage.forwardedHeader({ address: "::1", port: 1 }),
        new Uint8Array(48)
      )
      assert.strictEqual(forwarded.length, CoursePacket.sizeBytes)
      assert.isUndefined(CoursePacket.decode(forwarded))
    })
  )

  it("encodes the documented format", () => {
    const cookie = Uint8Array.from({ length: 32 }, (_, i) => i)
    const subscribe = RelayMessage.encode({ _tag: "Subscribe", lease: 30_000, cookie })
    assert.strictEqual(Buffer.from(subscribe.subarray(0, 12)).toString("hex"), "004549520101000000007530")
    assert.deepStrictEqual(subscribe.subarray(12), cookie)
    const header = RelayMessage.forwardedHeader({ address: "10.0.0.7", port: 2066 })
    assert.strictEqual(Buffer.from(header).toString("hex"), "004549520106081200000000000000000000ffff0a000007")
    const zoned = RelayMessage.forwardedHeader({ address: "fe80::1%eth0", port: 1 })
    assert.deepStrictEqual(RelayMessage.decode(zoned), {
      _tag: "Forwarded",
      origin: { address: "fe80::1", port: 1 },
      packet: new Uint8Array()
    })
  })

  it("rejects other versions, kinds, sizes and reserved bytes", () => {
    const good = RelayMessage.encode({ _tag: "Leave", lease: 0, cookie: RelayMessage.zeroCookie })
    assert.isDefined(RelayMessage.decode(good))
    for (const [at, value] of [
      [0, 1],
      [4, 2],
      [5, 0],
      [5, 7],
      [6, 1],
      [7, 1]
    ] as const) {
      assert.isUndefined(RelayMessage.decode(good.with(at, value)), `byte ${at} is ${value}`)
    }
    assert.isUndefined(RelayMessage.decode(good.subarray(0, 43)))
    assert.isUndefined(RelayMessage.decode(Uint8Array.from([...good, 0])))
  })
})
