import { assert, describe, it } from "@effect/vitest"
import * as Arbitrary from "effect/Arbitrary"
import * as Effect from "effect/Effect"
import * as Schema from "effect/Schema"
import * as Ip from "../../src/capture/Ip.ts"
import { pseudoRandomBytes } from "../support/Hosts.ts"

const between = (minimum: number, maximum: number) =>
  Arbitrary.schema(Schema.Int.check(Schema.isBetween({ minimum, maximum })))
const bytes = (size: number) =>
  Arbitrary.map(Arbitrary.array(between(0, 255), { minLength: size, maxLength: size }), (all) => Uint8Array.from(all))

const endpoints = Arbitrary.flatMap(between(0, 1), (v6) =>
  Arbitrary.map(
    Arbitrary.all([bytes(v6 ? 16 : 4), bytes(v6 ? 16 : 4), between(0, 0xffff), between(0, 0xffff)]),
    ([from, to, sport, dport]) => ({ from: { address: from, port: sport }, to: { address: to, port: dport } })
  )
)
const tcp = Arbitrary.map(
  Arbitrary.all([between(0, 2 ** 32 - 1), between(0, 2 ** 32 - 1), between(0, 0x1ff), between(0, 0xffff), bytes(8)]),
  ([seq, ack, flags, window, options]) => ({ seq, ack, flags, window, options })
)
const packet = Arbitrary.map(
  Arbitrary.all([endpoints, tcp, between(0, 1), between(0, 70_000), between(0, 0xffff)]),
  ([ends, tcp, isTcp, size, id]): Ip.Packet => ({
    ...ends,
    payload: pseudoRandomBytes(size),
    id,
    ...(isTcp ? { tcp } : {})
  })
)

describe("Ip", () => {
  it.effect.prop("decodes what it encodes, with valid checksums", [packet], ([packet]) =>
    Effect.sync(() => {
      const encoded = Ip.encode(packet)
      const decoded = Ip.decode(encoded)
      assert.deepStrictEqual(decoded.problems, [])
      assert.deepStrictEqual(decoded.tcp, packet.tcp)
      assert.strictEqual(decoded.from?.port, packet.from.port)
      const maxPayloadLength = 65_535 - (packet.tcp ? 28 : 8) - (packet.from.address.length === 4 ? 20 : 0)
      assert.strictEqual(Buffer.compare(decoded.payload, packet.payload.subarray(0, maxPayloadLength)), 0)
    })
  )

  it.effect.prop("reports a changed bit", [packet, between(0, 2 ** 31)], ([packet, where]) =>
    Effect.sync(() => {
      const encoded = Ip.encode(packet)
      const [before] = [Ip.decode(encoded)]
      const at = where % encoded.length
      encoded[at]! ^= 1 << (where % 8)
      const after = Ip.decode(encoded)
      // No checksum covers the traffic class, flow label and hop limit of IPv6, which routers may change.
      const isFree = packet.from.address.length === 16 && (at < 4 || at === 7)
      if (!isFree) assert.isTrue(after.problems.length > 0 || after.protocol !== before!.protocol, `bit in byte ${at}`)
    })
  )

  it.effect.prop(
    "never throws, whatever the bytes",
    [Arbitrary.array(between(0, 255), { maxLength: 80 }), between(0, 2)],
    (input) =>
      Effect.sync(() => {
        const noise = Uint8Array.from(input[0])
        // Two of three inputs begin with a valid IP version.
        if (input[1] > 0 && noise.length > 0) noise[0] = input[1] === 1 ? 0x45 : 0x60
        const decoded = Ip.decode(noise)
        assert.isAtMost(decoded.payload.length, noise.length)
        Ip.decode(noise, false)
      })
  )

  it("accepts UDP without a checksum over IPv4 and rejects it over IPv6", () => {
    const ends = (size: number) => ({ address: new Uint8Array(size).fill(1), port: 1 })
    for (const [size, at, problems] of [
      [4, 26, []],
      [16, 46, ["bad UDP checksum"]]
    ] as const) {
      const encoded = Ip.encode({ from: ends(size), to: ends(size), payload: pseudoRandomBytes(9), id: 0 })
      encoded.fill(0, at, at + 2)
      assert.deepStrictEqual(Ip.decode(encoded).problems, [...problems])
    }
  })
})
