import { assert, describe, it } from "@effect/vitest"
import * as Result from "effect/Result"
import * as Packet from "../../../src/tftp/protocol/Packet.ts"
import * as PacketArbitrary from "./PacketArbitrary.ts"

/** Converts text to bytes, one per character. */
const raw = (text: string) => Uint8Array.from(text, (char) => char.charCodeAt(0))
const decoded = (text: string) => Result.getOrThrow(Packet.decode(raw(text)))
const refusal = (bytes: Uint8Array) => Result.getOrThrow(Result.flip(Packet.decode(bytes)))

const vectors: ReadonlyArray<readonly [bytes: string, packet: Packet.Packet]> = [
  ["\0\x01boot/x\0octet\0", { _tag: "RRQ", filename: "boot/x", mode: "octet", options: [] }],
  [
    "\0\x02f\0netascii\0blksize\x001432\0tsize\x00673312\0",
    {
      _tag: "WRQ",
      filename: "f",
      mode: "netascii",
      options: [
        ["blksize", "1432"],
        ["tsize", "673312"]
      ]
    }
  ],
  ["\0\x03\x01\x02hello", { _tag: "DATA", block: 258, bytes: raw("hello") }],
  ["\0\x03\xff\xff", { _tag: "DATA", block: 65_535, bytes: raw("") }],
  ["\0\x04\x80\x01", { _tag: "ACK", block: 32_769 }],
  ["\0\x05\0\x01File not found\0", { _tag: "ERROR", code: 1, message: "File not found" }],
  ["\0\x06blksize\x001428\0", { _tag: "OACK", options: [["blksize", "1428"]] }]
]

describe("Packet", () => {
  for (const [text, packet] of vectors) {
    it(`encodes and decodes ${packet._tag} as in the RFC: ${JSON.stringify(text)}`, () => {
      assert.deepStrictEqual(decoded(text), packet)
      assert.deepStrictEqual(Packet.encode(packet), raw(text))
      assert.strictEqual(Packet.opcode(raw(text)), Packet.Opcode[packet._tag])
    })
  }

  it.prop("decode(encode(x)) = x", [PacketArbitrary.packets], ([packet]) =>
    assert.deepStrictEqual(Result.getOrThrow(Packet.decode(Packet.encode(packet))), packet)
  )

  for (const [what, bytes] of [
    ["any bytes", PacketArbitrary.bytes(600)],
    ["valid packets with bytes changed, removed and inserted", PacketArbitrary.mutated]
  ] as const) {
    it.prop(
      `decode never throws on ${what}, and encode(decode(x)) is decoded as the same`,
      [bytes],
      ([bytes]) => {
        const read = Packet.decode(bytes)
        if (Result.isSuccess(read)) {
          return assert.deepStrictEqual(Result.getOrThrow(Packet.decode(Packet.encode(read.success))), read.success)
        }
        assert.strictEqual(read.failure.code, Packet.ErrorCode.IllegalOperation)
        assert.notMatch(read.failure.message, /\p{Cc}/u)
      },
      { arbitrary: { runs: 1000 } }
    )
  }

  for (const [what, bytes, reason] of [
    ["0 bytes", "", "BadLength"],
    ["1 byte", "\0", "BadLength"],
    ["2 bytes of a request", "\0\x01", "Unterminated"],
    ["3 bytes of a DATA", "\0\x03\0", "BadLength"],
    ["3 bytes of an ACK", "\0\x04\0", "BadLength"],
    ["5 bytes of an ACK", "\0\x04\0\x01\0", "BadLength"],
    ["3 bytes of an ERROR", "\0\x05\0", "BadLength"],
    ["opcode 0", "\0\0\0\0", "UnknownOpcode"],
    ["opcode 9", "\0\x09\0\0", "UnknownOpcode"],
    ["opcode 257, whose low byte is a request's", "\x01\x01f\0octet\0", "UnknownOpcode"],
    ["a request without its final NUL", "\0\x01f\0octet", "Unterminated"],
    ["a request with an empty name", "\0\x01\0octet\0", "NoFilename"],
    ["a request of NULs only", `\0\x01${"\0".repeat(100)}`, "NoFilename"],
    ["a request without a mode", "\0\x01f\0", "UnknownMode"],
    ["the obsolete mode mail", "\0\x02f\0mail\0", "UnknownMode"],
    ["an unknown mode", "\0\x01f\0image\0", "UnknownMode"],
    ["a name of an option without a value", "\0\x01f\0octet\0blksize\0", "OddOption"],
    ["an option without a name", "\0\x01f\0octet\0\x00512\0", "OddOption"],
    ["a request with a NUL too many", "\0\x01f\0octet\0\0", "OddOption"],
    ["a request of 513 bytes", `\0\x01${"f".repeat(504)}\0octet\0`, "BadLength"],
    ["64 KB of junk behind a request's opcode", `\0\x01${"junk\0".repeat(13_000)}`, "BadLength"],
    ["an OACK of garbage", "\0\x06garbage", "OddOption"]
  ] as const) {
    it(`refuses ${what} with ERROR 4`, () => {
      const error = refusal(raw(bytes))
      assert.strictEqual(error.reason, reason)
      assert.strictEqual(error.code, 4)
      assert.isBelow(error.message.length, 200)
    })
  }

  for (const [what, name, text] of [
    ["a line feed", "a\nb", "a\nb"],
    ["an escape sequence", "\x1b[2J", "\x1b[2J"],
    ["a C1 control character", "a\xc2\x9b2J", "a\x9b2J"],
    ["bytes that are not UTF-8", "caf\xe9", "caf\udce9"],
    ["UTF-8 cut short by the end of the text", "caf\xc3", "caf\udcc3"],
    ["a trailing byte 0xff", "x\xff", "x\udcff"]
  ] as const) {
    it(`decodes and encodes names and options with ${what}, which the store checks`, () => {
      for (const bytes of [`\0\x01${name}\0octet\0`, `\0\x02f\0octet\0option\0${name}\0`]) {
        const packet = decoded(bytes)
        assert.deepStrictEqual(Packet.encode(packet), raw(bytes))
        if (packet._tag !== "RRQ" && packet._tag !== "WRQ") return assert.fail(packet._tag)
        assert.strictEqual(packet.options[0]?.[1] ?? packet.filename, text)
      }
    })
  }

  it("shows bytes that are not UTF-8 in the message", () => {
    const { message } = refusal(raw("\0\x01f\0oct\xe9t\0"))
    assert.strictEqual(message, 'malformed packet: the mode must be octet or netascii (found "oct\\xe9t")')
  })

  for (const name of [
    "a..b",
    "../x",
    "sub/../../x",
    "/abs",
    "\\Boot\\x",
    "root-priv",
    "Zürich/日本",
    "x".repeat(497)
  ]) {
    it(`accepts any path, which the store checks: ${name.slice(0, 20)}`, () => {
      const packet: Packet.Packet = { _tag: "RRQ", filename: name, mode: "octet", options: [] }
      assert.deepStrictEqual(Result.getOrThrow(Packet.decode(Packet.encode(packet))), packet)
    })
  }

  it("decodes a request of 512 bytes, the largest", () => {
    const name = "f".repeat(503)
    const packet = decoded(`\0\x01${name}\0octet\0`)
    assert.strictEqual(packet._tag === "RRQ" && packet.filename, name)
  })

  it("decodes modes in any case, and keeps the spelling of options", () => {
    const packet: Packet.Packet = { _tag: "RRQ", filename: "F", mode: "netascii", options: [["BLKSIZE", "8"]] }
    assert.deepEqual(decoded("\0\x01F\0NetASCII\0BLKSIZE\x008\0"), packet)
  })

  for (const garbage of ["\0", "\0\0\0", "lone", "name\0cut", "\x01\x02\0\x03\0", "\xff\0\xff\0"]) {
    it(`ignores garbage after the options of an OACK: ${JSON.stringify(garbage)}`, () =>
      assert.deepEqual(decoded(`\0\x06tsize\x0042\0${garbage}`), { _tag: "OACK", options: [["tsize", "42"]] }))
  }

  it("decodes an ERROR without a message, without NUL, or with invalid text", () => {
    assert.deepEqual(decoded("\0\x05\0\x02"), { _tag: "ERROR", code: 2, message: "" })
    assert.deepEqual(decoded("\0\x05\x01\0no NUL"), { _tag: "ERROR", code: 256, message: "no NUL" })
    assert.deepEqual(decoded("\0\x05\0\0\xe9\n\0rest"), { _tag: "ERROR", code: 0, message: "\ufffd\n" })
  })

  it("replaces a NUL within a string", () => {
    const sent = Packet.encode({ _tag: "RRQ", filename: "a\0octet\0tsize", mode: "octet", options: [] })
    assert.deepEqual(Result.getOrThrow(Packet.decode(sent)), {
      _tag: "RRQ",
      filename: "a\ufffdoctet\ufffdtsize",
      mode: "octet",
      options: []
    })
  })

  it("decodes the bytes of a DATA without a copy", () => {
    const bytes = raw("\0\x03\0\x01x")
    const packet = Result.getOrThrow(Packet.decode(bytes))
    assert.strictEqual(packet._tag === "DATA" && packet.bytes.buffer, bytes.buffer)
  })

  it("encodes and decodes an ACK of every block number", () => {
    for (let block = 0; block <= 0xffff; block++) {
      const bytes = Packet.ack(block)
      if (Packet.wireBlock(bytes) !== block || Packet.opcode(bytes) !== 4 || bytes.length !== 4) assert.fail(`${block}`)
    }
  })

  it("returns opcode 0 for less than two bytes", () => {
    assert.deepEqual([raw(""), raw("\x01"), raw("\x01\x02")].map(Packet.opcode), [0, 0, 258])
  })

  it("escapes control characters in the message", () => {
    const { message } = refusal(new TextEncoder().encode("\0\x01f\0\u202etetco\0"))
    assert.strictEqual(message, 'malformed packet: the mode must be octet or netascii (found "\\u202etetco")')
  })
})
