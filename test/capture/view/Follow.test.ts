import { assert, describe, it } from "@effect/vitest"
import * as Effect from "effect/Effect"
import * as Schema from "effect/Schema"
import * as TcpAnalysis from "../../../src/capture/analysis/TcpAnalysis.ts"
import * as Follow from "../../../src/capture/view/Follow.ts"
import * as HexDump from "../../../src/capture/view/HexDump.ts"
import { client, handshake, packets, type Segment, server } from "../../support/capture/Segments.ts"

const follow = (segments: ReadonlyArray<Segment>, maxBufferedBytes?: number) => {
  const analysis = TcpAnalysis.make()
  const following = Follow.make({ protocol: "TCP", stream: 0, maxBufferedBytes })
  const pieces = packets(segments).flatMap((packet) => following.add(packet, analysis.add(packet)))
  return { pieces, last: following.finish(), ends: following.ends() }
}

/** Returns pieces as text: `c:hello`, or `c:[3]` for a gap. */
const texts = (pieces: ReadonlyArray<Follow.Piece>) =>
  pieces.map((piece) => {
    const content = "bytes" in piece ? new TextDecoder().decode(piece.bytes) : `[${piece.missing}]`
    return `${piece.side[0]}:${content}`
  })

const say = (seq: number, text: string, more: Partial<Segment> = {}): Segment => ({
  from: "client",
  flags: "PA",
  seq,
  ack: 1,
  text,
  ...more
})

const ack = (number: number): Segment => ({ from: "server", flags: "A", seq: 1, ack: number })

describe("Follow", () => {
  it("returns both directions in the order of their bytes, without repeated ones", () => {
    const { ends, last, pieces } = follow([
      ...handshake,
      say(1, "one "),
      say(9, "three"),
      say(5, "two "),
      say(3, "e two th"),
      { from: "server", flags: "PA", seq: 1, ack: 14, text: "yes" },
      { from: "client", flags: "FA", seq: 14, ack: 4 },
      { from: "server", flags: "A", seq: 4, ack: 15 }
    ])
    assert.deepStrictEqual(texts(pieces), ["c:one ", "c:two ", "c:three", "s:yes"])
    assert.deepStrictEqual(last, [])
    assert.deepStrictEqual(ends, { client, server })
  })

  it("names a gap once the peer acknowledges bytes after it, or the capture ends", () => {
    const lost = [...handshake, say(1, "one "), say(9, "three")]
    assert.deepStrictEqual(texts(follow(lost).pieces), ["c:one "])
    assert.deepStrictEqual(texts(follow(lost).last), ["c:[4]", "c:three"])
    assert.deepStrictEqual(texts(follow([...lost, ack(14)]).pieces), ["c:one ", "c:[4]", "c:three"])
    assert.deepStrictEqual(texts(follow([...handshake, say(1, "one "), ack(9)]).last), ["c:[4]"])
  })

  it("names a gap if more bytes wait than the limit", () => {
    const { pieces } = follow([...handshake, say(1, "a"), say(10, "bcd"), say(20, "efg")], 150)
    assert.deepStrictEqual(texts(pieces), ["c:a", "c:[8]", "c:bcd"])
  })

  it("names the bytes that the snap length has cut", () => {
    const { pieces } = follow([...handshake, say(1, "ab", { missingBytes: 3 }), say(6, "fg")])
    assert.deepStrictEqual(texts(pieces), ["c:ab", "c:[3]", "c:fg"])
  })

  it("returns the datagrams of a UDP stream", () => {
    const analysis = TcpAnalysis.make()
    const following = Follow.make({ protocol: "UDP", stream: 1 })
    const datagram = (port: number, text: string, back = false) => {
      const [packet] = packets([say(0, text)])
      const from = { ...client, port }
      const udp = { ...packet!, protocol: "UDP", tcp: undefined }
      return back ? { ...udp, from: server, to: from } : { ...udp, from, to: server }
    }
    const all = [datagram(1, "not this"), datagram(2, "ping"), datagram(2, "pong", true)]
    const pieces = all.flatMap((packet) => following.add(packet, analysis.add(packet)))
    assert.deepStrictEqual(texts(pieces), ["c:ping", "s:pong"])
  })

  const Cut = Schema.Int.check(Schema.isBetween({ minimum: 0, maximum: 199 }))
  it.effect.prop(
    "returns all bytes, whatever the order, the overlaps and the repetitions of the segments",
    [Schema.Array(Schema.Tuple([Cut, Cut]))],
    ([cuts]) =>
      Effect.sync(() => {
        const content = Array.from({ length: 200 }, (_, at) => String.fromCharCode(33 + (at % 90))).join("")
        const whole = Array.from({ length: 20 }, (_, part) => [part * 10, part * 10 + 10] as const)
        const ranges = [...cuts.map(([one, other]) => [Math.min(one, other), Math.max(one, other)] as const), ...whole]
        const segments = ranges.map(([start, end]) => say(1 + start, content.slice(start, end)))
        const { last, pieces } = follow([...handshake, ...segments])
        assert.deepStrictEqual(last, [])
        const bytes = pieces.map((piece) => ("bytes" in piece ? new TextDecoder().decode(piece.bytes) : "?"))
        assert.strictEqual(bytes.join(""), content)
      })
  )
})

describe("HexDump", () => {
  it("has offsets, two groups of eight bytes, and the printable characters", () => {
    const bytes = Uint8Array.from([...new TextEncoder().encode("Hello, network!\n"), 0, 255])
    assert.deepStrictEqual(HexDump.lines(bytes, 16), [
      "00000010  48 65 6c 6c 6f 2c 20 6e  65 74 77 6f 72 6b 21 0a  |Hello, network!.|",
      "00000020  00 ff                                             |..|"
    ])
  })
})
