import { assert, describe, it } from "@effect/vitest"
import * as Arbitrary from "effect/Arbitrary"
import * as Effect from "effect/Effect"
import * as Result from "effect/Result"
import * as Schema from "effect/Schema"
import * as Pcapng from "../../src/capture/Pcapng.ts"
import * as PcapngDecoder from "../../src/capture/PcapngDecoder.ts"
import { ChunkSizes, split } from "../support/Lines.ts"

const between = (minimum: number, maximum: number) =>
  Arbitrary.schema(Schema.Int.check(Schema.isBetween({ minimum, maximum })))
const bytes = (maxLength: number) =>
  Arbitrary.map(Arbitrary.array(between(0, 255), { maxLength }), (all) => Uint8Array.from(all))
/** Texts that UTF-8 can encode. */
const text = Arbitrary.map(Arbitrary.schema(Schema.String), (one) => one.toWellFormed())
const optional = <A>(one: Arbitrary.Arbitrary<A>) =>
  Arbitrary.map(Arbitrary.all([one, between(0, 1)]), ([value, there]) => (there ? value : undefined))

/** Time units by which whole seconds and nanoseconds are divisible. */
const resolution = Arbitrary.map(between(0, 2), (i) => [6, 9, 0x80][i]!)
/** Whole seconds, which every resolution can represent. */
const time = Arbitrary.map(between(0, 2 ** 33), (seconds) => BigInt(seconds) * 1_000_000_000n)
const address = Arbitrary.map(between(0, 3), (i) => ["10.0.0.1", "255.255.255.255", "::1", "fe80::1:2"][i]!)

const interfaces = Arbitrary.array(
  Arbitrary.map(
    Arbitrary.all([between(0, 0xffff), between(0, 2 ** 32 - 1), optional(text), resolution, optional(between(1, 100))]),
    ([linkType, snapLength, name, resolution, offset]): Pcapng.Interface => ({
      _tag: "Interface",
      linkType,
      snapLength,
      name,
      timestampResolution: resolution,
      timestampOffset: offset === undefined ? undefined : BigInt(offset)
    })
  ),
  { minLength: 1, maxLength: 4 }
)
const packet = (interfaces: number) =>
  Arbitrary.map(
    Arbitrary.all([
      between(0, interfaces - 1),
      time,
      bytes(40),
      between(0, 100),
      Arbitrary.array(text, { maxLength: 3 })
    ]),
    ([index, at, bytes, more, comments]): Pcapng.Block => ({
      _tag: "Packet",
      interface: index,
      at: at + 100_000_000_000n,
      bytes,
      originalLength: bytes.length + more,
      comments
    })
  )
const names = Arbitrary.map(
  Arbitrary.array(Arbitrary.all([address, Arbitrary.array(text, { minLength: 1, maxLength: 3 })]), { maxLength: 3 }),
  (all): Pcapng.Block => ({
    _tag: "Names",
    names: all.map(([address, names]) => ({ address, names: names.map((name) => name.replaceAll("\0", "")) }))
  })
)
const section = Arbitrary.flatMap(Arbitrary.all([optional(text), interfaces, names]), ([application, all, names]) =>
  Arbitrary.map(
    Arbitrary.array(packet(all.length), { maxLength: 5 }),
    (packets): ReadonlyArray<Pcapng.Block> => [{ _tag: "Section", application }, ...all, names, ...packets]
  )
)
const file = Arbitrary.map(Arbitrary.array(section, { minLength: 1, maxLength: 2 }), (all) => all.flat())
const order = Schema.Literals(["little", "big"])

const encode = (blocks: ReadonlyArray<Pcapng.Block>, order?: "little" | "big") =>
  new Uint8Array(Buffer.concat(blocks.map(Pcapng.encode(order))))

const sample: ReadonlyArray<Pcapng.Block> = [
  { _tag: "Section", application: "test" },
  {
    _tag: "Interface",
    linkType: Pcapng.LINKTYPE_RAW,
    snapLength: 0,
    name: "lo",
    timestampResolution: 9,
    timestampOffset: undefined
  },
  { _tag: "Packet", interface: 0, at: 5n, bytes: Uint8Array.of(1, 2, 3), originalLength: 3, comments: ["drop"] }
]

const failure = (bytes: Uint8Array) => Result.getOrThrow(Result.flip(PcapngDecoder.decode(bytes)))

/** Returns the sample file with other bytes at an offset. */
const spoiled = (at: number, ...values: ReadonlyArray<number>) => {
  const bytes = encode(sample)
  bytes.set(values, at)
  return bytes
}

describe("Pcapng", () => {
  it.effect.prop(
    "decodes what it encodes, in both byte orders and in chunks of any size",
    [file, order, ChunkSizes],
    (input) =>
      Effect.sync(() => {
        const [blocks, order, cuts] = input
        const whole = encode(blocks, order)
        assert.strictEqual(whole.length % 4, 0)
        assert.deepStrictEqual(Result.getOrThrow(PcapngDecoder.decode(whole)), blocks)
        const decoder = PcapngDecoder.make()
        const all: Array<Pcapng.DecodedBlock | Pcapng.PcapngError> = []
        for (const piece of split(whole, cuts)) {
          decoder.feed(piece)
          for (let block = decoder.take(); block !== undefined; block = decoder.take()) all.push(block)
        }
        assert.deepStrictEqual(all, blocks)
        assert.isUndefined(decoder.finish())
      })
  )

  it.effect.prop("keeps the precision of nanoseconds", [between(0, 2 ** 52)], ([at]) =>
    Effect.sync(() => {
      const packet: Pcapng.Block = { ...(sample[2] as Pcapng.Packet), at: BigInt(at) * 1_999n }
      assert.deepStrictEqual(
        Result.getOrThrow(PcapngDecoder.decode(encode([...sample.slice(0, 2), packet])))[2],
        packet
      )
    })
  )

  it.effect.prop(
    "never throws, whatever bytes replace a file or a part of it",
    [bytes(200), between(0, 140)],
    (input) =>
      Effect.sync(() => {
        const [noise, at] = input
        PcapngDecoder.decode(noise)
        const whole = encode([...sample, { _tag: "Names", names: [{ address: "::1", names: ["me"] }] }])
        whole.set(noise.subarray(0, Math.max(0, whole.length - at)), at)
        const result = PcapngDecoder.decode(whole)
        if (Result.isFailure(result)) assert.isAtMost(result.failure.offset, whole.length)
      })
  )

  it.effect.prop("fails with Truncated and the offset if a file ends inside a block", [between(0, 1000)], ([where]) =>
    Effect.sync(() => {
      const whole = encode(sample)
      const ends = sample.map((_, i) => encode(sample.slice(0, i + 1)).length)
      const length = where % whole.length
      if (ends.includes(length)) return
      const error = failure(whole.subarray(0, length))
      assert.strictEqual(error.reason, "Truncated")
      assert.strictEqual(
        error.offset,
        [0, ...ends].findLast((end) => end <= length)
      )
    })
  )

  it("returns unknown blocks by their names", () => {
    const whole = encode(sample)
    const unknown = Uint8Array.of(0xad, 0x0b, 0, 0, 16, 0, 0, 0, 1, 2, 3, 4, 16, 0, 0, 0)
    const after = encode(sample.slice(0, 2)).length
    const bytes = Buffer.concat([whole.subarray(0, after), unknown, whole.subarray(after)])
    const skipped: Pcapng.Skipped = { _tag: "Skipped", type: 0x0bad, name: "Custom Block", length: 16 }
    const expected = [...sample.slice(0, 2), skipped, ...sample.slice(2)]
    assert.deepStrictEqual(Result.getOrThrow(PcapngDecoder.decode(bytes)), expected)
  })

  it("fails with the offset, the expected and the found value", () => {
    const first = encode(sample.slice(0, 1)).length
    const second = encode(sample.slice(0, 2)).length
    const cases: ReadonlyArray<readonly [bytes: Uint8Array, reason: Pcapng.Reason, message: string]> = [
      [new Uint8Array(0), "Truncated", "at byte 0: expected a pcapng section header, found an empty file"],
      [
        Uint8Array.of(0xd4, 0xc3, 0xb2, 0xa1, 2, 0, 4, 0),
        "ClassicPcap",
        "at byte 0: expected pcapng, found classic pcap (0xd4c3b2a1); read it with CaptureFile"
      ],
      [
        Buffer.from("root:x:0:0"),
        "NotPcapng",
        "at byte 0: expected a pcapng section header (0x0a0d0d0a), found 0x726f6f74"
      ],
      [spoiled(8, 0), "Malformed", "at byte 8: expected the byte order magic 0x1a2b3c4d, found 0x003c2b1a"],
      [spoiled(12, 2), "Malformed", "at byte 12: expected version 1 of the format, found version 2"],
      [
        spoiled(first + 4, 7),
        "Malformed",
        `at byte ${first + 4}: expected a block of 12 to 16777216 bytes, a multiple of 4, found a length of 7`
      ],
      [
        spoiled(second - 4, 0),
        "Malformed",
        `at byte ${second - 4}: expected the block length ${second - first} repeated at its end, found 0`
      ],
      [spoiled(second + 8, 9), "Malformed", `at byte ${second + 8}: expected an interface number below 1, found 9`],
      [
        spoiled(second + 20, 99),
        "Malformed",
        `at byte ${second + 20}: expected a packet of at most 16 bytes, found one of 99`
      ],
      [
        spoiled(second + 34, 0, 1),
        "Malformed",
        `at byte ${second + 32}: expected an option of at most 8 bytes, found one of 256`
      ]
    ]
    for (const [bytes, reason, message] of cases) {
      const error = failure(bytes)
      assert.strictEqual(error.message, message)
      assert.strictEqual(error.reason, reason)
    }
  })

  it("truncates a long comment between two characters", () => {
    const comments = [`${"x".repeat(0xfffe)}é`]
    const encoded = encode([...sample.slice(0, 2), { ...(sample[2] as Pcapng.Packet), comments }])
    const read = Result.getOrThrow(PcapngDecoder.decode(encoded))[2] as Pcapng.Packet
    assert.deepStrictEqual(read.comments, ["x".repeat(0xfffe)])
  })
})
