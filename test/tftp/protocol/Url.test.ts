import { assert, describe, it } from "@effect/vitest"
import * as Arbitrary from "effect/Arbitrary"
import * as Result from "effect/Result"
import * as Schema from "effect/Schema"
import * as Url from "../../../src/tftp/protocol/Url.ts"
import * as PacketArbitrary from "./PacketArbitrary.ts"

const url = (host: string, path: string, more: Partial<Url.Url> = {}): Url.Url => ({
  host,
  port: 69,
  path,
  mode: "octet",
  ...more
})

const urls = Arbitrary.map(
  Arbitrary.all([
    Arbitrary.schema(Schema.Literals(["host", "a.example.com.", "192.0.2.1", "::1", "fe80::1%eth0", "my_host-2"])),
    Arbitrary.schema(Schema.Int.check(Schema.isBetween({ minimum: 1, maximum: 65_535 }))),
    PacketArbitrary.line,
    Arbitrary.schema(Schema.Literals(["", ";mode=octet", "/", "%2F?#", "./../é", "caf\udce9"])),
    Arbitrary.schema(Schema.Literals(["octet", "netascii"]))
  ]),
  ([host, port, line, odd, mode]): Url.Url => ({ host, port, path: `x${line}${odd}`, mode })
)

describe("Url", () => {
  for (const [text, parsed] of [
    [
      "tftp://example.com/myDirectory/myFile;mode=netascii",
      url("example.com", "myDirectory/myFile", { mode: "netascii" })
    ],
    ["tftp://example.com/mystartupfile", url("example.com", "mystartupfile")],
    ["TFTP://h:6969/a;MODE=Octet", url("h", "a", { port: 6969 })],
    ["tftp://h//abs", url("h", "/abs")],
    ["tftp://h/a%20b%2fc%3Bmode=x", url("h", "a b/c;mode=x")],
    ["tftp://h/a b;c", url("h", "a b;c")],
    ["tftp://h/a;mode=bogus;mode=octet", url("h", "a;mode=bogus")],
    ["tftp://[::1]:70/a", url("::1", "a", { port: 70 })],
    ["tftp://[fe80::1%25eth0]/a", url("fe80::1%eth0", "a")],
    ["tftp://[fe80::1%eth0]/a", url("fe80::1%eth0", "a")],
    ["tftp://h/caf%C3%A9", url("h", "café")],
    ["tftp://h/caf%E9.bin", url("h", "caf\udce9.bin")],
    ["tftp://h/caf\udce9.bin", url("h", "caf\udce9.bin")],
    ["tftp://h/x%ff", url("h", "x\udcff")]
  ] as const) {
    it(`parses ${text}`, () => assert.deepStrictEqual(Result.getOrThrow(Url.parse(text)), parsed))
  }

  for (const [text, reason] of [
    ["http://h/a", "InvalidScheme"],
    ["h/a", "InvalidScheme"],
    ["", "InvalidScheme"],
    ["tftp:///a", "InvalidHost"],
    ["tftp://user@h/a", "InvalidHost"],
    ["tftp://[1.2.3.4]/a", "InvalidHost"],
    ["tftp://[::g]/a", "InvalidHost"],
    ["tftp://::1/a", "InvalidHost"],
    ["tftp://a..b/a", "InvalidHost"],
    ["tftp://h\n/a", "InvalidHost"],
    ["tftp://h:0/a", "InvalidPort"],
    ["tftp://h:65536/a", "InvalidPort"],
    ["tftp://h:/a", "InvalidPort"],
    ["tftp://h:1:2/a", "InvalidPort"],
    ["tftp://h", "InvalidPath"],
    ["tftp://h/", "InvalidPath"],
    ["tftp://h/;mode=octet", "InvalidPath"],
    ["tftp://h/%", "InvalidPath"],
    ["tftp://h/\ud800", "InvalidPath"],
    ["tftp://h/%1b\udce9", "InvalidPath"],
    ["tftp://h/a%00b", "InvalidPath"],
    ["tftp://h/a%0A", "InvalidPath"],
    ["tftp://h/a\u0007", "InvalidPath"],
    ["tftp://h/a?b", "InvalidPath"],
    ["tftp://h/a#b", "InvalidPath"],
    ["tftp://h/a;mode=mail", "InvalidMode"],
    ["tftp://h/a;mode=", "InvalidMode"],
    ["tftp://h/a;mode=octet;x", "InvalidMode"]
  ] as const) {
    it(`refuses ${JSON.stringify(text)} with ${reason}`, () => {
      const error = Result.getOrThrow(Result.flip(Url.parse(text)))
      assert.strictEqual(error.reason, reason)
      assert.notMatch(error.message, /\p{Cc}/u)
    })
  }

  it.prop("parse(format(x)) = x", [urls], ([x]) =>
    assert.deepStrictEqual(Result.getOrThrow(Url.parse(Url.format(x))), x)
  )

  it.prop("parse and format never throw, for any text", [Schema.String, Schema.String], ([host, path]) => {
    for (const text of [path, `tftp://${host}/${path}`, `tftp://h/${path};mode=octet`]) {
      const parsed = Url.parse(text)
      if (Result.isSuccess(parsed)) assert.deepStrictEqual(Url.parse(Url.format(parsed.success)), parsed)
    }
    assert.isString(Url.format(url(host, path)))
  })

  it("formats without the defaults", () => {
    assert.strictEqual(Url.format(url("h", "a/b c;d")), "tftp://h/a/b%20c%3Bd")
    assert.strictEqual(Url.format(url("h", "é\udce9\ud800")), "tftp://h/%C3%A9%E9%EF%BF%BD")
    assert.strictEqual(
      Url.format(url("fe80::1%eth0", "/a", { port: 70, mode: "netascii" })),
      "tftp://[fe80::1%25eth0]:70//a;mode=netascii"
    )
  })
})
