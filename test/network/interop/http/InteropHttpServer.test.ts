import { assert, describe } from "@effect/vitest"
import * as Deferred from "effect/Deferred"
import * as Effect from "effect/Effect"
import * as Exit from "effect/Exit"
import * as Fiber from "effect/Fiber"
import * as HttpServerRequest from "effect/http/HttpServerRequest"
import * as HttpServerResponse from "effect/http/HttpServerResponse"
import * as NetAddress from "effect/net/NetAddress"
import * as Option from "effect/Option"
import * as Scope from "effect/Scope"
import * as Stream from "effect/Stream"
import * as Network from "../../../../src/network/Network.ts"
import { exchange, live, readToEnd, serve } from "./HttpLab.ts"

const Request = HttpServerRequest.HttpServerRequest

/** Answers with the method, the target and the body. */
const echo = Effect.gen(function* () {
  const request = yield* Request
  return HttpServerResponse.text(`${request.method} ${request.url} ${yield* request.text}`)
})

const ok = Effect.succeed(HttpServerResponse.text("ok"))
const host = "Host: a\r\n"

/** Returns the status lines and bodies of responses with `Content-Length`. */
const summary = (text: string) =>
  [...text.matchAll(/HTTP\/1\.1 (\d+)[^\r]*\r\n(?:[^\r]+\r\n)*\r\n((?:(?!HTTP\/1\.1)[\s\S])*)/g)].map(
    ([, status, body]) => `${status} ${body}`
  )

const connect = (port: number) =>
  Effect.flatMap(Network.Network, (network) =>
    network.connect(NetAddress.inetAddressUnsafe(NetAddress.ipv4Loopback, port))
  )

describe("InteropHttpServer", () => {
  live("answers pipelined requests in their order", () =>
    Effect.gen(function* () {
      const port = yield* serve(echo)
      const text =
        `GET /1 HTTP/1.1\r\n${host}\r\n` +
        `POST /2 HTTP/1.1\r\n${host}Content-Length: 3\r\n\r\nabc` +
        `POST /3 HTTP/1.1\r\n${host}Transfer-Encoding: chunked\r\n\r\n2\r\nde\r\n1\r\nf\r\n0\r\n\r\n` +
        `GET /4 HTTP/1.1\r\n${host}Connection: close\r\n\r\n`
      assert.deepStrictEqual(summary(yield* exchange(port, text)), [
        "200 GET /1 ",
        "200 POST /2 abc",
        "200 POST /3 def",
        "200 GET /4 "
      ])
    })
  )

  live("takes the authority of an absolute target for the host", () =>
    Effect.gen(function* () {
      const app = Effect.map(Request, ({ headers, url }) => HttpServerResponse.text(`${headers.host} ${url}`))
      const port = yield* serve(app)
      const bodyOf = (target: string) =>
        Effect.map(
          exchange(port, `GET ${target} HTTP/1.1\r\nHost: other\r\nConnection: close\r\n\r\n`),
          (text) => summary(text)[0]
        )
      assert.strictEqual(yield* bodyOf("/x?y"), "200 other /x?y")
      assert.strictEqual(yield* bodyOf("http://b.test:8080/x?y"), "200 b.test:8080 /x?y")
      assert.strictEqual(yield* bodyOf("HTTP://user@[::1]"), "200 [::1] /")
    })
  )

  live("closes after HTTP/1.0, unless keep-alive is asked for", () =>
    Effect.gen(function* () {
      const port = yield* serve(echo)
      const answer = yield* exchange(port, "GET /1 HTTP/1.0\r\nConnection: keep-alive\r\n\r\nGET /2 HTTP/1.0\r\n\r\n")
      assert.deepStrictEqual(summary(answer), ["200 GET /1 ", "200 GET /2 "])
      assert.match(answer, /connection: keep-alive[\s\S]*connection: close/)
    })
  )

  live("sends a stream in chunks, or up to the end of the connection in HTTP/1.0", () =>
    Effect.gen(function* () {
      const body = Stream.make("ab", "", "c").pipe(Stream.encodeText)
      const port = yield* serve(Effect.succeed(HttpServerResponse.stream(body)))
      const chunked = yield* exchange(port, `GET / HTTP/1.1\r\n${host}Connection: close\r\n\r\n`)
      assert.match(chunked, /transfer-encoding: chunked[\s\S]*\r\n\r\n2\r\nab\r\n1\r\nc\r\n0\r\n\r\n$/)
      const plain = yield* exchange(port, "GET / HTTP/1.0\r\n\r\n")
      assert.notMatch(plain, /chunked|content-length/)
      assert.match(plain, /\r\n\r\nabc$/)
    })
  )

  live("sends no body to HEAD, 204 and 304", () =>
    Effect.gen(function* () {
      const app = Effect.map(Request, ({ url }) => HttpServerResponse.text("body", { status: Number(url.slice(1)) }))
      const port = yield* serve(app)
      const text =
        `HEAD /200 HTTP/1.1\r\n${host}\r\nGET /204 HTTP/1.1\r\n${host}\r\n` +
        `GET /304 HTTP/1.1\r\n${host}Connection: close\r\n\r\n`
      const answer = yield* exchange(port, text)
      assert.deepStrictEqual(summary(answer), ["200 ", "204 ", "304 "])
      assert.match(answer, /^HTTP\/1\.1 200 OK\r\n[\s\S]*?content-length: 4\r\n/)
      assert.notMatch(answer.slice(answer.indexOf("204"), answer.indexOf("304")), /content-length/)
    })
  )

  live("sends 100 Continue only if the body is read", () =>
    Effect.gen(function* () {
      const port = yield* serve(Effect.flatMap(Request, ({ url }) => (url === "/read" ? echo : ok)))
      const expecting = (path: string) =>
        `POST ${path} HTTP/1.1\r\n${host}Content-Length: 3\r\nExpect: 100-continue\r\n\r\n`
      const refusing = yield* exchange(port, expecting("/ignore"))
      assert.match(refusing, /^HTTP\/1\.1 200 OK[\s\S]*connection: close/)
      const connection = yield* connect(port)
      yield* connection.write(expecting("/read"))
      const interim = Buffer.from(yield* connection.pull).toString()
      assert.strictEqual(interim, "HTTP/1.1 100 Continue\r\n\r\n")
      yield* connection.write(`abcGET / HTTP/1.1\r\n${host}Connection: close\r\n\r\n`)
      assert.deepStrictEqual(summary(yield* readToEnd(connection)), ["200 POST /read abc", "200 ok"])
    })
  )

  live("refuses what is ambiguous or too large, and closes", () =>
    Effect.gen(function* () {
      const limits = { maxHeadSize: "1 kB", maxFields: 10, maxBodySize: 10 } as const
      const port = yield* serve(echo, { limits })
      const status = Effect.fnUntraced(function* (text: string) {
        return (yield* exchange(port, text)).slice(9, 12)
      })
      const post = `POST / HTTP/1.1\r\n${host}`
      assert.strictEqual(yield* status(`${post}Content-Length: 1\r\nTransfer-Encoding: chunked\r\n\r\n`), "400")
      assert.strictEqual(yield* status(`GET / HTTP/1.1\n${host}\n`), "400")
      assert.strictEqual(yield* status(`GET / HTTP/1.1\r\n\r\n`), "400")
      assert.strictEqual(yield* status(`GET / HTTP/3.0\r\n${host}\r\n`), "505")
      assert.strictEqual(yield* status(`${post}Transfer-Encoding: gzip, chunked\r\n\r\n`), "501")
      assert.strictEqual(yield* status(`${post}Expect: other\r\n\r\n`), "417")
      assert.strictEqual(yield* status(`GET /${"a".repeat(2_000)} HTTP/1.1\r\n${host}\r\n`), "431")
      assert.strictEqual(yield* status(`GET / HTTP/1.1\r\n${"X: a\r\n".repeat(11)}\r\n`), "431")
      assert.strictEqual(yield* status(`${post}Content-Length: 11\r\n\r\n12345678901`), "413")
      assert.strictEqual(yield* status(`${post}Transfer-Encoding: chunked\r\n\r\nb\r\n12345678901\r\n0\r\n\r\n`), "413")
      assert.strictEqual(yield* status(`${post}Transfer-Encoding: chunked\r\n\r\nx\r\n`), "400")
      assert.strictEqual(
        yield* status(`${post}Expect: 100-continue\r\nConnection: close\r\nContent-Length: 2\r\n\r\nab`),
        "100"
      )
    })
  )

  live("drops a short unread body, and closes before a long one", () =>
    Effect.gen(function* () {
      const port = yield* serve(ok)
      const short = `POST / HTTP/1.1\r\n${host}Content-Length: 3\r\n\r\nabcGET / HTTP/1.1\r\n${host}Connection: close\r\n\r\n`
      assert.deepStrictEqual(summary(yield* exchange(port, short)), ["200 ok", "200 ok"])
      const long = yield* exchange(port, `POST / HTTP/1.1\r\n${host}Content-Length: 300000\r\n\r\nabc`)
      assert.match(long, /connection: close/)
    })
  )

  live("interrupts a request whose client has gone", () =>
    Effect.gen(function* () {
      const started = yield* Deferred.make<void>()
      const interrupted = yield* Deferred.make<void>()
      // As with Node, a plain app is interruptible where it says so, and a route of `HttpRouter` always.
      const app = Effect.andThen(Deferred.succeed(started, undefined), Effect.never).pipe(
        Effect.onInterrupt(() => Deferred.succeed(interrupted, undefined)),
        Effect.interruptible
      )
      const port = yield* serve(app)
      const scope = yield* Scope.make()
      const connection = yield* Scope.provide(connect(port), scope)
      yield* connection.write(`GET / HTTP/1.1\r\n${host}\r\n`)
      yield* Deferred.await(started)
      yield* Scope.close(scope, Exit.void)
      yield* Deferred.await(interrupted)
    })
  )

  live("cuts a response off if its stream fails, so that the client notices", () =>
    Effect.gen(function* () {
      const body = Stream.concat(Stream.make("ab").pipe(Stream.encodeText), Stream.die("broken"))
      const port = yield* serve(Effect.succeed(HttpServerResponse.stream(body)))
      const answer = yield* exchange(port, `GET / HTTP/1.1\r\n${host}\r\n`)
      assert.notMatch(answer, /\r\n0\r\n\r\n$/)
    })
  )

  live("answers failures of the app by status, and keeps the connection", () =>
    Effect.gen(function* () {
      const app = Effect.flatMap(Request, ({ url }) => {
        if (url === "/die") return Effect.die("bug")
        if (url === "/field") return Effect.succeed(HttpServerResponse.text("a", { headers: { x: "a\nb" } }))
        return ok
      })
      const port = yield* serve(app)
      const get = (path: string, more = "") => `GET ${path} HTTP/1.1\r\n${host}${more}\r\n`
      const answer = yield* exchange(
        port,
        ["/die", "/field"].map((path) => get(path)).join("") + get("/", "Connection: close\r\n")
      )
      assert.deepStrictEqual(
        summary(answer).map((one) => one.slice(0, 3)),
        ["500", "500", "200"]
      )
    })
  )

  live("waits for the request at shutdown, and answers it with Connection: close", () =>
    Effect.gen(function* () {
      const started = yield* Deferred.make<void>()
      const proceed = yield* Deferred.make<void>()
      const app = Effect.andThen(Deferred.succeed(started, undefined), Effect.andThen(Deferred.await(proceed), ok))
      const scope = yield* Scope.make()
      const port = yield* Scope.provide(serve(app), scope)
      const connection = yield* connect(port)
      yield* connection.write(`GET / HTTP/1.1\r\n${host}\r\n`)
      yield* Deferred.await(started)
      const closing = yield* Effect.forkChild(Scope.close(scope, Exit.void), { startImmediately: true })
      yield* Deferred.succeed(proceed, undefined)
      assert.match(yield* readToEnd(connection), /^HTTP\/1\.1 200 OK\r\n[\s\S]*connection: close[\s\S]*ok$/)
      yield* Fiber.join(closing)
    })
  )

  live("answers no more requests on a connection than its limit", () =>
    Effect.gen(function* () {
      const port = yield* serve(echo, { limits: { maxRequestsPerConnection: 2 } })
      const answer = yield* exchange(port, `GET / HTTP/1.1\r\n${host}\r\n`.repeat(5))
      assert.deepStrictEqual(summary(answer), ["200 GET / ", "200 GET / "])
      assert.match(answer, /connection: close\r\n\r\nGET \/ $/)
    })
  )

  live("answers a client that has sent FIN, if allowHalfOpen is set", () =>
    Effect.gen(function* () {
      const started = yield* Deferred.make<void>()
      const proceed = yield* Deferred.make<void>()
      const app = Effect.andThen(Deferred.succeed(started, undefined), Effect.andThen(Deferred.await(proceed), ok))
      const port = yield* serve(Effect.interruptible(app), { allowHalfOpen: true })
      const connection = yield* connect(port)
      yield* connection.write(`GET / HTTP/1.1\r\n${host}\r\n`)
      yield* Deferred.await(started)
      yield* connection.end
      yield* Deferred.succeed(proceed, undefined)
      assert.deepStrictEqual(summary(yield* readToEnd(connection)), ["200 ok"])
    })
  )

  live("gives the app all parts of a request", () =>
    Effect.gen(function* () {
      const app = Effect.gen(function* () {
        const request = yield* Request
        const { cookies, headers, method, originalUrl, remoteAddress, url } = request
        const seen = { cookies, accept: headers.accept, type: headers["content-type"], method, originalUrl, url }
        const remote = Option.getOrThrow(remoteAddress)
        return yield* HttpServerResponse.json({ ...seen, remote, json: yield* request.json })
      })
      const port = yield* serve(app)
      const body = '{"a":[1]}'
      const answer = yield* exchange(
        port,
        `POST /p?q=1 HTTP/1.1\r\n${host}Cookie: x=1\r\nCookie: y=2\r\nAccept: a\r\nAccept: b\r\n` +
          "Content-Type: application/json\r\nContent-Type: text/plain\r\n" +
          `Content-Length: ${body.length}\r\nConnection: close\r\n\r\n${body}`
      )
      assert.deepStrictEqual(JSON.parse(answer.slice(answer.indexOf("\r\n\r\n"))), {
        cookies: { x: "1", y: "2" },
        accept: "a, b",
        type: "application/json",
        method: "POST",
        originalUrl: "http://a/p?q=1",
        url: "/p?q=1",
        remote: "127.0.0.1",
        json: { a: [1] }
      })
    })
  )
})
