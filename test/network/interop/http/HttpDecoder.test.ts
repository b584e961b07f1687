import { assert, describe, it } from "@effect/vitest"
import * as Schema from "effect/Schema"
import * as HttpDecoder from "../../../../src/network/interop/http/message/HttpDecoder.ts"
import { decode, latin1, split } from "./HttpText.ts"

const request = (text: string, limits?: HttpDecoder.Limits) =>
  decode("Request", [latin1(text)], limits === undefined ? {} : { limits })
const response = (text: string, method = "GET") => decode("Response", [latin1(text)], { method })

const host = "Host: a\r\n"
const post = `POST / HTTP/1.1\r\n${host}`

describe("HttpDecoder of requests", () => {
  it("decodes line, fields, body and the next request", () => {
    const { messages, refused } = request(`${post}Content-Length: 3\r\nX-A:  b c \t\r\n\r\nabcGET /x HTTP/1.0\r\n\r\n`)
    assert.isUndefined(refused)
    assert.deepStrictEqual(messages, [
      {
        start: "POST / 1.1",
        fields: [
          ["host", "a"],
          ["content-length", "3"],
          ["x-a", "b c"]
        ],
        body: "abc",
        trailers: [],
        keepAlive: true
      },
      { start: "GET /x 1.0", fields: [], body: "", trailers: [], keepAlive: false }
    ])
  })

  it("decodes a chunked body with extensions and trailers", () => {
    const chunks = '3;a;b=c;d="e \\" f"\r\nabc\r\n00A\r\n0123456789\r\n0\r\nX-Sum: 1\r\n\r\n'
    const { messages, refused } = request(`${post}Transfer-Encoding: Chunked\r\n\r\n${chunks}`)
    assert.isUndefined(refused)
    assert.strictEqual(messages[0]?.body, "abc0123456789")
    assert.deepStrictEqual(messages[0]?.trailers, [["x-sum", "1"]])
  })

  const refusals: ReadonlyArray<readonly [name: string, text: string, reason: string]> = [
    ["two lengths", `${post}Content-Length: 3\r\nContent-Length: 3\r\n\r\nabc`, "AmbiguousLength"],
    ["a list of lengths", `${post}Content-Length: 3, 3\r\n\r\nabc`, "InvalidLength"],
    [
      "a length with chunks",
      `${post}Content-Length: 3\r\nTransfer-Encoding: chunked\r\n\r\n0\r\n\r\n`,
      "AmbiguousLength"
    ],
    [
      "chunks with a length",
      `${post}Transfer-Encoding: chunked\r\nContent-Length: 3\r\n\r\n0\r\n\r\n`,
      "AmbiguousLength"
    ],
    ["a signed length", `${post}Content-Length: +3\r\n\r\nabc`, "InvalidLength"],
    ["an empty length", `${post}Content-Length:\r\n\r\n`, "InvalidLength"],
    ["a length over 2^53", `${post}Content-Length: 99999999999999999999\r\n\r\n`, "InvalidLength"],
    ["chunked twice", `${post}Transfer-Encoding: chunked, chunked\r\n\r\n0\r\n\r\n`, "InvalidCoding"],
    ["chunked before another coding", `${post}Transfer-Encoding: chunked, gzip\r\n\r\n0\r\n\r\n`, "InvalidCoding"],
    ["another coding", `${post}Transfer-Encoding: gzip, chunked\r\n\r\n0\r\n\r\n`, "UnsupportedCoding"],
    ["a coding similar to chunked", `${post}Transfer-Encoding: xchunked\r\n\r\n0\r\n\r\n`, "InvalidCoding"],
    ["chunks in HTTP/1.0", `POST / HTTP/1.0\r\nTransfer-Encoding: chunked\r\n\r\n0\r\n\r\n`, "InvalidCoding"],
    ["a folded field", `${post}X: a\r\n b\r\n\r\n`, "ObsoleteFold"],
    ["space before the colon", `${post}Content-Length : 3\r\n\r\nabc`, "InvalidField"],
    ["a field without name", `${post}: 3\r\n\r\n`, "InvalidField"],
    ["NUL in a value", `${post}X: a\0b\r\n\r\n`, "InvalidField"],
    ["LF alone after the request line", `GET / HTTP/1.1\n${host}\r\n`, "InvalidLineEnd"],
    ["LF alone after a field", "GET / HTTP/1.1\r\nHost: a\n\r\n", "InvalidLineEnd"],
    ["LF alone after the head", "GET / HTTP/1.1\r\nHost: a\r\n\n", "InvalidLineEnd"],
    ["CR within a value", `${post}X: a\rb\r\n\r\n`, "InvalidLineEnd"],
    ["two spaces in the request line", `GET  / HTTP/1.1\r\n${host}\r\n`, "InvalidStartLine"],
    ["a tab in the target", `GET /\t HTTP/1.1\r\n${host}\r\n`, "InvalidTarget"],
    ["a target without form", `GET a HTTP/1.1\r\n${host}\r\n`, "InvalidTarget"],
    ["HTTP/0.9", "GET /\r\n\r\n", "InvalidStartLine"],
    ["HTTP/2.0", `PRI * HTTP/2.0\r\n${host}\r\n`, "UnsupportedVersion"],
    ["no host", "GET / HTTP/1.1\r\n\r\n", "InvalidHost"],
    ["a method in lower case", `get / HTTP/1.1\r\n${host}\r\n`, "InvalidStartLine"],
    ["a method partly in lower case", `GeT / HTTP/1.1\r\n${host}\r\n`, "InvalidStartLine"],
    ["a fragment", `GET /a#b HTTP/1.1\r\n${host}\r\n`, "InvalidTarget"],
    ["a fragment of an absolute target", `GET http://a/#b HTTP/1.1\r\n${host}\r\n`, "InvalidTarget"],
    ["a host with a space", "GET / HTTP/1.1\r\nHost: a b\r\n\r\n", "InvalidHost"],
    ["a host with a path", "GET / HTTP/1.1\r\nHost: b/c\r\n\r\n", "InvalidHost"],
    ["a host with a user", "GET / HTTP/1.1\r\nHost: c@d\r\n\r\n", "InvalidHost"],
    ["a host with two ports", "GET / HTTP/1.1\r\nHost: a:1:2\r\n\r\n", "InvalidHost"],
    ["two hosts", `GET / HTTP/1.1\r\n${host}${host}\r\n`, "InvalidHost"],
    ["a chunk size with space", `${post}Transfer-Encoding: chunked\r\n\r\n3 \r\nabc\r\n0\r\n\r\n`, "InvalidChunk"],
    ["a chunk size with 0x", `${post}Transfer-Encoding: chunked\r\n\r\n0x3\r\nabc\r\n0\r\n\r\n`, "InvalidChunk"],
    ["a chunk longer than its size", `${post}Transfer-Encoding: chunked\r\n\r\n3\r\nabcd\r\n0\r\n\r\n`, "InvalidChunk"],
    ["a chunk ended by LF", `${post}Transfer-Encoding: chunked\r\n\r\n3\nabc\r\n0\r\n\r\n`, "InvalidLineEnd"],
    ["chunk data ended by LF", `${post}Transfer-Encoding: chunked\r\n\r\n3\r\nabc\n0\r\n\r\n`, "InvalidChunk"],
    ["a truncated body", `${post}Content-Length: 3\r\n\r\nab`, "Truncated"],
    ["a truncated head", `${post}Content-Le`, "Truncated"]
  ]
  for (const [name, text, reason] of refusals) {
    it(`refuses ${name}`, () => assert.strictEqual(request(text).refused, reason))
  }

  it("limits the head, the number of fields and the extensions of chunks", () => {
    const limits = { maxHeadBytes: 200, maxFields: 3 }
    assert.isUndefined(request(`GET /${"a".repeat(150)} HTTP/1.1\r\n${host}\r\n`, limits).refused)
    assert.strictEqual(request(`GET /${"a".repeat(200)}`, limits).refused, "HeadTooLarge")
    assert.strictEqual(request(`${post}${"X: a\r\n".repeat(3)}\r\n`, limits).refused, "TooManyFields")
    const chunk = `1;${"x".repeat(30)}\r\na\r\n`
    const chunked = `${post}Transfer-Encoding: chunked\r\n\r\n`
    assert.strictEqual(request(chunked + chunk.repeat(9), limits).refused, "ChunkTooLong")
    assert.isUndefined(request(`${chunked}${"1\r\na\r\n".repeat(300)}0\r\n\r\n`, limits).refused)
  })

  it("takes hosts with a port, of IPv6, and none", () => {
    for (const value of ["a.test:80", "[::1]:80", "[::1]", "10.0.0.1", "a_b~%20", ""]) {
      assert.isUndefined(request(`GET / HTTP/1.1\r\nHost: ${value}\r\n\r\n`).refused, value)
    }
  })

  it("skips empty lines before a request, up to the limit of a head", () => {
    assert.isUndefined(request(`\r\n\r\n${post}\r\n`).refused)
    assert.strictEqual(request("\r\n".repeat(20_000)).refused, "HeadTooLarge")
  })
})

describe("HttpDecoder of responses", () => {
  it("decodes interim responses before the final one", () => {
    const { messages } = response("HTTP/1.1 100 Continue\r\n\r\nHTTP/1.1 200 \r\nContent-Length: 2\r\n\r\nok")
    assert.deepStrictEqual(
      messages.map(({ body, start }) => [start, body]),
      [
        ["1.1 100 Continue", ""],
        ["1.1 200 ", "ok"]
      ]
    )
  })

  it("finds no body after HEAD, 204 and 304", () => {
    const length = "Content-Length: 9\r\n\r\n"
    assert.isUndefined(response(`HTTP/1.1 200 OK\r\n${length}`, "HEAD").refused)
    assert.isUndefined(response(`HTTP/1.1 204 No Content\r\n${length}`).refused)
    assert.isUndefined(response(`HTTP/1.1 304 Not Modified\r\n${length}`).refused)
    assert.strictEqual(response(`HTTP/1.1 200 OK\r\n${length}`).refused, "Truncated")
  })

  it("reads a body without length up to the end of the connection", () => {
    const { messages, refused } = response("HTTP/1.1 200 OK\r\n\r\nall of\r\n\r\nthis")
    assert.isUndefined(refused)
    assert.strictEqual(messages[0]?.body, "all of\r\n\r\nthis")
    assert.isFalse(messages[0]?.keepAlive)
  })

  it("refuses what is not a response", () => {
    assert.strictEqual(response("HTTP/1.1 2000 OK\r\n\r\n").refused, "InvalidStartLine")
    assert.strictEqual(response("HTTP/1.1 099 OK\r\n\r\n").refused, "InvalidStartLine")
    assert.strictEqual(response("SSH-2.0-OpenSSH\r\n\r\n").refused, "InvalidStartLine")
    assert.strictEqual(
      response("HTTP/1.1 200 OK\r\nContent-Length: 1\r\nTransfer-Encoding: chunked\r\n\r\n").refused,
      "AmbiguousLength"
    )
  })
})

describe("HttpDecoder", () => {
  const text = [
    `${post}Transfer-Encoding: chunked\r\n\r\n5;a=b\r\nhello\r\n3\r\nabc\r\n0\r\nT: v\r\n\r\n`,
    `${post}Content-Length: 4\r\n\r\n\r\n\r\n`,
    `\r\nGET /a HTTP/1.1\r\n${host}\r\n`,
    "GET /b HTTP/1.0\r\n\r\n"
  ].join("")

  it.prop(
    "gives the same messages wherever the bytes are split",
    [Schema.Array(Schema.Int.check(Schema.isBetween({ minimum: 0, maximum: 9_999 }))).check(Schema.isMaxLength(40))],
    ([places]) => {
      const bytes = latin1(text)
      assert.deepStrictEqual(decode("Request", split(bytes, places)), decode("Request", [bytes]))
    }
  )

  it("gives the same messages byte by byte", () => {
    const bytes = latin1(text)
    assert.deepStrictEqual(decode("Request", split(bytes, [...bytes.keys()])), decode("Request", [bytes]))
    assert.lengthOf(decode("Request", [bytes]).messages, 4)
  })

  it("leaves the bytes after a head to an upgrade", () => {
    const decoder = HttpDecoder.make("Request")
    HttpDecoder.push(decoder, latin1(`GET / HTTP/1.1\r\n${host}Upgrade: x\r\nConnection: upgrade\r\n\r\nrest`))
    assert.strictEqual(HttpDecoder.next(decoder)?._tag, "Head")
    assert.strictEqual(HttpDecoder.next(decoder)?._tag, "End")
    assert.strictEqual(Buffer.from(HttpDecoder.takeRest(decoder)).toString(), "rest")
  })
})
