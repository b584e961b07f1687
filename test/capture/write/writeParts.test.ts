/** The pure parts of the writing of captures: names, queue, splitter, statistics, whole blocks. */
import { assert, describe, it } from "@effect/vitest"
import * as Arbitrary from "effect/Arbitrary"
import * as Effect from "effect/Effect"
import * as Schema from "effect/Schema"
import * as CaptureWriter from "../../../src/capture/CaptureWriter.ts"
import * as BlockQueue from "../../../src/capture/write/BlockQueue.ts"
import * as BlockSplitter from "../../../src/capture/write/BlockSplitter.ts"
import * as Destination from "../../../src/capture/write/Destination.ts"
import * as InterfaceStatistics from "../../../src/capture/write/InterfaceStatistics.ts"
import * as RingNames from "../../../src/capture/write/RingNames.ts"
import { pseudoRandomBytes } from "../../support/Hosts.ts"

const between = (minimum: number, maximum: number) =>
  Arbitrary.schema(Schema.Int.check(Schema.isBetween({ minimum, maximum })))

const lengths = Arbitrary.array(between(0, 50), { maxLength: 12 })

/** A file with datagrams of these lengths. */
const fileOf = (payloads: ReadonlyArray<number>) => {
  const writer = CaptureWriter.make({ names: { "10.0.0.1": "a" } })
  const [from, to] = [
    { address: "10.0.0.1", port: 1 },
    { address: "10.0.0.2", port: 2 }
  ]
  for (const [index, length] of payloads.entries()) {
    const bytes = pseudoRandomBytes(length, index)
    writer.tap({ transport: "udp", kind: "datagram", from, to, bytes, at: BigInt(index), host: "a" })
  }
  return Buffer.concat(writer.finish())
}

describe("RingNames", () => {
  it.each([
    ["out.pcapng", "out_00001_20261130160149.pcapng"],
    ["/a.b/out", "/a.b/out_00001_20261130160149"],
    ["a/.pcap", "a/.pcap_00001_20261130160149"],
    [".x.pcapng", ".x_00001_20261130160149.pcapng"]
  ])("pathOf %s is %s", (path, expected) => {
    assert.strictEqual(RingNames.pathOf(path, 1, Date.UTC(2026, 10, 30, 16, 1, 49)), expected)
  })

  it("pathOf has five digits, and more after 99,999 files", () => {
    assert.match(RingNames.pathOf("x.p", 123_456, 0), /^x_123456_19700101000000\.p$/)
  })
})

describe("Destination.wholeLength", () => {
  it.effect.prop(
    "is the end of the last block within the bytes written",
    [lengths, between(0, 700)],
    ([all, written]) =>
      Effect.sync(() => {
        const blocks = all.map((length) => new Uint8Array(length))
        const ends = all.map((_, index) => all.slice(0, index + 1).reduce((sum, length) => sum + length, 0))
        const expected = Math.max(0, ...ends.filter((end) => end <= written))
        assert.strictEqual(Destination.wholeLength(blocks, written), expected)
      })
  )
})

describe("BlockQueue", () => {
  it.effect.prop(
    "returns blocks in order, none above the limit of a take unless it is alone, and counts what it drops",
    [
      Arbitrary.array(Arbitrary.all([between(0, 40), between(0, 3)]), { maxLength: 200 }),
      between(1, 90),
      between(0, 200)
    ],
    ([steps, maxBytes, maxPending]) =>
      Effect.sync(() => {
        const queue = BlockQueue.make(maxPending)
        const expected: Array<number> = []
        const taken: Array<number> = []
        let dropped = 0
        let pending = 0
        const take = () => {
          const blocks = queue.take(maxBytes)
          const bytes = blocks.reduce((sum, { bytes }) => sum + bytes.length, 0)
          if (blocks.length > 1) assert.isAtMost(bytes, maxBytes)
          pending -= bytes
          taken.push(...blocks.map(({ at }) => Number(at)))
          return blocks.length
        }
        for (const [index, [length, kind]] of steps.entries()) {
          if (kind === 0) take()
          const isPacket = kind > 1
          const block = {
            kind: isPacket ? "packet" : "header",
            bytes: new Uint8Array(length),
            at: BigInt(index)
          } as const
          const isKept = queue.offer(block)
          assert.strictEqual(isKept, !isPacket || pending <= maxPending)
          if (isKept) {
            expected.push(index)
            pending += length
          } else dropped++
        }
        while (take() > 0);
        assert.deepStrictEqual(taken, expected)
        assert.strictEqual(queue.dropped(), dropped)
        assert.strictEqual(queue.pendingPackets(), 0)
      })
  )
})

describe("BlockSplitter", () => {
  it.effect.prop(
    "returns the same blocks for any cut, which are the file",
    [Arbitrary.array(between(0, 60), { maxLength: 6 }), Arbitrary.array(between(1, 200), { maxLength: 12 })],
    ([payloads, cuts]) =>
      Effect.sync(() => {
        const file = fileOf(payloads)
        const splitter = BlockSplitter.make()
        const blocks: Array<BlockSplitter.RawBlock> = []
        const feed = (bytes: Uint8Array) => {
          const found = splitter.feed(bytes)
          if (typeof found === "string") return assert.fail(found)
          blocks.push(...found)
        }
        let at = 0
        for (const length of cuts) {
          feed(file.subarray(at, at + length))
          at += length
        }
        feed(file.subarray(at))
        assert.isTrue(Buffer.concat(blocks.map(({ bytes }) => bytes)).equals(file))
        assert.strictEqual(splitter.pendingBytes(), 0)
        const packets = blocks.filter(({ type }) => BlockSplitter.kindOf(type) === "packet")
        assert.strictEqual(packets.length, payloads.length)
        assert.strictEqual(BlockSplitter.kindOf(blocks[0]!.type), "section")
      })
  )

  it("names bytes that are not a pcapng file", () => {
    assert.strictEqual(BlockSplitter.make().feed(new Uint8Array(64)), "expected a pcapng section header")
    const file = fileOf([])
    const long = Buffer.concat([file, Buffer.from([6, 0, 0, 0, 255, 255, 255, 255, 0, 0, 0, 0])])
    assert.match(String(BlockSplitter.make().feed(long)), /^expected a block length of 12 to \d+, found 4294967295$/)
  })
})

describe("InterfaceStatistics", () => {
  it.effect.prop(
    "decodes what it encodes",
    [between(0, 65_535), between(0, 2 ** 52), between(0, 2 ** 40), between(-1, 2 ** 40)],
    ([index, at, received, accepted]) =>
      Effect.sync(() => {
        const statistics: InterfaceStatistics.InterfaceStatistics = {
          interface: index,
          at: BigInt(at) * 3n,
          received: BigInt(received),
          dropped: BigInt(Math.floor(received / 8)),
          accepted: accepted < 0 ? undefined : BigInt(accepted)
        }
        const bytes = InterfaceStatistics.encode(statistics)
        assert.strictEqual(bytes.length, InterfaceStatistics.lengthOf(accepted >= 0))
        assert.deepStrictEqual(InterfaceStatistics.decode(bytes), statistics)
        for (let length = 0; length < bytes.length; length++) InterfaceStatistics.decode(bytes.subarray(0, length))
      })
  )
})

describe("CaptureWriter", () => {
  it("cuts packets at the snap length, and states their whole length", () => {
    const writer = CaptureWriter.make({ snapLength: 30 })
    const [from, to] = [
      { address: "10.0.0.1", port: 1 },
      { address: "10.0.0.2", port: 2 }
    ]
    writer.tap({ transport: "udp", kind: "datagram", from, to, bytes: new Uint8Array(100), at: 0n, host: "a" })
    const blocks = BlockSplitter.make().feed(Buffer.concat(writer.finish()))
    if (typeof blocks === "string") return assert.fail(blocks)
    const packet = Buffer.from(blocks.find(({ type }) => type === 6)!.bytes)
    assert.deepStrictEqual([packet.readUInt32LE(20), packet.readUInt32LE(24)], [30, 128])
    assert.strictEqual(Buffer.from(blocks.find(({ type }) => type === 1)!.bytes).readUInt32LE(12), 30)
  })

  it("writes only packets that the filter accepts, and counts both", () => {
    const writer = CaptureWriter.make({ filter: ({ number, to }) => to?.port === 2 && number !== 2 })
    const from = { address: "10.0.0.1", port: 1 }
    for (const port of [2, 2, 3, 2]) {
      const to = { address: "10.0.0.2", port }
      writer.tap({ transport: "udp", kind: "datagram", from, to, bytes: new Uint8Array(1), at: 9n, host: "a" })
    }
    const blocks = BlockSplitter.make().feed(Buffer.concat(writer.finish()))
    if (typeof blocks === "string") return assert.fail(blocks)
    assert.strictEqual(blocks.filter(({ type }) => type === 6).length, 2)
    const statistics = InterfaceStatistics.decode(blocks.find(({ type }) => type === 5)!.bytes)
    assert.deepStrictEqual(statistics, { interface: 0, at: 9n, received: 4n, dropped: 0n, accepted: 2n })
  })
})
