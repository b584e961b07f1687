import { assert, describe, it } from "@effect/vitest"
import * as Effect from "effect/Effect"
import * as Schema from "effect/Schema"
import * as Conversations from "../../../src/capture/analysis/Conversations.ts"
import * as Samples from "../../../src/capture/analysis/Samples.ts"
import * as TcpAnalysis from "../../../src/capture/analysis/TcpAnalysis.ts"
import * as Throughput from "../../../src/capture/analysis/Throughput.ts"
import { client, handshake, packets, server } from "../../support/capture/Segments.ts"

const sum = (values: ReadonlyArray<number>) => values.reduce((total, value) => total + value, 0)

describe("Conversations", () => {
  it("counts packets, bytes, retransmissions and round trips of a connection", () => {
    const analysis = TcpAnalysis.make()
    const conversations = Conversations.make()
    const all = packets([
      ...handshake,
      { from: "client", flags: "PA", seq: 1, ack: 1, length: 100, at: 20 },
      { from: "server", flags: "A", seq: 1, ack: 101, at: 24 },
      { from: "client", flags: "PA", seq: 101, ack: 1, length: 100, at: 30 },
      { from: "client", flags: "PA", seq: 101, ack: 1, length: 100, at: 330 },
      { from: "server", flags: "A", seq: 1, ack: 201, at: 400 }
    ])
    for (const packet of all) conversations.add(packet, analysis.add(packet))
    const { endNanos, list, notes, packets: count, startNanos } = conversations.report()
    assert.strictEqual(list.length, 1)
    assert.deepInclude(list[0], {
      protocol: "TCP",
      stream: 0,
      from: client,
      to: server,
      sent: { packets: 5, bytes: 5 * 54 + 300 },
      received: { packets: 3, bytes: 3 * 54 },
      retransmissions: 1,
      handshakeNanos: 10_000_000n
    })
    // The last ACK may be for either of two segments.
    assert.deepStrictEqual(list[0]!.roundTrips, { count: 3, min: 0, median: 4e6, max: 10e6 })
    assert.deepStrictEqual(notes, { retransmission: 1 })
    assert.deepStrictEqual([count, startNanos, endNanos], [8, 0n, 400_000_000n])
  })

  it("counts conversations beyond the limit together, and packets without addresses", () => {
    const conversations = Conversations.make({ maxConversations: 2 })
    const [packet] = packets([handshake[0]!])
    for (const port of [1, 2, 3, 1, 4]) conversations.add({ ...packet!, from: { ...client, port } }, undefined)
    conversations.add({ ...packet!, protocol: "unknown", from: undefined, to: undefined }, undefined)
    const { list, rest, totals, withoutAddresses } = conversations.report()
    assert.deepStrictEqual(
      list.map(({ from, sent }) => [from.port, sent.packets]),
      [
        [1, 2],
        [2, 1]
      ]
    )
    assert.deepStrictEqual(rest, { packets: 2, bytes: 108 })
    assert.deepStrictEqual(withoutAddresses, { packets: 1, bytes: 54 })
    assert.deepStrictEqual(
      totals.map(({ packets, protocol }) => [protocol, packets]),
      [
        ["TCP", 5],
        ["unknown", 1]
      ]
    )
  })
})

describe("Samples", () => {
  const Values = Schema.Array(Schema.Int.check(Schema.isBetween({ minimum: 0, maximum: 1_000 })))
  it.effect.prop("have the exact minimum, maximum and count, and few kept values", [Values], ([some]) =>
    Effect.sync(() => {
      const values = Array.from({ length: 40 }, () => some).flat()
      const samples = values.reduce(Samples.add, Samples.empty)
      assert.strictEqual(samples.count, values.length)
      assert.isAtMost(samples.kept.length, Samples.maxSamples)
      if (values.length === 0) return assert.isUndefined(Samples.median(samples))
      assert.deepStrictEqual([samples.min, samples.max], [Math.min(...values), Math.max(...values)])
      const sorted = values.toSorted((one, other) => one - other)
      if (values.length <= Samples.maxSamples)
        assert.strictEqual(
          Samples.median(samples),
          (sorted[(values.length - 1) >> 1]! + sorted[values.length >> 1]!) / 2
        )
    })
  )

  it("have a median that is near the true one of many values", () => {
    const values = Array.from({ length: 10_000 }, (_, at) => (at * 7_919) % 10_000)
    assert.approximately(Samples.median(values.reduce(Samples.add, Samples.empty))!, 5_000, 600)
  })
})

describe("Throughput", () => {
  const Time = Schema.Int.check(Schema.isBetween({ minimum: -1e12, maximum: 1e12 }))
  it.effect.prop("keeps all bytes in few buckets, for times in any order", [Schema.Array(Time)], ([times]) =>
    Effect.sync(() => {
      const throughput = Throughput.make({ maxBuckets: 8 })
      for (const [index, time] of times.entries()) throughput.add(BigInt(time) * 1_000_000n, index + 1, index % 2 === 0)
      const { bucketMillis, bytes, retransmissions, startNanos } = throughput.series()
      assert.isAtMost(bytes.length, 8)
      assert.strictEqual(sum(bytes), sum(times.map((_, index) => index + 1)))
      assert.strictEqual(sum(retransmissions), Math.ceil(times.length / 2))
      if (times.length === 0) return
      assert.isAtMost(Number(startNanos / 1_000_000n), Math.min(...times))
      assert.isAbove(Number(startNanos / 1_000_000n) + bucketMillis, Math.min(...times))
      const last = Number(startNanos / 1_000_000n) + bucketMillis * bytes.length
      assert.isAbove(last, Math.max(...times))
      assert.isAtMost(last - bucketMillis, Math.max(...times))
      assert.isAbove(bytes[0]!, 0)
      assert.isAbove(bytes.at(-1)!, 0)
    })
  )
})
