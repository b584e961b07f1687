/** Collectors of messages find the same messages however the bytes are cut. */
import { assert, describe, it } from "@effect/vitest"
import * as Arbitrary from "effect/Arbitrary"
import * as Schema from "effect/Schema"
import * as Dns from "../../../src/capture/dissect/Dns.ts"
import * as DnsMessage from "../../../src/capture/dissect/DnsMessage.ts"
import * as Http from "../../../src/capture/dissect/Http.ts"
import * as HttpMessages from "../../../src/capture/dissect/HttpMessages.ts"
import * as Tls from "../../../src/capture/dissect/Tls.ts"
import * as Farm from "../../../src/farm/tcp/wire/Dissector.ts"
import * as Protocol from "../../../src/farm/tcp/wire/Protocol.ts"
import type { FieldDissector } from "../../../src/network/dissect/FieldDissector.ts"
import * as CaptureBytes from "../format/CaptureBytes.ts"
import * as Traffic from "./Traffic.ts"

const { concat, encode, hex } = CaptureBytes

/** Bytes of the client and of the server, in turn. */
type Exchange = ReadonlyArray<readonly [fromClient: boolean, bytes: Uint8Array]>

const end = { address: "10.0.0.1", port: 1 }

/** Returns the summaries of an exchange whose parts are cut into pieces of the given lengths. */
const collect = ({ collector }: FieldDissector, exchange: Exchange, lengths: ReadonlyArray<number>) => {
  const found: Array<string> = []
  let current = collector!
  let turn = 0
  for (const [fromClient, bytes] of exchange) {
    for (let at = 0; at < bytes.length; ) {
      const length = lengths[turn++ % lengths.length]!
      const piece = bytes.subarray(at, at + length)
      at += length
      const [next, messages] = current.next({
        ...{ bytes: piece, fromClient, ends: false, afterGap: false, from: end, to: end }
      })
      current = next
      found.push(...messages.map(({ summary }) => summary).filter((summary) => summary !== "start of a record"))
    }
  }
  return found
}

const http: Exchange = [
  [true, encode("\r\nPOST /a HTTP/1.1\r\nHost: h\r\nContent-Length: 3\r\n\r\nabcGET /b HTTP/1.1\nHost: h\n\n")],
  [false, encode("HTTP/1.1 100 Continue\r\n\r\nHTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n")],
  [false, encode("3;x=y\r\nabc\r\n10\r\n0123456789abcdef\r\n0\r\nTrailer: 1\r\n\r\nHTTP/1.1 304 Same\r\n\r\n")],
  [true, encode("HEAD /c HTTP/1.1\r\n\r\nCONNECT d:443 HTTP/1.1\r\n\r\n")],
  [false, encode("HTTP/1.1 200 OK\r\nContent-Length: 9\r\n\r\nHTTP/1.1 200 Tunnel\r\n\r\nGET /no HTTP/1.1\r\n\r\n")],
  [true, encode("GET /tunnelled HTTP/1.1\r\n\r\n")]
]

const httpSummaries = [
  ...["POST /a, h", "GET /b, h", "100 Continue", "200 OK", "304 Same", "HEAD /c", "CONNECT d:443", "200 OK"],
  "200 Tunnel"
]

const tls: Exchange = [
  [true, Traffic.clientHello],
  // The ServerHello is cut into records of 60 and of 30 bytes.
  [
    false,
    concat(hex("160303003c"), Traffic.serverHello.subarray(5, 65), hex("160303001e"), Traffic.serverHello.subarray(65))
  ],
  [false, concat(hex("14030300010117030300020102"), hex("1603030004aabbccdd"))],
  [true, hex("15030300020228")]
]

const tlsSummaries = [
  ...["ClientHello server, TLS 1.3", "part of a handshake", "ServerHello, TLS 1.3", "ChangeCipherSpec"],
  ...["application data, 2 bytes", "encrypted handshake", "fatal alert 40"]
]

const lengthOf = (message: Uint8Array) => concat([message.length >> 8, message.length & 255], message)
const query = (name: string) => lengthOf(Traffic.dns(1, 0x0100, name, 1))
const dns: Exchange = [[true, concat(query("a.example"), query("b.example"))]]

const farm: Exchange = [
  [true, concat(Protocol.preamble, Protocol.encodeUnsafe({ _tag: "Ping" }))],
  [false, concat(Protocol.encodeUnsafe({ _tag: "Pong" }), Protocol.encodeUnsafe({ _tag: "Stopped", id: 3 }))],
  [true, Protocol.encodeUnsafe({ _tag: "Work", id: 258, packet: new Uint8Array(300) })]
]

const farmSummaries = ["Ping, 15 bytes", "Pong, 15 bytes", "Stopped, 25 bytes", "Work 258, 305 bytes"]

const lengths = Arbitrary.array(Arbitrary.schema(Schema.Int.check(Schema.isBetween({ minimum: 1, maximum: 40 }))), {
  minLength: 1,
  maxLength: 5
})

describe("collectors of messages", () => {
  for (const [dissector, exchange, expected] of [
    [Http.dissector, http, httpSummaries],
    [Tls.dissector, tls, tlsSummaries],
    [Dns.dissector, dns, ["query A a.example", "query A b.example"]],
    [Farm.dissector, farm, farmSummaries]
  ] as const) {
    it(`find the messages of ${dissector.name}`, () =>
      assert.deepStrictEqual(collect(dissector, exchange, [100_000]), expected))

    it(`find the messages of ${dissector.name} byte by byte`, () =>
      assert.deepStrictEqual(collect(dissector, exchange, [1]), expected))

    it.prop(`find the messages of ${dissector.name} in pieces of any lengths`, [lengths], ([lengths]) =>
      assert.deepStrictEqual(collect(dissector, exchange, lengths), expected)
    )
  }

  it("keep no more than a head of a message without an end", () => {
    const piece = encode("x".repeat(1_000))
    let [state] = HttpMessages.step(HttpMessages.initial, {
      ...{ bytes: encode("GET /a HTTP/1.1\r\n"), fromClient: true, ends: false, afterGap: false }
    })
    for (let i = 0; i < 100; i++) {
      ;[state] = HttpMessages.step(state, { bytes: piece, fromClient: true, ends: false, afterGap: false })
    }
    assert.deepStrictEqual(state.client, { _tag: "Opaque" })
  })

  it("do not read the bytes of many requests in one segment again for each request", () => {
    let read = 0
    class Counted extends Uint8Array {
      override subarray(start?: number, end?: number) {
        const part = super.subarray(start, end)
        read += part.length
        return part
      }
    }
    const bytes = new Counted(encode("\r\nGET / HTTP/1.1\r\n\r\n".repeat(3_000)))
    const [, heads] = HttpMessages.step(HttpMessages.initial, { bytes, fromClient: true, ends: false, afterGap: false })
    assert.lengthOf(heads, 3_000)
    assert.isAtMost(read, 2 * bytes.length)
  })
})

describe("names of DNS", () => {
  const withName = (name: ReadonlyArray<number>) => concat([0, 1, 1, 0, 0, 1, 0, 0, 0, 0, 0, 0], name, [0, 1, 0, 1])
  const nameOf = (name: ReadonlyArray<number>) => DnsMessage.decode(withName(name))?.questions[0]?.name

  it.each([
    ["the root", [0], "<Root>"],
    ["a pointer to itself", [0xc0, 12], undefined],
    ["a pointer forwards", [0xc0, 14, 0], undefined],
    ["a reserved length", [0x40, 0], undefined],
    ["labels with a dot and a control character", [3, 0x61, 0x2e, 0x07, 1, 0x62, 0], "a\\.\\007.b"]
  ] as const)("are read: %s", (_, name, expected) => {
    assert.strictEqual(nameOf(name), expected)
  })

  it("follows pointers backwards only, so that it ends", () => {
    // Each label points to the one before it.
    const chain = Array.from({ length: 100 }, (_, at) => (at === 0 ? [1, 0x61, 0] : [1, 0x61, 0xc0, 9 + 4 * at]))
    const bytes = concat([0, 1, 1, 0, 0, 100, 0, 0, 0, 0, 0, 0], ...chain.map((name) => [...name, 0, 1, 0, 1]))
    assert.isDefined(DnsMessage.decode(bytes))
  })
})
