import { assert, describe } from "@effect/vitest"
import * as Deferred from "effect/Deferred"
import * as Effect from "effect/Effect"
import * as Fiber from "effect/Fiber"
import * as HttpBody from "effect/http/HttpBody"
import * as HttpClient from "effect/http/HttpClient"
import type * as HttpClientError from "effect/http/HttpClientError"
import * as HttpClientRequest from "effect/http/HttpClientRequest"
import * as HttpServerRequest from "effect/http/HttpServerRequest"
import * as HttpServerResponse from "effect/http/HttpServerResponse"
import * as Stream from "effect/Stream"
import * as Network from "../../../../src/network/Network.ts"
import { live, scripted, serve, simulated } from "./HttpLab.ts"

const Request = HttpServerRequest.HttpServerRequest

const text = (url: string) => Effect.flatMap(HttpClient.get(url), (response) => response.text)

/** Returns the kind of an error, and the reason of the network's. */
const kindOf = <A, R>(effect: Effect.Effect<A, HttpClientError.HttpClientError, R>) =>
  Effect.map(Effect.flip(effect), ({ reason }) => {
    const cause = "cause" in reason ? reason.cause : undefined
    return `${reason._tag} ${cause instanceof Network.NetworkError ? cause.reason : ((cause as Error)?.name ?? "")}`.trim()
  })

const length = (body: string) => `HTTP/1.1 200 OK\r\nContent-Length: ${body.length}\r\n\r\n${body}`

describe("InteropHttpClient", () => {
  live("sends a request as it should be", () =>
    Effect.gen(function* () {
      const { requests, url } = yield* scripted([length("ok")])
      yield* HttpClient.post(`${url}/a%20b?q=1#x`, { body: HttpBody.text("body"), headers: { "x-a": "1" } })
      const authority = url.slice("http://".length)
      const fields = requests[0]!.split("\r\n").filter((line) => !/^(?:b3|traceparent)/.test(line))
      assert.deepStrictEqual(fields, [
        "POST /a%20b?q=1 HTTP/1.1",
        `host: ${authority}`,
        "x-a: 1",
        "content-type: text/plain",
        "content-length: 4",
        "",
        "body"
      ])
    })
  )

  live("uses a connection again, and none that the server has ended", () =>
    Effect.gen(function* () {
      const twice = yield* scripted([length("one"), length("two")])
      assert.deepStrictEqual([yield* text(twice.url), yield* text(twice.url)], ["one", "two"])
      assert.strictEqual(yield* text(twice.url), "one", "a third request has a connection of its own")
      assert.lengthOf(twice.requests, 3)
    })
  )

  live("reads chunks, a body up to the end, and none after HEAD", () =>
    Effect.gen(function* () {
      const chunked = yield* scripted([
        "HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n2\r\nab\r\n1\r\nc\r\n0\r\n\r\n"
      ])
      assert.strictEqual(yield* text(chunked.url), "abc")
      const plain = yield* scripted(["HTTP/1.0 200 OK\r\n\r\nall"])
      assert.strictEqual(yield* text(plain.url), "all")
      const head = yield* scripted(["HTTP/1.1 200 OK\r\nContent-Length: 9\r\n\r\n", length("next")])
      assert.strictEqual(yield* Effect.flatMap(HttpClient.head(head.url), (response) => response.text), "")
      assert.strictEqual(yield* text(head.url), "next")
    })
  )

  live("fails with the kinds of FetchHttpClient", () =>
    Effect.gen(function* () {
      const closed = yield* Effect.scoped(Effect.map(scripted([]), ({ url }) => url))
      assert.strictEqual(yield* kindOf(HttpClient.get(closed)), "TransportError Refused")
      const silent = yield* scripted([])
      assert.match(yield* kindOf(HttpClient.get(silent.url)), /^TransportError (?:Closed|Reset)$/)
      const wrong = yield* scripted(["SSH-2.0-OpenSSH\r\n\r\n"])
      assert.strictEqual(yield* kindOf(HttpClient.get(wrong.url)), "TransportError HttpSyntaxError")
      const cut = yield* scripted(["HTTP/1.1 200 OK\r\nContent-Length: 9\r\n\r\nabc"])
      assert.strictEqual(yield* kindOf(text(cut.url)), "DecodeError HttpSyntaxError")
      const notJson = yield* scripted([length("{")])
      const json = Effect.flatMap(HttpClient.get(notJson.url), (response) => response.json)
      assert.strictEqual(yield* kindOf(json), "DecodeError SyntaxError")
      const empty = yield* scripted(["HTTP/1.1 204 No Content\r\n\r\n"])
      const stream = Effect.flatMap(HttpClient.get(empty.url), (response) => Stream.runDrain(response.stream))
      assert.strictEqual(yield* kindOf(stream), "EmptyBodyError")
      const failing = HttpClient.post(cut.url, { body: HttpBody.stream(Stream.fail(new TypeError("no"))) })
      assert.strictEqual(yield* kindOf(failing), "EncodeError TypeError")
      assert.strictEqual(yield* kindOf(HttpClient.get("https://127.0.0.1")), "TransportError")
      assert.strictEqual(yield* kindOf(HttpClient.get(cut.url, { headers: { x: "a\r\nb: c" } })), "TransportError")
    })
  )

  live("resets the connection of an interrupted request", () =>
    Effect.gen(function* () {
      const started = yield* Deferred.make<void>()
      const ended = yield* Deferred.make<void>()
      const app = Effect.andThen(Deferred.succeed(started, undefined), Effect.never).pipe(
        Effect.onInterrupt(() => Deferred.succeed(ended, undefined)),
        Effect.interruptible
      )
      const port = yield* serve(app)
      const fiber = yield* Effect.forkChild(HttpClient.get(`http://127.0.0.1:${port}`))
      yield* Deferred.await(started)
      yield* Fiber.interrupt(fiber)
      yield* Deferred.await(ended)
    })
  )

  live("streams both bodies with backpressure, and reads an answer before the request has ended", () =>
    Effect.gen(function* () {
      const app = Effect.map(Request, ({ stream }) => HttpServerResponse.stream(stream))
      const port = yield* serve(app)
      const sizeBytes = 3_000_000
      const body = Stream.range(1, sizeBytes / 1_000).pipe(Stream.map((n) => new Uint8Array(1_000).fill(n)))
      const response = yield* HttpClient.post(`http://127.0.0.1:${port}`, { body: HttpBody.stream(body) })
      const received = yield* Stream.runFold(
        response.stream,
        () => ({ bytes: 0, sum: 0 }),
        ({ bytes, sum }, chunk) => ({
          bytes: bytes + chunk.length,
          sum: chunk.reduce((all, byte) => all + byte, sum)
        })
      )
      let sum = 0
      for (let n = 1; n <= sizeBytes / 1_000; n++) sum += 1_000 * (n & 255)
      assert.deepStrictEqual(received, { bytes: sizeBytes, sum })
    })
  )

  live("sends and reads forms", () =>
    Effect.gen(function* () {
      const app = Effect.gen(function* () {
        const request = yield* Request
        if (request.headers["content-type"]?.startsWith("multipart/") !== true) {
          return yield* HttpServerResponse.json(Object.fromEntries(yield* request.urlParamsBody))
        }
        const parts = yield* Stream.runCollect(
          Stream.mapEffect(request.multipartStream, (part) =>
            part._tag === "Field"
              ? Effect.succeed(`${part.key}=${part.value}`)
              : Effect.map(part.contentEffect, (bytes) => `${part.key}:${part.name}=${Buffer.from(bytes)}`)
          )
        )
        return yield* HttpServerResponse.json(parts)
      })
      const url = `http://127.0.0.1:${yield* serve(app)}`
      const form = new FormData()
      form.append("a", "one\ntwo")
      form.append("f", new File(["content"], "x.txt", { type: "text/plain" }))
      const multipart = HttpClientRequest.post(url).pipe(HttpClientRequest.bodyFormData(form), HttpClient.execute)
      const received = yield* Effect.flatMap(multipart, ({ json }) => json)
      assert.deepStrictEqual(received, ["a=one\r\ntwo", "f:x.txt=content"])
      const params = HttpClientRequest.post(url).pipe(HttpClientRequest.bodyUrlParams({ b: "?ü" }), HttpClient.execute)
      assert.deepStrictEqual(yield* Effect.flatMap(params, ({ json }) => json), { b: "?ü" })
    })
  )

  live("waits for 100 Continue before it sends the body", () =>
    Effect.gen(function* () {
      const { requests, url } = yield* scripted(["HTTP/1.1 100 Continue\r\n\r\n", length("ok")])
      const options = { body: HttpBody.text("body"), headers: { expect: "100-continue" } }
      assert.strictEqual(yield* Effect.flatMap(HttpClient.post(url, options), (response) => response.text), "ok")
      assert.strictEqual(requests[1], "body")
    })
  )

  simulated(
    "limits the connections to an origin",
    {
      app: Effect.as(Effect.sleep("1 second"), HttpServerResponse.empty()),
      client: { maxConnectionsPerOrigin: 2 }
    },
    (url) =>
      Effect.gen(function* () {
        const started = yield* Effect.clockWith((clock) => clock.currentTimeMillis)
        yield* Effect.replicateEffect(HttpClient.get(url), 6, { concurrency: "unbounded" })
        const took = (yield* Effect.clockWith((clock) => clock.currentTimeMillis)) - started
        assert.isAtLeast(took, 3_000)
        assert.isBelow(took, 4_000)
      })
  )

  simulated(
    "sends an idempotent request again if the server has closed its kept connection meanwhile",
    {
      app: Effect.succeed(HttpServerResponse.text("ok")),
      server: { limits: { keepAliveTimeout: "1 second" } },
      plan: "delay=400ms"
    },
    (url) =>
      Effect.gen(function* () {
        yield* text(url)
        // The server's FIN is under way when the request is sent.
        for (let step = 0; step < 10; step++) {
          yield* Effect.sleep(100 * step)
          assert.strictEqual(yield* text(url), "ok")
        }
      })
  )
})
