import * as Module from "node:module"
import Zlib from "node:zlib"
import { assert, describe, it } from "@effect/vitest"
import * as Arbitrary from "effect/Arbitrary"
import * as Effect from "effect/Effect"
import * as Schema from "effect/Schema"
import * as Stream from "effect/Stream"
import * as CaptureFile from "../../../src/capture/CaptureFile.ts"
import type { CapturedPacket } from "../../../src/capture/CaptureReader.ts"
import * as NodeDecompressor from "../../../src/capture/NodeDecompressor.ts"
import * as Files from "./CaptureBytes.ts"

const { concat, hex } = Files

const between = (minimum: number, maximum: number) =>
  Arbitrary.schema(Schema.Int.check(Schema.isBetween({ minimum, maximum })))
const frames = Arbitrary.array(
  Arbitrary.map(
    Arbitrary.all([between(0, 40), between(0, 1), between(0, 2 ** 40), between(0, 1)]),
    ([size, family, micros, isCut]): Files.Frame => {
      const bytes = Files.udp("x".repeat(size), family === 0 ? 4 : 16)
      const captured = isCut ? bytes.subarray(0, bytes.length - 1 - (size % 30)) : bytes
      return { bytes: captured, micros: micros % (2 ** 32 * 1e6), originalLength: bytes.length }
    }
  ),
  { maxLength: 6 }
)

/** The files of the frames in each format: all hold the same. */
const formats = (frames: ReadonlyArray<Files.Frame>): Readonly<Record<string, Uint8Array>> => ({
  "pcap, big-endian": Files.pcap(frames, { littleEndian: false }),
  "pcap, little-endian": Files.pcap(frames, { littleEndian: true }),
  "pcap, nanoseconds, big-endian": Files.pcap(frames, { littleEndian: false, resolution: 9 }),
  "pcap, nanoseconds, little-endian": Files.pcap(frames, { littleEndian: true, resolution: 9 }),
  "pcap, modified, big-endian": Files.pcap(frames, { littleEndian: false, isModified: true }),
  "pcap, modified, little-endian": Files.pcap(frames, { littleEndian: true, isModified: true }),
  "pcapng, big-endian": Files.pcapng(frames, false),
  "pcapng, little-endian": Files.pcapng(frames),
  "pcapng, obsolete packets, big-endian": Files.pcapng(frames, false, true),
  "pcapng, obsolete packets, little-endian": Files.pcapng(frames, true, true)
})

const timeless = ({ at: _at, notes: _notes, ...packet }: CapturedPacket) => packet

const sample: ReadonlyArray<Files.Frame> = [
  { bytes: Files.udp("one"), micros: 1_700_000_000_000_001 },
  { bytes: Files.udp("two", 16), micros: 1_700_000_000_000_002 },
  { bytes: Files.udp("three").subarray(0, 30), micros: 1_700_000_000_000_003, originalLength: 33 }
]
const expected = Files.readSync(formats(sample)["pcapng, little-endian"]!).packets

const gzip = (bytes: Uint8Array) => Uint8Array.from(Zlib.gzipSync(bytes))
const zstd = (bytes: Uint8Array) => Uint8Array.from(Zlib.zstdCompressSync(bytes))

/** Files of one TFTP request each, made by hand. */
const tftp = "4500002e0001400040113cbc7f0000017f00000104d20045001a785d000168656c6c6f2e747874006f6374657400"
const head = (linkType: string) =>
  `0a0d0d0a1c0000004d3c2b1a01000000ffffffffffffffff1c0000000100000014000000${linkType}0000000000000014000000`
const byHand: Readonly<Record<string, string>> = {
  "simple packet block": `${head("65")}03000000400000002e000000${tftp}000040000000`,
  "two VLAN tags": `${head("01")}0600000064000000000000007e8d03000080c6a44400000044000000
    ffffffffffff020202020202810000058100000608 00${tftp}64000000`,
  PPP: `${head("09")}0600000054000000000000007e8d03000080c6a43200000032000000ff030021${tftp}000054000000`,
  "link type 12": `${head("0c")}0600000050000000000000007e8d03000080c6a42e0000002e000000${tftp}000050000000`
}

describe("CaptureFile", () => {
  it("reads the expected packets", () => {
    assert.strictEqual(expected.length, 3)
    assert.deepInclude(expected[0], {
      number: 1,
      at: 1_700_000_000_000_001_000n,
      protocol: "UDP",
      from: { address: "10.0.0.1", port: 4_000 },
      to: { address: "10.0.0.2", port: 7 },
      payload: Files.encode("one"),
      problems: [],
      layers: ["raw", "ip", "udp"],
      hopLimit: 64,
      headerLength: 28
    })
    assert.deepInclude(expected[1], { layers: ["raw", "ipv6", "udp"], from: { address: "fd00::1", port: 4_000 } })
    assert.deepInclude(expected[2], {
      capturedLength: 30,
      originalLength: 33,
      payload: Files.encode("th"),
      missingBytes: 3,
      problems: [],
      notes: ["truncated by the snap length: 30 of 33 bytes"]
    })
  })

  for (const [name, file] of Object.entries(byHand)) {
    it.effect(`reads a file made by hand, as it is and compressed: ${name}`, () =>
      Effect.gen(function* () {
        for (const bytes of [hex(file), gzip(hex(file)), zstd(hex(file))]) {
          const { error, packets } = yield* Files.read(bytes)
          assert.isUndefined(error)
          assert.strictEqual(packets.length, 1)
          assert.deepInclude(packets[0], { protocol: "UDP", to: { address: "127.0.0.1", port: 69 }, problems: [] })
          assert.strictEqual(packets[0]?.payload.length, 18)
        }
      })
    )
  }

  it.effect.prop("reads the same packets of every format", [frames], ([frames]) =>
    Effect.sync(() => {
      const all = Object.entries(formats(frames)).map(([name, bytes]) => [name, Files.readSync(bytes)] as const)
      const [[, { packets: first }]] = all as [(typeof all)[0]]
      assert.strictEqual(first.length, frames.length)
      for (const [name, { error, packets }] of all) {
        assert.isUndefined(error, name)
        const withHost = packets.map((packet) => ({ ...packet, host: "0" }))
        assert.deepStrictEqual(withHost, first, name)
      }
      const simple = concat(
        Files.section(),
        Files.networkInterface(),
        ...frames.map(({ bytes }) => Files.simplePacket({ bytes, micros: 0 }))
      )
      const whole = frames.map(({ bytes }) => ({ bytes, micros: 0 }))
      assert.deepStrictEqual(
        Files.readSync(simple).packets.map(timeless),
        Files.readSync(Files.pcapng(whole)).packets.map(timeless)
      )
    })
  )

  it("returns the packets before the cut and one error with its place, wherever a file ends", () => {
    for (const [name, bytes] of Object.entries(formats(sample))) {
      const ends = new Set<number>()
      for (let length = 0; length < bytes.length; length++) {
        const { error, packets } = Files.readSync(bytes.subarray(0, length))
        assert.deepStrictEqual(packets, expected.slice(0, packets.length), `${name}, ${length} bytes`)
        if (error === undefined) ends.add(length)
        else {
          assert.strictEqual(error.reason, length < 4 && length > 0 ? "UnknownFormat" : "Truncated")
          assert.isAtMost(error.offset, length)
        }
      }
      // A file may end before each packet and, of pcapng, before the interface.
      assert.strictEqual(ends.size, name.startsWith("pcapng") ? 4 : 3, name)
    }
  })

  it.effect("returns the packets before the cut and one error, wherever a compressed file ends", () =>
    Effect.gen(function* () {
      for (const compress of [gzip, zstd]) {
        const bytes = compress(formats(sample)["pcap, little-endian"]!)
        for (let length = 1; length < bytes.length; length++) {
          const { error, packets } = yield* Files.read(bytes.subarray(0, length))
          assert.deepStrictEqual(packets, expected.slice(0, packets.length))
          assert.isDefined(error, `${length} of ${bytes.length} bytes`)
        }
      }
    })
  )

  it.effect.prop(
    "never throws, whatever bytes replace a part of a file",
    [between(0, 9), Arbitrary.array(between(0, 255), { maxLength: 12 }), between(0, 400)],
    ([format, noise, at]) =>
      Effect.sync(() => {
        const bytes = Object.values(formats(sample))[format]!.slice()
        bytes.set(noise.slice(0, Math.max(0, bytes.length - at)), Math.min(at, bytes.length))
        const { error, packets } = Files.readSync(bytes)
        assert.isAtMost(packets.length, bytes.length / 16)
        if (error !== undefined) assert.isAtMost(error.offset, bytes.length)
      })
  )

  it.effect.prop("reads the same in chunks of any size", [between(0, 9), between(1, 50)], ([format, size]) =>
    Effect.gen(function* () {
      const bytes = Object.values(formats(sample))[format]!
      for (const content of [bytes, gzip(bytes), zstd(bytes)]) {
        const chunks = Array.from({ length: Math.ceil(content.length / size) }, (_, i) =>
          content.subarray(i * size, (i + 1) * size)
        )
        const { error, packets } = yield* Files.readChunks(chunks)
        assert.isUndefined(error)
        assert.deepStrictEqual(packets, expected)
      }
    })
  )

  it("takes a packet as soon as its last byte has come", () => {
    for (const bytes of [formats(sample)["pcap, big-endian"]!, formats(sample)["pcapng, big-endian"]!]) {
      const reader = CaptureFile.make()
      const counts = Array.from(bytes, (_, i) => {
        reader.feed(bytes.subarray(i, i + 1))
        return reader.take() instanceof Object
      })
      assert.strictEqual(counts.filter((found) => found).length, sample.length)
      assert.isTrue(counts.at(-1))
    }
  })

  it.effect("reads files of several members, and fails after the packets if other bytes follow", () =>
    Effect.gen(function* () {
      const bytes = formats(sample)["pcap, little-endian"]!
      for (const [name, compress] of [["gzip", gzip] as const, ["zstd", zstd] as const]) {
        const members = concat(compress(bytes.subarray(0, 50)), compress(bytes.subarray(50)))
        const whole = yield* Files.read(members)
        assert.isUndefined(whole.error, name)
        assert.deepStrictEqual(whole.packets, expected)
        const padded = yield* Files.read(concat(members, new Uint8Array(600)))
        assert.isUndefined(padded.error, name)
        const { error, packets } = yield* Files.read(concat(members, Files.encode("garbage")))
        assert.deepStrictEqual(packets, expected)
        assert.strictEqual(
          error?.message,
          `at byte ${members.length} of the compressed file: expected ${name} data, found other bytes after the end of the data`
        )
      }
    })
  )

  it.effect("fails at a wrong checksum of gzip", () =>
    Effect.gen(function* () {
      const bytes = gzip(formats(sample)["pcap, little-endian"]!)
      bytes[bytes.length - 8]! ^= 1
      const { error, packets } = yield* Files.read(bytes)
      assert.strictEqual(packets.length, 3)
      assert.match(error!.message, /^at byte \d+ of the compressed file: expected gzip data, found a wrong checksum$/)
    })
  )

  it.effect.each([["gzip", gzip, "createInflateRaw"] as const, ["zstd", zstd, "createZstdDecompress"] as const])(
    "opens no stream for each small member of %s, and checks them all",
    ([name, compress, opener]) =>
      Effect.gen(function* () {
        const bytes = formats(sample)["pcap, little-endian"]!
        const open = Zlib[opener]
        let opened = 0
        const replace = (value: unknown) => {
          Object.defineProperty(Zlib, opener, { value, configurable: true, enumerable: true })
          Module.syncBuiltinESMExports()
        }
        yield* Effect.acquireRelease(
          Effect.sync(() =>
            replace((options: object) => {
              opened++
              return open(options)
            })
          ),
          () => Effect.sync(() => replace(open))
        )
        const [first, last] = [compress(bytes.subarray(0, 50)), compress(bytes.subarray(50))]
        const empty = compress(new Uint8Array(0))
        const members = concat(first, ...Array.from({ length: 500 }, () => empty), last)
        const whole = yield* Files.read(members)
        assert.isUndefined(whole.error)
        assert.deepStrictEqual(whole.packets, expected)
        assert.strictEqual(opened, 0)
        // The last byte but seven of a member is in its checksum, or in its header.
        members[first.length + 250 * empty.length - 8]! ^= 1
        const { error } = yield* Files.read(members)
        assert.include(error!.message, `expected ${name} data`)
        assert.isAtMost(opened, 1)
      })
  )

  it.effect("decompresses no more than the packets that are taken need", () =>
    Effect.gen(function* () {
      // Each 16 zeros are a packet without content.
      const bomb = gzip(concat(Files.pcap([], { littleEndian: true }), new Uint8Array(2 ** 26)))
      let taken = 0
      const pieces = {
        *[Symbol.iterator]() {
          for (let at = 0; at < bomb.length; at += 256, taken++) yield bomb.subarray(at, at + 256)
        }
      }
      const chunks = Stream.fromIterable(pieces, { chunkSize: 1 })
      const packets = yield* CaptureFile.read(chunks).pipe(
        Stream.take(10_000),
        Stream.runCount,
        Effect.provide(NodeDecompressor.layer)
      )
      assert.strictEqual(packets, 10_000)
      assert.isAbove(bomb.length / 256, 100)
      assert.isBelow(taken, 10)
    })
  )

  const cases: ReadonlyArray<readonly [name: string, bytes: Uint8Array, message: string]> = [
    ["an empty file", hex(""), "at byte 0: expected a pcap or pcapng file, found an empty file"],
    [
      "text",
      Files.encode("root:x:0:0:root:/root:/bin/sh"),
      "at byte 0: expected a pcap or pcapng file, found 0x726f6f74; convert a capture of another format with editcap -F pcapng IN OUT"
    ],
    [
      "a packet that claims 4 GiB",
      concat(Files.pcap([], { littleEndian: true }), new Uint8Array(8), hex("ffffffff ffffffff")),
      "at byte 32: expected a packet of at most 16777216 bytes, found one of 4294967295"
    ],
    [
      "a block that claims 4 GiB",
      concat(Files.section(), hex("06000000 fcffffff 00000000")),
      "at byte 32: expected a block of 12 to 16777216 bytes, a multiple of 4, found a length of 4294967292"
    ],
    [
      "version 1 of pcap",
      hex("a1b2c3d4 0001 0000 00000000 00000000 00000000 00000001"),
      "at byte 4: expected version 2 of the format, found version 1"
    ],
    [
      "lz4",
      hex("04224d18 64407fa1 00000000 00000000"),
      "at byte 0: expected a pcap or pcapng file, found lz4; decompress it with lz4 -d"
    ],
    [
      "snoop",
      concat(Files.encode("snoop"), new Uint8Array(11)),
      "at byte 0: expected a pcap or pcapng file, found Sun snoop; convert it with editcap -F pcapng IN OUT"
    ],
    [
      "Network Monitor",
      concat(Files.encode("GMBU"), new Uint8Array(12)),
      "at byte 0: expected a pcap or pcapng file, found Microsoft Network Monitor 2; convert it with editcap -F pcapng IN OUT"
    ]
  ]
  for (const [name, bytes, message] of cases) {
    it(`names what it found and expected: ${name}`, () => {
      assert.strictEqual(Files.readSync(bytes).error?.message, message)
    })
  }

  it("counts blocks without packets, dropped packets and incomplete datagrams", () => {
    const counters = (code: string, count: string) => `${code} 0800 ${count}00000000000000`
    const statistics = (drops: string) =>
      Files.block(5, hex(`00000000 00000000 00000000 ${counters("0500", drops)} ${counters("0700", "01")} 00000000`))
    const fragment = Files.udp()
    fragment[6] = 0x20
    const { error, packets, summary } = Files.readSync(
      concat(
        Files.section(),
        Files.networkInterface(),
        Files.block(10, Files.encode("secret")),
        Files.block(0xbad, Files.encode("custom")),
        Files.block(0xbad, Files.encode("custom")),
        Files.block(0x1234, []),
        statistics("02"),
        Files.packet({ bytes: fragment, micros: 0 }),
        statistics("09")
      )
    )
    assert.isUndefined(error)
    assert.strictEqual(packets.length, 1)
    // Wireshark numbers the two custom blocks.
    assert.strictEqual(packets[0]?.number, 3)
    assert.deepStrictEqual(summary, {
      packets: 1,
      skippedBlocks: { "Decryption Secrets Block": 1, "Custom Block": 2, "0x1234 Block": 1 },
      droppedPackets: 10,
      incompleteDatagrams: 1
    })
  })

  it("counts many types of blocks together", () => {
    const blocks = Array.from({ length: 150 }, (_, i) => Files.block(0x10000 + i, []))
    const skipped = Files.readSync(concat(Files.section(), ...blocks)).summary?.skippedBlocks ?? {}
    assert.strictEqual(Object.keys(skipped).length, 101)
    assert.strictEqual(skipped["blocks of other types"], 50)
  })

  it.effect("gives the summary also of a file that ends with an error", () =>
    Effect.gen(function* () {
      const { error, summary } = yield* Files.read(formats(sample)["pcap, little-endian"]!.subarray(0, -1))
      assert.isDefined(error)
      assert.strictEqual(summary?.packets, 2)
    })
  )

  it.effect("gives the summary once, also of a file of which a part is read", () =>
    Effect.gen(function* () {
      const chunks = [concat(Files.section(), Files.block(0x10000, [])), formats(sample)["pcapng, little-endian"]!]
      for (const count of [1, 3]) {
        const summaries: Array<CaptureFile.Summary> = []
        const onSummary = (summary: CaptureFile.Summary) => Effect.sync(() => void summaries.push(summary))
        yield* CaptureFile.read(Stream.fromIterable(chunks), { onSummary }).pipe(
          Stream.take(count),
          Stream.runDrain,
          Effect.provide(NodeDecompressor.layer)
        )
        assert.strictEqual(summaries.length, 1)
        assert.strictEqual(Object.keys(summaries[0]!.skippedBlocks).length, 1)
      }
    })
  )
})
