/**
 * The decoder gives the same verdict as Node's parser on mutated requests, and the same messages. It may refuse more:
 * each such refusal is one of a list, with its reason.
 */
import * as Http from "node:http"
import { Duplex } from "node:stream"
import { assert, describe, it } from "@effect/vitest"
import * as Effect from "effect/Effect"
import * as Schema from "effect/Schema"
import { decode, latin1, split, type Verdict } from "./HttpText.ts"

/** A request as Node has parsed it. */
interface NodeRequest {
  readonly start: string
  readonly fields: ReadonlyArray<readonly [string, string]>
  body: string
  trailers: ReadonlyArray<readonly [string, string]> | undefined
}

/** Result of Node's parser. */
interface NodeVerdict {
  readonly messages: Array<NodeRequest>
  error: string | undefined
}

const pairs = (raw: ReadonlyArray<string>) =>
  Array.from({ length: raw.length / 2 }, (_, index) => [raw[2 * index]!.toLowerCase(), raw[2 * index + 1]!] as const)

/** Parses pieces with `node:http`. Responses wait for the end of the input, so that all of it is parsed. */
const parseWithNode = (pieces: ReadonlyArray<Uint8Array>) =>
  Effect.callback<NodeVerdict>((resume) => {
    const verdict: NodeVerdict = { messages: [], error: undefined }
    const server = Http.createServer({ requireHostHeader: false, insecureHTTPParser: false })
    const responses: Array<Http.ServerResponse> = []
    const onRequest = (request: Http.IncomingMessage, response: Http.ServerResponse) => {
      const { httpVersion, method, rawHeaders, url } = request
      const start = `${method} ${url} ${httpVersion}`
      const message: NodeRequest = { start, fields: pairs(rawHeaders), body: "", trailers: undefined }
      verdict.messages.push(message)
      responses.push(response)
      request.on("data", (chunk: Buffer) => {
        message.body += chunk.toString("latin1")
      })
      request.on("end", () => {
        message.trailers = pairs(request.rawTrailers)
      })
      request.on("error", () => {})
    }
    for (const event of ["request", "checkContinue", "checkExpectation"]) server.on(event, onRequest)
    server.on("clientError", (error: NodeJS.ErrnoException) => {
      verdict.error = error.code
      socket.destroy()
    })
    const socket = new Duplex({ read: () => {}, write: (_chunk, _encoding, done) => done() })
    socket.on("error", () => {})
    socket.on("close", () => resume(Effect.succeed(verdict)))
    server.emit("connection", socket)
    for (const piece of pieces) socket.push(piece)
    socket.push(null)
    socket.on("end", () => setImmediate(() => socket.destroy()))
  })

const Choice = (choices: ReadonlyArray<string>) => Schema.Literals(choices)

const lines = Choice([
  "GET / HTTP/1.1",
  "POST /path?q=1 HTTP/1.1",
  "PUT http://a.test/x HTTP/1.1",
  "OPTIONS * HTTP/1.1",
  "GET /a#b HTTP/1.0",
  'DELETE /%20"<>^`{|} HTTP/1.1'
])

const fields = Schema.Array(
  Choice([
    "X-A: b",
    "Accept:  text/html, */*;q=0.5 \t",
    "Cookie: a=b; c=d",
    "Connection: close",
    "Connection: keep-alive, x",
    "X-Empty:",
    "X-Latin: \u00e9\u00ff",
    "Expect: 100-continue",
    "Upgrade: other",
    "TE: trailers"
  ])
).check(Schema.isMaxLength(4))

/** Bodies with the fields that announce them. */
const bodies = Choice([
  "\r\n",
  "Content-Length: 0\r\n\r\n",
  "Content-Length: 5\r\n\r\nhello",
  "Content-Length: 4\r\n\r\n\r\n\r\n",
  "Transfer-Encoding: chunked\r\n\r\n5\r\nhello\r\n0\r\n\r\n",
  'transfer-encoding: Chunked\r\n\r\n2;a=b\r\nhe\r\n3;c="d"\r\nllo\r\n0\r\nX-T: u\r\n\r\n',
  "Transfer-Encoding: chunked\r\n\r\n00A\r\n0123456789\r\n000\r\n\r\n"
])

/** Edits: where, how much is removed, and what is put in its place. */
const edits = Schema.Array(
  Schema.Struct({
    at: Schema.Int.check(Schema.isBetween({ minimum: 0, maximum: 400 })),
    removed: Schema.Literals([0, 0, 1, 1, 2, 5]),
    put: Choice(
      (
        '|\r|\n|\r\n|\r\n\r\n| |\t|:|;|,|=|"|\0|\u0001|\u007f|\u0080|0|1|9|f|g|-|+|0x|a|/|#|HTTP/1.1|HTTP/2.0|HTTP/0.9|GET|' +
        "Content-Length: 5\r\n|Transfer-Encoding: chunked\r\n|\r\n folded|Host: b\r\n|, chunked|gzip, "
      ).split("|")
    )
  })
).check(Schema.isMaxLength(3))

const messages = Schema.Array(Schema.Struct({ line: lines, fields, body: bodies })).check(Schema.isBetweenLength(1, 3))

const places = Schema.Array(Schema.Int.check(Schema.isBetween({ minimum: 0, maximum: 2_000 }))).check(
  Schema.isMaxLength(12)
)

const format = (all: (typeof messages)["Type"]) =>
  all.map(({ body, fields, line }) => `${[line, "Host: a", ...fields].join("\r\n")}\r\n${body}`).join("")

const edit = (text: string, { at, put, removed }: (typeof edits)["Type"][number]) => {
  const place = at % (text.length + 1)
  return text.slice(0, place) + put + text.slice(place + removed)
}

/** Refusals of the decoder that Node does not share, each with the text that causes it. */
const stricter: Readonly<Record<string, (text: string, next: NodeRequest | undefined, rest: string) => boolean>> = {
  // One host exactly, of RFC 3986 (RFC 9112, section 3.2).
  InvalidHost: (_, next) => {
    const hosts = next?.fields.filter(([name]) => name === "host") ?? []
    return hosts.length !== 1 || !/^[\w.%!$&'()*+,;=-]*(?::\d*)?$/.test(hosts[0]![1])
  },
  // HTTP/1 only.
  UnsupportedVersion: (_, next) => /(?:0\.9|2\.0)$/.test(next?.start ?? ""),
  // One space between the parts of a request line; no requests of HTTP/0.9.
  InvalidStartLine: (text, next) => / {2}/.test(text) || next?.start.endsWith("0.9") === true,
  // The authority of an absolute target is one of RFC 3986, nothing follows an asterisk, and fragments are refused.
  InvalidTarget: (_, next) => /^\w+ (?:[A-Za-z]+:\/\/|\*.|.*#)/.test(next?.start ?? ""),
  // Lines end in CRLF, empty ones before a request, too.
  InvalidLineEnd: (_text, next, rest) => /^(?:\n|\r[^\n]|\r$)/.test(rest) || next?.start.endsWith("0.9") === true,
  Truncated: (_text, next, rest) => next === undefined && rest === "\r",
  // An extension has a name, and its value is a token or a quoted string.
  InvalidChunk: (text) => /;[^\r\n]*=/.test(text),
  // Codings other than chunked, and chunks in HTTP/1.0.
  UnsupportedCoding: (text) => /transfer-encoding/i.test(text),
  InvalidCoding: (text) => /transfer-encoding/i.test(text),
  AfterClose: () => true
}

/** Compares the verdicts. Messages that both have read must be equal. */
const compare = (text: string, ours: Verdict, node: NodeVerdict) => {
  for (const [index, message] of node.messages.entries()) {
    const other = ours.messages[index]
    if (message.trailers === undefined || other?.trailers === undefined) continue
    const { body, fields, start, trailers } = other
    assert.deepStrictEqual({ start, fields, body, trailers }, message)
  }
  const isAccepted = node.error === undefined && node.messages.every(({ trailers }) => trailers !== undefined)
  const { refused, rest } = ours
  if (refused === undefined) {
    const unknown = ours.messages.some(({ start }) => !Http.METHODS.includes(start.split(" ")[0]!))
    // Node takes a tab after the coding for a part of it.
    const hasTab = /transfer-encoding:[^\r\n]*\t/i.test(text)
    assert.isTrue(isAccepted || unknown || hasTab, `Node refuses: ${node.error} ${JSON.stringify(text)}`)
    if (isAccepted) assert.lengthOf(node.messages, ours.messages.length)
    return
  }
  if (!isAccepted) return
  const next = node.messages.find((_, index) => ours.messages[index]?.trailers === undefined)
  assert.isTrue(stricter[refused]?.(text, next, rest) ?? false, `Node accepts: ${refused} ${JSON.stringify(text)}`)
}

describe("HttpDecoder and Node's parser", () => {
  it.live.prop(
    "have the same verdict and messages for mutated requests, split anywhere",
    [messages, edits, places],
    ([all, changes, cuts]) =>
      Effect.gen(function* () {
        const text = changes.reduce(edit, format(all))
        const pieces = split(latin1(text), cuts)
        compare(text, decode("Request", pieces), yield* parseWithNode(pieces))
      }),
    { arbitrary: { runs: 3_000 } }
  )

  it.live("agree on requests that are not mutated", () =>
    Effect.gen(function* () {
      const text = "POST / HTTP/1.1\r\nHost: a\r\nContent-Length: 2\r\n\r\nokGET /b HTTP/1.1\r\nHost: a\r\n\r\n"
      const node = yield* parseWithNode([latin1(text)])
      assert.deepStrictEqual(
        node.messages.map(({ body, start }) => [start, body]),
        [
          ["POST / 1.1", "ok"],
          ["GET /b 1.1", ""]
        ]
      )
      compare(text, decode("Request", [latin1(text)]), node)
    })
  )
})
