import { assert, describe, it } from "@effect/vitest"
import * as Arbitrary from "effect/Arbitrary"
import * as Schema from "effect/Schema"
import * as Netascii from "../../../src/tftp/protocol/Netascii.ts"

const raw = (text: string) => Uint8Array.from(text, (char) => char.charCodeAt(0))

const through = (codec: Netascii.Codec, chunks: ReadonlyArray<Uint8Array>) =>
  Buffer.concat([...chunks.map(codec.push), codec.end()])

/** Splits bytes into chunks of the given lengths, in a cycle; some are empty. */
const cut = (bytes: Uint8Array, lengths: ReadonlyArray<number>) => {
  const chunks: Array<Uint8Array> = []
  for (let at = 0, i = 0; at < bytes.length; i++) {
    const length = lengths[i % lengths.length]!
    chunks.push(bytes.subarray(at, at + length))
    at += length
  }
  return chunks
}

const bytes = Arbitrary.map(
  Arbitrary.array(Arbitrary.schema(Schema.Literals([0, 10, 13, 65, 255])), { maxLength: 60 }),
  (bytes) => Uint8Array.from(bytes)
)
const length = Schema.Int.check(Schema.isBetween({ minimum: 0, maximum: 5 }))
const lengths = Arbitrary.map(Arbitrary.array(Arbitrary.schema(length), { minLength: 1, maxLength: 4 }), (lengths) => [
  ...lengths,
  1
])

describe("Netascii", () => {
  for (const [host, wire] of [
    ["", ""],
    ["\r", "\r\0"],
    ["\n", "\r\n"],
    ["\r\n", "\r\0\r\n"],
    ["\n\r", "\r\n\r\0"],
    ["\r\r\n\n", "\r\0\r\0\r\n\r\n"],
    ["\r\0", "\r\0\0"],
    ["a\nb\xff\0", "a\r\nb\xff\0"]
  ] as const) {
    it(`encodes ${JSON.stringify(host)} as ${JSON.stringify(wire)}, and decodes it`, () => {
      assert.strictEqual(through(Netascii.encoder(), [raw(host)]).toString("latin1"), wire)
      assert.strictEqual(through(Netascii.decoder(), [raw(wire)]).toString("latin1"), host)
    })
  }

  for (const [wire, host] of [
    ["\r", "\r"],
    ["a\rb", "a\rb"],
    ["\r\r\n", "\r\n"],
    ["\r\r", "\r\r"],
    ["\r\r\0", "\r\r"],
    ["\n\0", "\n\0"]
  ] as const) {
    it(`decodes the invalid ${JSON.stringify(wire)} as ${JSON.stringify(host)}`, () =>
      assert.strictEqual(through(Netascii.decoder(), [raw(wire)]).toString("latin1"), host))
  }

  it("decodes a pair that is split between two blocks", () => {
    const decoder = Netascii.decoder()
    assert.deepEqual([...decoder.push(raw("a\r"))], [97])
    assert.deepEqual([...decoder.push(raw("\n\r"))], [10])
    assert.deepEqual([...decoder.push(raw(""))], [])
    assert.deepEqual([...decoder.push(raw("\0"))], [13])
    assert.deepEqual([...decoder.end()], [])
  })

  it.prop("decode(encode(x)) = x, for any chunks on both sides", [bytes, lengths, lengths], ([bytes, ours, theirs]) => {
    const wire = through(Netascii.encoder(), cut(bytes, ours))
    assert.deepStrictEqual([...through(Netascii.decoder(), cut(wire, theirs))], [...bytes])
  })

  for (const [what, make] of [
    ["encoding", Netascii.encoder],
    ["decoding", Netascii.decoder]
  ] as const) {
    it.prop(
      `${what} returns the same for any chunks, and does not change them`,
      [bytes, lengths],
      ([bytes, lengths]) => {
        const before = [...bytes]
        const whole = through(make(), [bytes])
        assert.deepStrictEqual([...through(make(), cut(bytes, lengths))], [...whole])
        assert.deepStrictEqual([...bytes], before)
      }
    )
  }

  it.prop("encodes CR only before LF or NUL, and LF only after CR", [bytes], ([bytes]) =>
    assert.match(through(Netascii.encoder(), [bytes]).toString("latin1"), /^(?:[^\r\n]|\r[\n\0])*$/)
  )

  it("returns fresh bytes that the next push does not change", () => {
    for (const codec of [Netascii.encoder(), Netascii.decoder()]) {
      const chunk = raw("abc")
      const given = codec.push(chunk)
      chunk.fill(0)
      codec.push(raw("xyz"))
      assert.strictEqual(Buffer.from(given).toString(), "abc")
    }
  })
})
