/** The decoder and Node's client read the same from mutated responses; the decoder may refuse more, Node may not. */
import * as Http from "node:http"
import { Duplex } from "node:stream"
import { assert, describe, it } from "@effect/vitest"
import * as Effect from "effect/Effect"
import * as Schema from "effect/Schema"
import { decode, latin1, split } from "./HttpText.ts"

/** A response as Node's client has read it; undefined if it was refused or cut off. */
interface NodeResponse {
  readonly start: string
  readonly fields: ReadonlyArray<readonly [string, string]>
  readonly body: string
}

const pairs = (raw: ReadonlyArray<string>) =>
  Array.from({ length: raw.length / 2 }, (_, index) => [raw[2 * index]!.toLowerCase(), raw[2 * index + 1]!] as const)

/** Reads one response from pieces with the client of `node:http`. */
const parseWithNode = (pieces: ReadonlyArray<Uint8Array>) =>
  Effect.callback<NodeResponse | undefined>((resume) => {
    const socket = new Duplex({ read: () => {}, write: (_chunk, _encoding, done) => done() })
    const request = Http.request({ host: "a", createConnection: () => socket as never })
    const fail = () => {
      socket.destroy()
      resume(Effect.succeed(undefined))
    }
    request.on("error", fail)
    request.on("close", () => setImmediate(fail))
    request.on("response", (response) => {
      let body = ""
      response.on("data", (chunk: Buffer) => {
        body += chunk.toString("latin1")
      })
      response.on("error", fail)
      response.on("end", () => {
        const { httpVersion, rawHeaders, statusCode, statusMessage } = response
        resume(
          Effect.succeed({ start: `${httpVersion} ${statusCode} ${statusMessage}`, fields: pairs(rawHeaders), body })
        )
        socket.destroy()
      })
    })
    request.end()
    request.on("socket", () => {
      setImmediate(() => {
        for (const piece of pieces) socket.push(piece)
        socket.push(null)
      })
    })
  })

const Choice = (choices: ReadonlyArray<string>) => Schema.Literals(choices)
const Place = (maximum: number) => Schema.Int.check(Schema.isBetween({ minimum: 0, maximum }))

const lines = Choice([
  "HTTP/1.1 200 OK",
  "HTTP/1.1 404 Not Found",
  "HTTP/1.0 200 OK",
  "HTTP/1.1 200 ",
  "HTTP/1.1 204 No"
])
const fields = Schema.Array(
  Choice(["X-A: b", "Set-Cookie: a=b", "Connection: close", "X-Empty:", "X-Latin: \u00e9"])
).check(Schema.isMaxLength(3))
const bodies = Choice([
  "\r\nup to the end",
  "Content-Length: 0\r\n\r\n",
  "Content-Length: 5\r\n\r\nhello",
  "Transfer-Encoding: chunked\r\n\r\n5\r\nhello\r\n0\r\n\r\n",
  "Transfer-Encoding: chunked\r\n\r\n2;a=b\r\nhe\r\n3\r\nllo\r\n0\r\nX-T: u\r\n\r\n"
])
const edits = Schema.Array(
  Schema.Struct({
    at: Place(200),
    removed: Schema.Literals([0, 0, 1, 2, 5]),
    put: Choice(
      "|\r|\n|\r\n|\r\n\r\n| |\t|:|;|,|=|\0|\u007f|0|1|9|f|+|-|0x|Content-Length: 5\r\n|Transfer-Encoding: chunked\r\n| folded".split(
        "|"
      )
    )
  })
).check(Schema.isMaxLength(2))
const places = Schema.Array(Place(300)).check(Schema.isMaxLength(8))

describe("HttpDecoder and Node's client", () => {
  it.live.prop(
    "read the same from mutated responses, split anywhere",
    [Schema.Struct({ line: lines, fields, body: bodies }), edits, places],
    ([{ body, fields, line }, changes, cuts]) =>
      Effect.gen(function* () {
        const whole = `${[line, ...fields].join("\r\n")}\r\n${body}`
        const text = changes.reduce((all, { at, put, removed }) => {
          const place = at % (all.length + 1)
          return all.slice(0, place) + put + all.slice(place + removed)
        }, whole)
        const pieces = split(latin1(text), cuts)
        const { messages, refused } = decode("Response", pieces)
        const [first, ...more] = messages
        // Bytes behind a response are an error for Node, and a mutated status may be an interim one.
        if (first === undefined || refused !== undefined || more.length > 0 || !/^1\.\d [2-5]/.test(first.start)) return
        const node = yield* parseWithNode(pieces)
        assert.isDefined(node, `Node refuses ${JSON.stringify(text)}`)
        assert.deepStrictEqual({ start: first.start, fields: first.fields, body: first.body }, node)
      }),
    { arbitrary: { runs: 1_000 } }
  )
})
