import { assert, describe, it } from "@effect/vitest"
import * as Effect from "effect/Effect"
import * as Schema from "effect/Schema"
import * as TcpAnalysis from "../../../src/capture/analysis/TcpAnalysis.ts"
import * as TcpNote from "../../../src/capture/analysis/TcpNote.ts"
import * as TcpOptions from "../../../src/capture/analysis/TcpOptions.ts"
import { client, handshake, packets, type Segment, server } from "../../support/capture/Segments.ts"

const analyse = (segments: ReadonlyArray<Segment>) => {
  const analysis = TcpAnalysis.make()
  return packets(segments).map((packet) => analysis.add(packet)!)
}

/** Returns the notes of each segment after the handshake, as text. */
const notesOf = (...segments: ReadonlyArray<Segment>) =>
  analyse([...handshake, ...segments])
    .slice(handshake.length)
    .map(({ notes }) => notes.map(TcpNote.format).join(", "))

const data = (seq: number, length: number, more: Partial<Segment> = {}): Segment => ({
  from: "client",
  flags: "PA",
  seq,
  ack: 1,
  length,
  ...more
})

const ack = (number: number, more: Partial<Segment> = {}): Segment => ({
  from: "server",
  flags: "A",
  seq: 1,
  ack: number,
  ...more
})

/** Notes of the segments after a handshake. */
const cases: ReadonlyArray<readonly [name: string, segments: ReadonlyArray<Segment>, notes: ReadonlyArray<string>]> = [
  ["no notes on data and its ACKs", [data(1, 100), ack(101), data(101, 50), ack(151)], ["", "", "", ""]],
  ["a segment that is sent again after a time", [data(1, 100), data(1, 100, { at: 300 })], ["", "retransmission"]],
  [
    "a segment whose bytes were acknowledged",
    [data(1, 100), ack(101), data(1, 100, { at: 300 })],
    ["", "", "spurious retransmission"]
  ],
  [
    "a segment after a gap, and the late one that fills it",
    [data(1, 100, { at: 20 }), data(201, 100, { at: 21 }), data(101, 100, { at: 22 })],
    ["", "previous segment not captured", "out of order"]
  ],
  [
    "a late segment that fills a gap after more than the round-trip time",
    [data(1, 100, { at: 20 }), data(201, 100, { at: 21 }), data(101, 100, { at: 60 })],
    ["", "previous segment not captured", "retransmission"]
  ],
  [
    "duplicate ACKs and the fast retransmission that they ask for",
    [data(1, 100), ack(101), data(201, 100), ack(101), data(301, 100), ack(101), data(101, 100)],
    [
      "",
      "",
      "previous segment not captured",
      "duplicate ACK 1 of packet 5",
      "",
      "duplicate ACK 2 of packet 5",
      "fast retransmission"
    ]
  ],
  [
    "a full window, a probe of it, and its opening",
    [
      data(1, 500),
      ack(501, { window: 0 }),
      data(501, 1, { at: 200 }),
      ack(501, { window: 0 }),
      ack(501, { window: 400 })
    ],
    ["window full", "zero window", "zero window probe", "zero window, zero window probe ACK", "window update"]
  ],
  [
    "a keep-alive and its answer",
    [data(1, 10), ack(11), data(10, 0, { at: 9_000 }), ack(11)],
    ["", "", "keep-alive", "keep-alive ACK"]
  ],
  ["an ACK of bytes that the capture lacks", [ack(101)], ["acknowledges a segment that was not captured"]],
  ["a reset", [{ from: "server", flags: "R", seq: 1 }], ["reset"]],
  [
    "a FIN that is sent again",
    [
      { from: "client", flags: "FA", seq: 1, ack: 1 },
      { from: "client", flags: "FA", seq: 1, ack: 1, at: 400 }
    ],
    ["", "retransmission"]
  ]
]

describe("TcpAnalysis", () => {
  for (const [name, segments, notes] of cases) {
    it(`finds ${name}`, () => assert.deepStrictEqual(notesOf(...segments), notes))
  }

  it("measures the handshake and the times to ACKs, and marks those of repeated segments", () => {
    const found = analyse([...handshake, data(1, 100, { at: 20 }), data(1, 100, { at: 320 }), ack(101, { at: 330 })])
    assert.strictEqual(found[1]!.rttNanos, 10_000_000n)
    assert.strictEqual(found[2]!.handshakeNanos, 10_000_000n)
    assert.deepInclude(found[5], { acknowledges: 4, isRttAmbiguous: true })
    const plain = analyse([...handshake, data(1, 100, { at: 20 }), ack(101, { at: 27 })])
    assert.deepInclude(plain[4], { acknowledges: 4, rttNanos: 7_000_000n, isRttAmbiguous: false })
  })

  it("numbers streams of TCP and of UDP from 0, and begins another one where ports are reused", () => {
    const analysis = TcpAnalysis.make()
    const [first, again] = packets([handshake[0]!, { from: "client", flags: "S", seq: 700_000, at: 9_000 }])
    assert.deepInclude(analysis.add(first!), { stream: 0, isFromFirst: true })
    const reused = analysis.add(again!)!
    assert.deepInclude(reused, { stream: 1, isFromFirst: true })
    assert.deepStrictEqual(reused.notes, [{ kind: "reusedPorts" }])
    const datagram = { ...first!, protocol: "UDP", tcp: undefined }
    assert.deepInclude(analysis.add(datagram), { stream: 0, isFromFirst: true })
    assert.deepInclude(analysis.add({ ...datagram, from: server, to: client }), { stream: 0, isFromFirst: false })
    assert.deepInclude(analysis.add({ ...datagram, from: { ...server, port: 9 } }), { stream: 1, isFromFirst: true })
    assert.isUndefined(analysis.add({ ...datagram, protocol: "ICMP" }))
  })

  it("takes the receiver of a SYN-ACK for the client without a SYN", () => {
    const [first, second] = analyse(handshake.slice(1))
    assert.deepInclude(first, { stream: 0, isFromFirst: false })
    assert.deepInclude(second, { stream: 0, isFromFirst: true })
  })

  it("counts bytes that the snap length has cut, and follows sequence numbers past 2^32", () => {
    const analysis = TcpAnalysis.make()
    const cut = packets([
      { from: "client", flags: "PA", seq: 0xffffffff - 1_000 - 99, length: 10, missingBytes: 190 },
      { from: "client", flags: "PA", seq: -900, length: 10 }
    ])
    assert.strictEqual(analysis.add(cut[0]!)!.length, 200)
    assert.deepStrictEqual(analysis.add({ ...cut[1]!, tcp: { ...cut[1]!.tcp!, seq: 100 } })!.notes, [])
  })

  it("forgets the connection that was used longest ago, and counts it", () => {
    const analysis = TcpAnalysis.make({ maxConnections: 2 })
    const [packet] = packets([data(1, 100)])
    const from = (port: number) => analysis.add({ ...packet!, from: { ...client, port } })!.stream
    assert.deepStrictEqual([1, 2, 1, 3, 1, 2].map(from), [0, 1, 0, 2, 0, 3])
    assert.strictEqual(analysis.forgotten(), 2)
  })

  const Word = Schema.Int.check(Schema.isBetween({ minimum: 0, maximum: 0xffffffff }))
  const Small = Schema.Int.check(Schema.isBetween({ minimum: 0, maximum: 511 }))
  it.effect.prop(
    "accepts any segments, and says of none that it is old and new at once",
    [Schema.Array(Schema.Tuple([Word, Word, Small, Small, Schema.Boolean]))],
    ([all]) =>
      Effect.sync(() => {
        const analysis = TcpAnalysis.make()
        const [packet] = packets([data(1, 0)])
        for (const [index, [seq, ack, flags, length, isBack]] of all.entries()) {
          const found = analysis.add({
            ...packet!,
            number: index + 1,
            at: BigInt(ack - seq),
            ...(isBack ? { from: server, to: client } : {}),
            payload: new Uint8Array(length),
            // Few different numbers, so that segments repeat each other.
            tcp: { seq: seq % 8, ack: ack % 8, flags, window: length % 3, options: Uint8Array.of(5, 10, seq & 255) }
          })!
          const kinds = new Set(found.notes.map(({ kind }) => kind))
          assert.isFalse(kinds.has("lostSegment") && found.notes.some(TcpNote.isRetransmission))
          assert.strictEqual(kinds.size, found.notes.length)
        }
      })
  )
})

describe("TcpOptions", () => {
  it("has the window scale among other options, and ends at a malformed one", () => {
    assert.strictEqual(TcpOptions.windowScale(Uint8Array.of(2, 4, 5, 180, 1, 3, 3, 7)), 7)
    assert.strictEqual(TcpOptions.windowScale(Uint8Array.of(3, 3, 200)), 14)
    for (const bad of [[3], [3, 0], [3, 200, 1], [0, 3, 3, 7], [1, 1], []])
      assert.isUndefined(TcpOptions.windowScale(Uint8Array.from(bad)))
  })
})
