import { assert, describe, it } from "@effect/vitest"
import type * as Wire from "../../../src/network/Packet.ts"
import { dissector } from "../../../src/tftp/protocol/Dissector.ts"
import * as Packet from "../../../src/tftp/protocol/Packet.ts"
import * as PacketArbitrary from "./PacketArbitrary.ts"

const raw = (text: string) => Uint8Array.from(text, (char) => char.charCodeAt(0))

const dissect = (bytes: Uint8Array, more: Partial<Wire.Packet> = {}) => {
  const end = { address: "127.0.0.1", port: 6969 }
  return dissector.dissect({ transport: "udp", kind: "datagram", from: end, to: end, bytes, ...more })
}

describe("Dissector", () => {
  it("is named tftp", () => assert.strictEqual(dissector.name, "tftp"))

  for (const [text, summary] of [
    ["\0\x01boot/x\0octet\0blksize\x001428\0windowsize\x0064\0", "RRQ boot/x octet blksize=1428 windowsize=64"],
    ["\0\x02my file\0NETASCII\0tsize\0\0", 'WRQ "my file" netascii tsize=""'],
    ["\0\x01caf\xe9\0octet\0", "RRQ caf\\xe9 octet"],
    ["\0\x01caf\xe9 \n\0octet\0", 'RRQ "caf\\xe9 \\u000a" octet'],
    [`\0\x03\0\x03${"x".repeat(512)}`, "DATA block 3, 512 bytes"],
    ["\0\x03\0\x04x", "DATA block 4, 1 byte"],
    ["\0\x04\xff\xff", "ACK block 65535"],
    ["\0\x05\0\x01file not found\0", "ERROR 1: file not found"],
    ["\0\x05\0\x08", "ERROR 8"],
    ["\0\x06tsize\x0042\0", "OACK tsize=42"]
  ] as const) {
    it(`summarizes: ${summary}`, () => assert.deepEqual(dissect(raw(text)), { kind: summary.split(" ")[0]!, summary }))
  }

  for (const [what, text] of [
    ["an empty payload", ""],
    ["text", "GET / HTTP/1.0\r\n\r\n"],
    ["a DNS query whose first bytes are 00 01", "\0\x01\x01\0\0\x01\0\0\0\0\0\0\x07example\x03com\0\0\x01\0\x01"],
    ["a request without a mode", "\0\x01name\0"],
    ["an ACK with trailing bytes", "\0\x04\0\x01\0"],
    ["a DATA of three bytes", "\0\x03\0"],
    ["a DATA longer than the largest block", `\0\x03\0\x01${"x".repeat(65_465)}`],
    ["an ERROR whose message is not text", "\0\x05\0\x01\x02\x1b\0"],
    ["an OACK without an option", "\0\x06\x80\x90"]
  ] as const) {
    it(`does not claim ${what}`, () => assert.isUndefined(dissect(raw(text))))
  }

  it("does not claim TCP segments", () => {
    const bytes = Packet.ack(1)
    assert.isDefined(dissect(bytes))
    assert.isUndefined(dissect(bytes, { transport: "tcp", kind: "data" }))
  })

  it("escapes text of a peer", () => {
    assert.strictEqual(dissect(raw("\0\x05\0\0a\r\nb\0"))?.summary, "ERROR 0: a\\u000d\\u000ab")
    const bidi = Packet.encode({ _tag: "RRQ", filename: "a\u202egpj", mode: "octet", options: [] })
    assert.strictEqual(dissect(bidi)?.summary, "RRQ a\\u202egpj octet")
  })

  it("truncates a text longer than a line", () => {
    assert.isBelow(dissect(raw(`\0\x05\0\0${"x".repeat(60_000)}`))!.summary.length, 300)
    assert.isBelow(dissect(raw(`\0\x01${"\xff".repeat(490)}\0octet\0`))!.summary.length, 300)
  })

  it.prop("claims every valid packet", [PacketArbitrary.packets], ([packet]) =>
    assert.strictEqual(dissect(Packet.encode(packet))?.kind, packet._tag)
  )

  for (const [what, bytes] of [
    ["any bytes", PacketArbitrary.bytes(600)],
    ["mutated packets", PacketArbitrary.mutated]
  ] as const) {
    it.prop(
      `never throws, and returns one line, for ${what}`,
      [bytes],
      ([bytes]) => assert.notMatch(dissect(bytes)?.summary ?? "", /[\p{Cc}\u202a-\u202e]/u),
      { arbitrary: { runs: 1000 } }
    )
  }
})
