import { assert, describe, it } from "@effect/vitest"
import * as Result from "effect/Result"
import * as StatusPacket from "../../../src/status/wire/StatusPacket.ts"
import * as StatusPacketArbitrary from "./StatusPacketArbitrary.ts"

const { encoded } = StatusPacketArbitrary
const refusal = (bytes: Uint8Array) => Result.getOrThrow(Result.flip(StatusPacket.decode(bytes)))
const decoded = (bytes: Uint8Array) => Result.getOrThrow(StatusPacket.decode(bytes))

/** Bytes written by hand from the table in the module's docstring. */
const byHand = Uint8Array.from(
  Buffer.from(
    [
      "00454953", // NUL, EIS
      "01", // version
      "01", // flags: a goodbye
      "0000",
      "00c0ffee0badcafe", // id
      "0001000000000002", // incarnation
      "ffffffff", // sequence
      "000003e8", // interval
      "001fffffffffffff", // time
      "03", // length of the cluster name
      "6c6162",
      "04", // length of the name
      "62c3b662", // "böb"
      "0002", // length of the payload
      "7b7d"
    ].join(""),
    "hex"
  )
)

const meant: StatusPacket.StatusPacket = {
  cluster: "lab",
  id: "00c0ffee0badcafe",
  name: "böb",
  incarnation: 2 ** 48 + 2,
  sequence: 2 ** 32 - 1,
  interval: 1_000,
  time: 2 ** 53 - 1,
  goodbye: true,
  payload: new TextEncoder().encode("{}")
}

const changed = (at: number, ...bytes: ReadonlyArray<number>) => {
  const packet = byHand.slice()
  packet.set(bytes, at)
  return packet
}

/** Asserts that a decoded packet encodes to the same bytes, so that each packet has one encoding. */
const assertCanonical = (bytes: Uint8Array) => {
  const read = StatusPacket.decode(bytes)
  if (Result.isFailure(read)) {
    assert.notMatch(read.failure.message, /[\p{Cc}\u202a-\u202e]/u)
    assert.isBelow(read.failure.message.length, 500)
    return false
  }
  const { packet, signed } = read.success
  const { bytes: again, covered } = Result.getOrThrow(StatusPacket.encode(packet, signed !== undefined))
  if (signed !== undefined) {
    assert.deepStrictEqual(signed.covered, bytes.subarray(0, covered))
    again.set(signed.tag, covered)
  }
  assert.deepStrictEqual(again, bytes)
  return true
}

describe("StatusPacket", () => {
  it("encodes the documented bytes", () => {
    assert.deepStrictEqual(encoded(meant), byHand)
    assert.deepStrictEqual(decoded(byHand), { packet: meant, signed: undefined })
  })

  it("leaves space for a signature, and returns the bytes it covers", () => {
    const { bytes, covered } = Result.getOrThrow(StatusPacket.encode(meant, true))
    assert.deepStrictEqual([bytes.length, covered], [byHand.length + 32, byHand.length])
    assert.deepStrictEqual(bytes.subarray(0, covered), changed(5, 3))
    bytes.fill(0xaa, covered)
    const { packet, signed } = decoded(bytes)
    assert.deepStrictEqual(packet, meant)
    assert.deepStrictEqual(signed, { tag: new Uint8Array(32).fill(0xaa), covered: changed(5, 3) })
  })

  it.prop("decode(encode(x)) = x", [StatusPacketArbitrary.packets], ([packet]) => {
    assert.deepStrictEqual(decoded(encoded(packet)).packet, packet)
    assert.deepStrictEqual(decoded(encoded(packet, true)).packet, packet)
    assert.isTrue(StatusPacket.isStatus(encoded(packet)))
  })

  for (const [what, bytes] of [
    ["any bytes", StatusPacketArbitrary.datagrams],
    ["packets with bytes changed, cut out and put in", StatusPacketArbitrary.mutated]
  ] as const) {
    it.prop(
      `decode never throws on ${what}, and a decoded packet encodes to the same bytes`,
      [bytes],
      ([bytes]) => void assertCanonical(bytes),
      { arbitrary: { runs: 1000 } }
    )
  }

  it.prop(
    "rejects every truncated packet and every packet with trailing bytes",
    [StatusPacketArbitrary.valid],
    ([bytes]) => {
      assert.isTrue(assertCanonical(bytes))
      for (let length = 0; length < bytes.length; length++) {
        const { reason } = refusal(bytes.subarray(0, length))
        assert.strictEqual(reason, length < 5 ? "BadMagic" : "Truncated")
      }
      for (const more of [1, 32, 2_000]) {
        const longer = new Uint8Array(bytes.length + more)
        longer.set(bytes)
        assert.strictEqual(refusal(longer).reason, "Oversized")
      }
    },
    { arbitrary: { runs: 20 } }
  )

  it("decodes or rejects every packet with one changed byte", () => {
    let read = 0
    for (const packet of [byHand, encoded(meant, true)]) {
      for (let at = 0; at < packet.length; at++) {
        for (let byte = 0; byte < 256; byte++) {
          const other = packet.slice()
          other[at] = byte
          if (assertCanonical(other)) read++
        }
      }
    }
    assert.isAbove(read, 10_000)
  })

  it("decodes a packet inside a larger buffer without copying its payload", () => {
    const buffer = new Uint8Array(200).fill(0xff)
    buffer.set(byHand, 7)
    const { packet } = decoded(buffer.subarray(7, 7 + byHand.length))
    assert.deepStrictEqual(packet, meant)
    assert.strictEqual(packet.payload.buffer, buffer.buffer)
  })

  it("accepts names of 63 bytes and packets of 1,400 bytes", () => {
    const name = `${"日".repeat(20)}ööa` // 20 * 3 + 2 * 2 + 1 = 65
    const fits = `${"日".repeat(20)}öa` // 63
    assert.strictEqual(Result.getOrThrow(Result.flip(StatusPacket.encode({ ...meant, name }))).reason, "Name")
    const full = { ...meant, name: fits, cluster: fits, payload: new Uint8Array(StatusPacket.limits.payloadBytes) }
    assert.strictEqual(encoded(full, true).length, StatusPacket.limits.packetBytes)
    assert.deepStrictEqual(decoded(encoded(full, true)).packet, full)
    const over = { ...full, payload: new Uint8Array(StatusPacket.limits.payloadBytes + 1) }
    assert.strictEqual(encoded(over).length, StatusPacket.limits.packetBytes - 31)
    assert.strictEqual(Result.getOrThrow(Result.flip(StatusPacket.encode(over, true))).reason, "Oversized")
  })

  for (const [what, bytes, reason] of [
    ["0 bytes", new Uint8Array(0), "BadMagic"],
    ["the magic alone", byHand.slice(0, 4), "BadMagic"],
    ["another magic", changed(3, 0x54), "BadMagic"],
    ["version 0", changed(4, 0), "Version"],
    ["text", new TextEncoder().encode("GET / HTTP/1.0\r\n\r\n"), "BadMagic"],
    ["version 2", changed(4, 2).subarray(0, 5), "Version"],
    ["an unknown flag", changed(5, 4), "Flags"],
    ["the first reserved byte", changed(6, 1), "Flags"],
    ["the second reserved byte", changed(7, 1), "Flags"],
    ["an id of 0", changed(8, 0, 0, 0, 0, 0, 0, 0, 0), "Id"],
    ["an incarnation of 2^53", changed(16, 0, 0x20, 0, 0, 0, 0, 0, 0), "Number"],
    ["a time of 2^64 - 1", changed(32, ...new Uint8Array(8).fill(0xff)), "Number"],
    ["an interval of 9 ms", changed(28, 0, 0, 0, 9), "Interval"],
    ["an interval of an hour and 1 ms", changed(28, 0, 0x36, 0xee, 0x81), "Interval"],
    ["a cluster of 64 bytes", changed(40, 64), "Name"],
    ["an empty name", changed(44, 0), "Name"],
    ["a name of 64 bytes", changed(44, 64), "Name"],
    ["a name longer than the packet", changed(44, 63), "Truncated"],
    ["a cluster that is not UTF-8", changed(41, 0xff), "Name"],
    ["a name with a truncated character", changed(47, 0x62), "Name"],
    ["a name in overlong UTF-8", changed(46, 0xc1, 0xa1), "Name"],
    ["a payload longer than the packet", changed(49, 0xff, 0xff), "Truncated"],
    ["a payload shorter than the rest", changed(49, 0, 1), "Oversized"],
    ["signed, without a signature", changed(5, 3), "Truncated"]
  ] as const) {
    it(`rejects ${what}`, () => assert.strictEqual(refusal(bytes).reason, reason))
  }

  it("names the number that is out of range", () => {
    const time = changed(32, ...new Uint8Array(8).fill(0xff))
    assert.match(refusal(time).message, /: time 1844674/)
    assert.match(refusal(changed(16, 0, 0x20, 0, 0, 0, 0, 0, 0)).message, /: incarnation 9007199254740992$/)
  })

  for (const [what, change, message] of [
    ["id", { id: "C0FFEE" }, /^an id must be 16 lower-case hexadecimal digits, not all 0: C0FFEE$/],
    ["id", { id: "0".repeat(16) }, /not all 0: 0{16}$/],
    ["cluster", { cluster: "c".repeat(64) }, /^a name must be 1 to 63 .* a cluster 0 to 63: cluster c{64}$/],
    ["name", { name: "" }, /: name $/],
    ["name", { name: `\u001b[2J${"ö".repeat(5_000)}` }, /: name \\u001b\[2Jö{71}$/],
    ["interval", { interval: 9 }, /^an interval must be a whole number of milliseconds, 10 to 3,600,000: 9$/],
    ["interval", { interval: 3_600_001 }, /: 3600001$/],
    ["interval", { interval: 10.5 }, /: 10.5$/],
    ["incarnation", { incarnation: -1 }, /integers of 0 to 2\^53 - 1.*: incarnation -1$/],
    ["time", { time: Number.NaN }, /: time NaN$/],
    ["time", { time: 2 ** 53 }, /: time 9007199254740992$/],
    ["sequence", { sequence: 2 ** 32 }, /a sequence of 0 to 2\^32 - 1: sequence 4294967296$/],
    ["payload", { payload: new Uint8Array(1_400) }, /^packet of more than 1400 bytes.*: 1451 bytes$/]
  ] as const) {
    it(`rejects a value with a one-line message: ${what} ${message.source}`, () => {
      const error = Result.getOrThrow(Result.flip(StatusPacket.encode({ ...meant, ...change })))
      assert.match(error.message, message)
      assert.notInclude(error.message, "\n")
    })
  }
})
