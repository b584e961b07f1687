import { assert, describe, it } from "@effect/vitest"
import * as Schema from "effect/Schema"
import * as Line from "../../src/network/Line.ts"
import * as Telnet from "../../src/network/Telnet.ts"
import {
  ChunkSizes,
  CommandLines,
  decode,
  encodeCommandLines,
  LineBytes,
  MaxLength,
  referenceCommandLines,
  referenceLines,
  split
} from "../support/Lines.ts"

describe("Line.decoder", () => {
  it("ends lines at LF and CRLF, not at a lone CR", () => {
    assert.deepStrictEqual(decode([Buffer.from("a\nb\r\n\n\r\nc\rd\r\r\ne\r\n")]), {
      lines: ["a", "b", "", "", "c\rd\r", "e"],
      end: "Done"
    })
  })

  it("ends lines at CR NUL with telnet only", () => {
    const chunks = () => [Buffer.from("a\r"), Buffer.from("\0b\0c\r\0")]
    assert.deepStrictEqual(decode(chunks()).lines, ["a", "b\0c"])
    assert.deepStrictEqual(decode(chunks(), { telnet: false }).lines, ["a\r\0b\0c\r\0"])
  })

  it("accepts lines of exactly the maximum, with or without an end, and rejects one byte more", () => {
    const line = "x".repeat(1024)
    for (const end of ["\n", "\r\n", "\r\0", "\r", ""]) {
      assert.deepStrictEqual(decode([Buffer.from(line + end)]), { lines: [line], end: "Done" })
      assert.deepStrictEqual(decode([Buffer.from(`${line}x${end}`)]), { lines: [], end: "TooLong" })
    }
    assert.deepStrictEqual(decode([Buffer.from(`${line}\r`), Buffer.from("x")]), { lines: [], end: "TooLong" })
  })

  it("returns the lines before a line that is too long, and none after it", () => {
    const chunk = Buffer.from(`a\nb\n${"x".repeat(9)}\nc\n`)
    assert.deepStrictEqual(decode([chunk], { maxLength: 8 }), { lines: ["a", "b"], end: "TooLong" })
    const decoder = Line.decoder({ maxLength: 0 })
    for (const bytes of ["a", "\n", "\n"]) {
      decoder.feed(Buffer.from(bytes))
      assert.deepStrictEqual(decoder.take(), new Line.TooLong({ max: 0 }))
    }
    assert.isUndefined(decoder.finish())
  })

  it("joins split characters and replaces invalid bytes by U+FFFD", () => {
    const text = `\ufeff${"grüße, 世界 🌍 ".repeat(20)}`
    const bytes = [...Buffer.from(`${text}\n`)]
    assert.deepStrictEqual(decode(split(bytes, Array(bytes.length).fill(1))).lines, [text])
    assert.deepStrictEqual(decode([Buffer.from("caf\xe9\n", "latin1")]).lines, ["caf\ufffd"])
  })

  it.prop(
    "returns the same lines for any division into chunks",
    [LineBytes, ChunkSizes, MaxLength, Schema.Boolean],
    ([bytes, sizes, maxLength, telnet]) => {
      const lines = decode(split(bytes, sizes), { maxLength, telnet })
      assert.deepStrictEqual(lines, referenceLines(bytes, maxLength, telnet))
    },
    { arbitrary: { runs: 2000 } }
  )

  it.prop(
    "counts telnet commands beyond 256 bytes as length of their line, for any division into chunks",
    [CommandLines, ChunkSizes],
    ([commandLines, sizes]) => {
      const { end, lines } = decode(split(encodeCommandLines(commandLines), sizes), { maxLength: 8 })
      const lengths = lines.map((line) => line.length)
      assert.deepStrictEqual({ lengths, end }, referenceCommandLines(commandLines))
    },
    { arbitrary: { runs: 1000 } }
  )

  it("rejects a subnegotiation without end, of which it keeps nothing", () => {
    const chunks = [Uint8Array.of(255, 250), ...Array.from({ length: 20 }, () => new Uint8Array(64).fill(24))]
    assert.deepStrictEqual(decode(chunks), { lines: [], end: "TooLong" })
  })

  it.prop(
    "reports by inLine if the stream ends within a line or a command",
    [LineBytes, ChunkSizes, Schema.Boolean],
    ([bytes, sizes, telnet]) => {
      const decoder = Line.decoder({ telnet })
      for (const chunk of split(bytes, sizes)) {
        decoder.feed(chunk)
        const before = decoder.inLine()
        while (decoder.take() !== undefined) {}
        assert.strictEqual(decoder.inLine(), before)
      }
      const whole = Uint8Array.from(bytes)
      const { data, state } = telnet ? Telnet.receive(Telnet.initial, whole) : { data: whole, state: Telnet.initial }
      const text = Buffer.from(data).toString("latin1")
      const isInText = text !== "" && !(telnet ? /(\n|\r\0)$/ : /\n$/).test(text)
      assert.strictEqual(decoder.inLine(), isInText || Telnet.inCommand(state))
    },
    { arbitrary: { runs: 1000 } }
  )
})
