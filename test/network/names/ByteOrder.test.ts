import * as Os from "node:os"
import { assert, describe, it } from "@effect/vitest"
import * as Schema from "effect/Schema"
import * as ByteOrder from "../../../src/network/names/ByteOrder.ts"

const Uint16 = Schema.Int.check(Schema.isBetween({ minimum: 0, maximum: 0xffff }))
const Uint32 = Schema.Int.check(Schema.isBetween({ minimum: 0, maximum: 0xffffffff }))
const Order = Schema.Literals(["little", "big"])

describe("ByteOrder", () => {
  it("swaps bytes on a little-endian host only", () => {
    assert.strictEqual(ByteOrder.htons(0x042b), 0x2b04)
    assert.strictEqual(ByteOrder.htons(0x042b, "big"), 0x042b)
    assert.strictEqual(ByteOrder.htonl(0x01020304), 0x04030201)
    assert.strictEqual(ByteOrder.htonl(0x01020304, "big"), 0x01020304)
  })

  it("returns unsigned numbers and drops higher bits, as C does", () => {
    assert.strictEqual(ByteOrder.htonl(0x000000ff), 0xff000000)
    assert.strictEqual(ByteOrder.htonl(-1, "big"), 0xffffffff)
    assert.strictEqual(ByteOrder.htons(0x1_0102), 0x0201)
  })

  it("show formats the bytes of a number", () => {
    assert.deepStrictEqual(ByteOrder.show(0x042b, 2), { big: "04 2b", little: "2b 04" })
    assert.deepStrictEqual(ByteOrder.show(0xfffefd01, 4), { big: "ff fe fd 01", little: "01 fd fe ff" })
  })

  it.prop("ntohs and ntohl invert htons and htonl", [Uint16, Uint32, Order], ([short, long, host]) => {
    assert.strictEqual(ByteOrder.ntohs(ByteOrder.htons(short, host), host), short)
    assert.strictEqual(ByteOrder.ntohl(ByteOrder.htonl(long, host), host), long)
  })

  it.prop("htonl(n) has big-endian n in memory on this machine", [Uint16, Uint32], ([short, long]) => {
    const host = Os.endianness() === "LE" ? "little" : "big"
    const shorts = new Uint8Array(Uint16Array.of(ByteOrder.htons(short, host)).buffer)
    const longs = new Uint8Array(Uint32Array.of(ByteOrder.htonl(long, host)).buffer)
    assert.deepStrictEqual(shorts, ByteOrder.toBytes(short, 2, "big"))
    assert.deepStrictEqual(longs, ByteOrder.toBytes(long, 4, "big"))
  })
})
