/** The server with curl and Node's client, and the client with Node's server. */
import * as ChildProcess from "node:child_process"
import * as Http from "node:http"
import type * as Net from "node:net"
import { assert, describe } from "@effect/vitest"
import * as Effect from "effect/Effect"
import * as HttpBody from "effect/http/HttpBody"
import * as HttpClient from "effect/http/HttpClient"
import * as HttpServerRequest from "effect/http/HttpServerRequest"
import * as HttpServerResponse from "effect/http/HttpServerResponse"
import * as Stream from "effect/Stream"
import { live, serve } from "./HttpLab.ts"

const hasCurl = ChildProcess.spawnSync("curl", ["--version"]).status === 0

const curl = (args: ReadonlyArray<string>, input = "") =>
  Effect.callback<string>((resume) => {
    const child = ChildProcess.execFile("curl", ["-sS", "--max-time", "20", ...args], (error, stdout, stderr) =>
      resume(error === null ? Effect.succeed(stdout) : Effect.die(new Error(stderr)))
    )
    child.stdin?.end(input)
  })

const echo = Effect.gen(function* () {
  const request = yield* HttpServerRequest.HttpServerRequest
  const body = yield* request.text
  return HttpServerResponse.text(`${request.method} ${request.url} ${body.length} ${body.slice(0, 20)}\n`)
})

const forCurl = hasCurl
  ? live
  : (name: string, _body: unknown) => live(`${name} (skipped: curl is not installed)`, () => Effect.void)

describe("InteropHttpServer with curl", () => {
  forCurl("answers GET, HEAD, and two requests on one connection", () =>
    Effect.gen(function* () {
      const url = `http://127.0.0.1:${yield* serve(echo)}`
      const log = yield* curl(["-w", "%{num_connects} ", `${url}/a?b=c`, `${url}/d`])
      assert.strictEqual(log, "GET /a?b=c 0 \n1 GET /d 0 \n0 ")
      assert.match(yield* curl(["-I", url]), /^HTTP\/1\.1 200 OK\r\n[\s\S]*content-length: 10\r\n/i)
    })
  )

  forCurl("reads bodies with a length, in chunks, after 100 Continue, and of HTTP/1.0", () =>
    Effect.gen(function* () {
      const url = `http://127.0.0.1:${yield* serve(echo)}`
      assert.strictEqual(yield* curl(["-d", "hello", url]), "POST / 5 hello\n")
      assert.strictEqual(yield* curl(["-T", "-", `${url}/x`], "streamed"), "PUT /x 8 streamed\n")
      const long = "x".repeat(2_000_000)
      const expecting = ["-H", "Expect: 100-continue", "--data-binary", "@-", "-w", "%{http_code}", url]
      assert.strictEqual(yield* curl(expecting, long), `POST / 2000000 ${"x".repeat(20)}\n200`)
      assert.strictEqual(yield* curl(["-0", "-d", "old", url]), "POST / 3 old\n")
    })
  )

  forCurl("sends a stream in chunks, and takes a form", () =>
    Effect.gen(function* () {
      const app = Effect.gen(function* () {
        const request = yield* HttpServerRequest.HttpServerRequest
        const parts = Stream.mapEffect(request.multipartStream, (part) =>
          part._tag === "Field"
            ? Effect.succeed(`${part.key}=${part.value};`)
            : Effect.map(part.contentEffect, (bytes) => `${part.key}=${part.name}:${bytes.length};`)
        )
        const all = yield* Stream.runCollect(parts)
        return HttpServerResponse.stream(Stream.fromIterable(all).pipe(Stream.encodeText))
      })
      const url = `http://127.0.0.1:${yield* serve(app)}`
      const answer = yield* curl(["-F", "a=1", "-F", "f=@-;filename=x.bin", url], "y".repeat(300_000))
      assert.strictEqual(answer, "a=1;f=x.bin:300000;")
    })
  )
})

/** Starts a server of `node:http` until the scope closes; returns its address. */
const nodeServer = (handler: Http.RequestListener) =>
  Effect.acquireRelease(
    Effect.callback<Http.Server>((resume) => {
      const server = Http.createServer(handler)
      server.listen(0, "127.0.0.1", () => resume(Effect.succeed(server)))
    }),
    (server) =>
      Effect.callback<void>((resume) => {
        server.close(() => resume(Effect.void))
        server.closeAllConnections()
      })
  ).pipe(Effect.map((server) => `http://127.0.0.1:${(server.address() as Net.AddressInfo).port}`))

describe("InteropHttpClient with node:http", () => {
  live("sends streams and reads streams, on one connection", () =>
    Effect.gen(function* () {
      const ports = new Set<number | undefined>()
      const url = yield* nodeServer((request, response) => {
        ports.add(request.socket.remotePort)
        response.writeHead(200, { "x-method": request.method, trailer: "x-sum" })
        request.on("data", (chunk) => response.write(chunk))
        request.on("end", () => {
          response.addTrailers({ "x-sum": "1" })
          response.end("!")
        })
      })
      for (let round = 0; round < 3; round++) {
        const body = HttpBody.stream(Stream.make("ab", "cd").pipe(Stream.encodeText))
        const response = yield* HttpClient.put(url, { body })
        assert.strictEqual(response.headers["x-method"], "PUT")
        assert.strictEqual(yield* response.text, "abcd!")
      }
      assert.strictEqual(ports.size, 1)
    })
  )

  live("reads cookies, empty answers and early hints", () =>
    Effect.gen(function* () {
      const url = yield* nodeServer((request, response) => {
        if (request.url === "/cookies") response.setHeader("set-cookie", ["a=1; Path=/", "b=2"])
        if (request.url === "/hints") response.writeEarlyHints({ link: "</a.css>; rel=preload" })
        response.writeHead(request.url === "/empty" ? 204 : 200)
        response.end()
      })
      const cookies = yield* HttpClient.get(`${url}/cookies`)
      assert.deepStrictEqual(Object.keys(cookies.cookies.cookies), ["a", "b"])
      for (const path of ["/empty", "/hints"]) {
        const response = yield* HttpClient.get(url + path)
        assert.strictEqual(yield* response.text, "")
        assert.strictEqual(response.status, path === "/empty" ? 204 : 200)
      }
    })
  )
})

describe("InteropHttpServer with the client of node:http", () => {
  live("answers pipelined uploads of an agent", () =>
    Effect.gen(function* () {
      const port = yield* serve(echo)
      const answers = yield* Effect.callback<ReadonlyArray<string>>((resume) => {
        const agent = new Http.Agent({ keepAlive: true, maxSockets: 1 })
        const all: Array<string> = []
        for (let index = 0; index < 5; index++) {
          const options = { port, host: "127.0.0.1", agent, method: "POST", path: `/${index}` }
          const request = Http.request(options, (response) => {
            let text = ""
            response.on("data", (chunk) => {
              text += chunk
            })
            response.on("end", () => {
              all.push(text)
              if (all.length < 5) return
              agent.destroy()
              resume(Effect.succeed(all))
            })
          })
          request.write("a".repeat(index))
          request.end("b")
        }
      })
      assert.deepStrictEqual(
        answers,
        [0, 1, 2, 3, 4].map((index) => `POST /${index} ${index + 1} ${"a".repeat(index)}b\n`)
      )
    })
  )
})
