import { assert, describe, it } from "@effect/vitest"
import * as Schema from "effect/Schema"
import type { Packet } from "../../../src/network/Packet.ts"
import * as FaultEngine from "../../../src/simulation/faults/FaultEngine.ts"
import * as FaultPlanSyntax from "../../../src/simulation/faults/FaultPlanSyntax.ts"

const millis = 1_000_000
const second = 1000 * millis

/** A packet whose size is that with its headers. */
const packet = (transport: "udp" | "tcp", size: number, from = 1, to = 2): Packet => ({
  transport,
  kind: transport === "udp" ? "datagram" : "data",
  from: { address: `10.0.0.${from}`, port: 5000 },
  to: { address: `10.0.0.${to}`, port: 69 },
  bytes: new Uint8Array(size - (transport === "udp" ? 28 : 40))
})
const udp = (size: number, from?: number, to?: number) => packet("udp", size, from, to)
const tcp = (size: number) => packet("tcp", size)

const nameOf = (address: string) => ["a", "b", "c"][Number(address.at(-1)) - 1]
const engine = (text: string, options?: FaultEngine.Options) =>
  FaultEngine.make(FaultPlanSyntax.parseUnsafe(text), { nameOf, ...options })

/** Returns the delays of packets in milliseconds; undefined for one that is lost. */
const delays = (text: string, sent: ReadonlyArray<readonly [atMillis: number, packet: Packet]>) => {
  const { decide } = engine(text)
  return sent.map(([at, packet]) => {
    const verdict = decide(packet, at * millis)
    if (verdict._tag === "Drop") return undefined
    if (verdict._tag === "Deliver") return 0
    return (verdict._tag === "Stream" ? verdict.delayNanos : verdict.copies[0]!.delayNanos) / millis
  })
}

describe("bandwidth", () => {
  it("a packet takes the time of its bytes, after those that wait", () => {
    assert.deepStrictEqual(
      delays("bandwidth=100kB/s", [
        [0, udp(1000)],
        [0, udp(500)],
        [5, udp(1000)],
        [100, udp(100)]
      ]),
      [10, 15, 20, 1]
    )
  })

  it("a datagram for which the queue has no space is lost", () => {
    const { counts, decide } = engine("bandwidth=100kB/s queue=2kB")
    const notes = [1000, 1000, 1, 28].map((size) => {
      const verdict = decide(udp(Math.max(28, size)), 0)
      return verdict._tag === "Deliver" ? "" : `${verdict._tag} ${verdict.note}`
    })
    assert.deepStrictEqual(notes, [
      "Datagrams bandwidth=100kB/s queue=2kB",
      "Datagrams bandwidth=100kB/s queue=2kB",
      "Drop bandwidth=100kB/s queue=2kB, queue full",
      "Drop bandwidth=100kB/s queue=2kB, queue full"
    ])
    assert.deepStrictEqual(counts(), [4])
    // 28 bytes have passed after 280 us; a large datagram passes while nothing waits.
    const later = [280_000, 20 * millis].map((at) => decide(udp(at === 280_000 ? 28 : 9000), at)._tag)
    assert.deepStrictEqual(later, ["Datagrams", "Drop"])
    assert.strictEqual(decide(udp(9000), second)._tag, "Datagrams")
    assert.deepStrictEqual(
      delays(
        "bandwidth=100kB/s queue=0B",
        [0, 5, 10].map((at) => [at, udp(1000)] as const)
      ),
      [10, undefined, 10]
    )
  })

  it("streams wait, and lose nothing", () => {
    const sent = Array.from({ length: 100 }, () => [0, tcp(1000)] as const)
    assert.deepStrictEqual(
      delays("bandwidth=100kB/s queue=2kB", sent),
      sent.map((_, i) => 10 * (i + 1))
    )
    assert.deepStrictEqual(delays("bandwidth=100kB/s udp", [[0, tcp(1000)]]), [0])
    assert.deepStrictEqual(delays("bandwidth=100kB/s tcp", [[0, udp(1000)]]), [0])
  })

  it("each direction, and without a pair each path, has its queue", () => {
    const sent = [
      [0, udp(1000, 1, 2)],
      [0, udp(1000, 2, 1)],
      [0, udp(1000, 1, 3)],
      [0, udp(1000, 1, 2)]
    ] as const
    assert.deepStrictEqual(delays("bandwidth=100kB/s", sent), [10, 10, 10, 20])
    assert.deepStrictEqual(delays("bandwidth=100kB/s *|*", sent), [10, 10, 10, 20])
    assert.deepStrictEqual(delays("bandwidth=100kB/s a|b", sent), [10, 10, 0, 20])
    // One uplink for all that a host sends.
    assert.deepStrictEqual(delays("bandwidth=100kB/s a>*", sent), [10, 0, 20, 30])
  })

  it("other faults apply before and after it", () => {
    const sent = [
      [0, udp(1000)],
      [0, udp(1000)]
    ] as const
    assert.deepStrictEqual(delays("drop=#1, bandwidth=100kB/s", sent), [undefined, 10])
    assert.deepStrictEqual(delays("bandwidth=100kB/s, drop=#1", sent), [undefined, 20])
    assert.deepStrictEqual(delays("dup=#1, bandwidth=100kB/s, delay=1ms", sent), [21, 31])
    assert.deepStrictEqual(delays("truncate=72, bandwidth=100kB/s", sent), [1, 2])
  })

  it("what waits at the end of the window passes then", () => {
    assert.deepStrictEqual(
      delays(
        "bandwidth=100kB/s @0s..15ms",
        [0, 0, 0, 20].map((at) => [at, udp(1000)] as const)
      ),
      [10, 15, 15, 0]
    )
  })

  it("heal ends the limit", () => {
    const { decide, faultsEnd, heal } = engine("bandwidth=100kB/s")
    assert.strictEqual(faultsEnd(), undefined)
    assert.strictEqual(decide(udp(1000), 0)._tag, "Datagrams")
    heal(5)
    assert.strictEqual(decide(udp(1000), 6)._tag, "Deliver")
    assert.strictEqual(faultsEnd(), 5)
  })

  it.prop(
    "no more bytes pass in any period than the bandwidth allows, and all the bandwidth is used",
    [Schema.Array(Schema.Int.check(Schema.isBetween({ minimum: 28, maximum: 1500 })))],
    ([sizes]) => {
      const queueBytes = 3000
      const { decide } = engine(`bandwidth=1MB/s queue=${queueBytes}B`)
      let free = 0
      sizes.forEach((size, i) => {
        const now = i * millis * 0.7
        const verdict = decide(udp(size), now)
        const waiting = Math.max(0, free - now) / 1000
        const isLost = waiting > 0 && waiting + size > queueBytes
        assert.strictEqual(verdict._tag, isLost ? "Drop" : "Datagrams")
        if (verdict._tag !== "Datagrams") return
        free = Math.max(now, free) + size * 1000
        assert.closeTo(now + verdict.copies[0]!.delayNanos, free, 1)
      })
    }
  )
})
