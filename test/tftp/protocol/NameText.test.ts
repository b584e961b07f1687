import { assert, describe, it } from "@effect/vitest"
import * as NameText from "../../../src/tftp/protocol/NameText.ts"
import * as PacketArbitrary from "./PacketArbitrary.ts"

/** Converts text to bytes, one per character. */
const raw = (text: string) => Uint8Array.from(text, (char) => char.charCodeAt(0))

describe("NameText", () => {
  it.each([
    ["", ""],
    ["boot/x", "boot/x"],
    ["caf\xc3\xa9", "café"],
    ["\xe6\x97\xa5", "日"],
    ["\xf0\x9f\x98\x80\xff", "😀\udcff"],
    ["caf\xe9.bin", "caf\udce9.bin"],
    ["x\xff", "x\udcff"],
    ["cut \xc3", "cut \udcc3"],
    ["cut \xe6\x97", "cut \udce6\udc97"],
    ["continuation \x80\xbf", "continuation \udc80\udcbf"],
    ["overlong \xc0\xaf", "overlong \udcc0\udcaf"],
    ["overlong \xe0\x80\xaf", "overlong \udce0\udc80\udcaf"],
    ["surrogate \xed\xa0\x80", "surrogate \udced\udca0\udc80"],
    ["above U+10FFFF \xf4\x90\x80\x80", "above U+10FFFF \udcf4\udc90\udc80\udc80"],
    ["\xef\xbb\xbfmark", "\ufeffmark"]
  ])("converts the bytes %j to %j and back", (bytes, text) => {
    assert.strictEqual(NameText.fromBytes(raw(bytes)), text)
    assert.deepStrictEqual(NameText.toBytes(text), raw(bytes))
  })

  it.prop(
    "toBytes(fromBytes(x)) = x, also escaped in a URL",
    [PacketArbitrary.bytes(40)],
    ([bytes]) => {
      const text = NameText.fromBytes(bytes)
      assert.deepStrictEqual(NameText.toBytes(text), bytes)
      assert.match(NameText.toUrlPath(text), /^(?:[\w\-.!~*'()/]|%[\dA-F]{2})*$/)
      assert.strictEqual(NameText.fromUrlPath(NameText.toUrlPath(text)), text)
      assert.isTrue(NameText.escape(text).isWellFormed())
      assert.notMatch(NameText.quote(text), /\p{Cc}/u)
    },
    { arbitrary: { runs: 1000 } }
  )

  it("converts no surrogate to an ASCII byte", () => {
    for (const surrogate of ["\ud800", "\udc2e\udc2e\udc2f", "\udc7f", "\udd00"]) {
      assert.notMatch(String.fromCharCode(...NameText.toBytes(surrogate)), /[\0-\x7f]/)
    }
  })

  it("escapes bytes that are not UTF-8, and control characters", () => {
    assert.strictEqual(NameText.escape("caf\udce9 é\n\udcff"), "caf\\xe9 é\\u000a\\xff")
    assert.strictEqual(NameText.quote('a"\\\udc80'), '"a\\"\\\\\\x80"')
    assert.isFalse(NameText.isUtf8("caf\udce9"))
    assert.isTrue(NameText.isUtf8("café 😀"))
  })

  it.each(["%", "%e", "%zz", "a%0", "\ud800", "\udc2f"])("refuses %j as the path of a URL", (path) =>
    assert.isUndefined(NameText.fromUrlPath(path))
  )
})
