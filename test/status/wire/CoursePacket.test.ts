import { assert, describe, it } from "@effect/vitest"
import * as Result from "effect/Result"
import * as CoursePacket from "../../../src/status/wire/CoursePacket.ts"
import * as StatusPacket from "../../../src/status/wire/StatusPacket.ts"
import * as CoursePacketArbitrary from "./CoursePacketArbitrary.ts"
import * as StatusPacketArbitrary from "./StatusPacketArbitrary.ts"

const encoded = (packet: CoursePacket.CoursePacket) => Result.getOrThrow(CoursePacket.encode(packet))
const refusal = (packet: CoursePacket.CoursePacket) => Result.getOrThrow(Result.flip(CoursePacket.encode(packet)))

/** Returns 72 bytes that begin with a text. */
const filled = (text: string, fill = 0) => {
  const bytes = new Uint8Array(CoursePacket.sizeBytes).fill(fill)
  bytes.set(Uint8Array.from(text, (char) => char.charCodeAt(0)))
  return bytes
}

describe("CoursePacket", () => {
  it("encodes a name, NULs and two little-endian numbers, as in the course", () => {
    const byHand = Uint8Array.from(Buffer.from(`626f62${"00".repeat(61)}28000000feffffff`, "hex"))
    assert.deepStrictEqual(encoded({ name: "bob", x: 40, y: -2 }), byHand)
    assert.deepStrictEqual(CoursePacket.decode(byHand), { name: "bob", x: 40, y: -2 })
  })

  it.prop("decode(encode(x)) = x", [CoursePacketArbitrary.packets], ([packet]) => {
    const bytes = encoded(packet)
    assert.strictEqual(bytes.length, CoursePacket.sizeBytes)
    assert.deepStrictEqual(CoursePacket.decode(bytes), packet)
  })

  it.prop(
    "ignores the bytes between the NUL and the numbers",
    [CoursePacketArbitrary.packets, CoursePacketArbitrary.datagrams],
    ([packet, garbage]) => {
      const bytes = encoded(packet)
      const end = bytes.indexOf(0)
      bytes.set(garbage.subarray(end + 1, 64), end + 1)
      assert.deepStrictEqual(CoursePacket.decode(bytes), packet)
    }
  )

  it.prop(
    "decodes any 72 bytes with a name, and never throws",
    [CoursePacketArbitrary.datagrams],
    ([bytes]) => assert.strictEqual(CoursePacket.decode(bytes) === undefined, bytes[0] === 0),
    { arbitrary: { runs: 1000 } }
  )

  it("rejects other lengths", () => {
    const bytes = new Uint8Array(2_000).fill(0x61)
    for (let length = 0; length < bytes.length; length++) {
      if (length !== CoursePacket.sizeBytes) assert.isUndefined(CoursePacket.decode(bytes.subarray(0, length)))
    }
  })

  it("decodes a packet inside a larger buffer", () => {
    const buffer = new Uint8Array(100).fill(0x78)
    buffer.set(encoded({ name: "bob", x: 1, y: 2 }), 5)
    assert.deepStrictEqual(CoursePacket.decode(buffer.subarray(5, 77)), { name: "bob", x: 1, y: 2 })
  })

  it("decodes a name without a NUL as 64 bytes, whatever zeros the numbers have", () => {
    const bytes = filled(`${"a".repeat(64)}b`)
    assert.deepStrictEqual(CoursePacket.decode(bytes), { name: "a".repeat(64), x: 0x62, y: 0 })
  })

  it("decodes invalid UTF-8 as U+FFFD, also a character cut at byte 64", () => {
    assert.strictEqual(CoursePacket.decode(filled("caf\xe9"))?.name, "caf\ufffd")
    assert.strictEqual(CoursePacket.decode(filled(`${"a".repeat(62)}\xe6\x97`))?.name, `${"a".repeat(62)}\ufffd`)
  })

  for (const name of ["a".repeat(63), "日".repeat(21), "\u001b[2J", "\ufeffbob"]) {
    it(`encodes a name of up to 63 bytes: ${JSON.stringify(name)}`, () =>
      assert.strictEqual(CoursePacket.decode(encoded({ name, x: 0, y: 0 }))?.name, name))
  }

  for (const [name, shown] of [
    ["", ""],
    ["a\0b", "a\\u0000b"],
    ["a".repeat(64), "a".repeat(64)],
    [`${"日".repeat(21)}a`, `${"日".repeat(21)}a`],
    ["x".repeat(10_000), "x".repeat(80)]
  ] as const) {
    it(`rejects a name with a one-line message: ${shown.slice(0, 20)} (${name.length})`, () =>
      assert.strictEqual(
        refusal({ name, x: 0, y: 0 }).message,
        `a name must be 1 to 63 bytes of UTF-8 without a NUL: ${shown}`
      ))
  }

  for (const [x, y] of [
    [2 ** 31, 0],
    [0, -(2 ** 31) - 1],
    [0.5, 0],
    [0, Number.NaN],
    [Number.POSITIVE_INFINITY, 0]
  ] as const) {
    it(`rejects a number with a one-line message: ${x} ${y}`, () =>
      assert.strictEqual(
        refusal({ name: "bob", x, y }).message,
        `x and y must be integers of 32 bits, -2147483648 to 2147483647: ${x} ${y}`
      ))
  }

  it.prop("rejects all status packets", [StatusPacketArbitrary.mutated], ([bytes]) => {
    if (StatusPacket.isStatus(bytes)) assert.isUndefined(CoursePacket.decode(bytes))
  })

  it("rejects a status packet of 72 bytes", () => {
    const bytes = StatusPacketArbitrary.encoded({
      ...{ cluster: "", id: "00c0ffee00c0ffee", name: "bob", incarnation: 1, sequence: 1, interval: 1_000, time: 1 },
      goodbye: false,
      payload: new Uint8Array(25)
    })
    assert.strictEqual(bytes.length, CoursePacket.sizeBytes)
    assert.isUndefined(CoursePacket.decode(bytes))
  })

  it.prop("is rejected by StatusPacket", [CoursePacketArbitrary.datagrams], ([bytes]) => {
    if (CoursePacket.decode(bytes) !== undefined) assert.isTrue(Result.isFailure(StatusPacket.decode(bytes)))
  })
})
