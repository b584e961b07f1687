import { assert, describe, it } from "@effect/vitest"
import * as Effect from "effect/Effect"
import * as Exit from "effect/Exit"
import * as Scope from "effect/Scope"
import * as Stream from "effect/Stream"
import * as PageHub from "../../src/web/PageHub.ts"
import * as Handles from "../support/Handles.ts"
import * as Pages from "../support/web/Pages.ts"
import * as QuietLog from "../support/web/QuietLog.ts"
import * as Rows from "../support/web/Rows.ts"

const test = (name: string, body: Effect.Effect<void, unknown, Scope.Scope>) =>
  it.live(name, () => Handles.assertNoLeaks(Effect.scoped(body)))

/** Returns the status of each response in what a connection has received. */
const statuses = (text: string) => Array.from(text.matchAll(/HTTP\/1\.1 (\d+) /g), ([, status]) => Number(status))

/** Returns the code of the frame that closes a WebSocket, as the last frame received. */
const closeCode = (text: string) => {
  const bytes = Buffer.from(text, "latin1")
  const at = bytes.lastIndexOf(0x88)
  return at < 0 ? undefined : bytes.readUInt16BE(at + 2)
}

const host = "Host: 127.0.0.1"

/** A second request, hidden in what may be the body of the first. */
const hidden = `GET /assets/main-1a2b.js HTTP/1.1\r\n${host}\r\n\r\n`

const hiddenBytes = hidden.length.toString(16)

/** Requests on which two parsers may differ, with the statuses of all responses to each. */
const ambiguous: ReadonlyArray<readonly [name: string, text: string, expected: ReadonlyArray<number>]> = [
  [
    "a length and chunks",
    `GET / HTTP/1.1\r\n${host}\r\nContent-Length: 5\r\nTransfer-Encoding: chunked\r\n\r\n0\r\n\r\n${hidden}`,
    [400]
  ],
  [
    "chunks and a length",
    `GET / HTTP/1.1\r\n${host}\r\nTransfer-Encoding: chunked\r\nContent-Length: 5\r\n\r\n0\r\n\r\n${hidden}`,
    [400]
  ],
  ["two lengths", `GET / HTTP/1.1\r\n${host}\r\nContent-Length: 0\r\nContent-Length: 9\r\n\r\n${hidden}`, [400]],
  ["a list of lengths", `GET / HTTP/1.1\r\n${host}\r\nContent-Length: 0, 9\r\n\r\n${hidden}`, [400]],
  ["a length with a sign", `GET / HTTP/1.1\r\n${host}\r\nContent-Length: +9\r\n\r\n${hidden}`, [400]],
  ["another coding", `GET / HTTP/1.1\r\n${host}\r\nTransfer-Encoding: xchunked\r\n\r\n${hidden}`, [413]],
  ["chunks that are not last", `GET / HTTP/1.1\r\n${host}\r\nTransfer-Encoding: chunked, x\r\n\r\n${hidden}`, [400]],
  ["a space before the colon", `GET / HTTP/1.1\r\n${host}\r\nTransfer-Encoding : chunked\r\n\r\n${hidden}`, [400]],
  ["a folded header", `GET / HTTP/1.1\r\n${host}\r\nX: a\r\n b\r\n\r\n`, [400]],
  ["a header without a colon", `GET / HTTP/1.1\r\n${host}\r\nX\r\n\r\n`, [400]],
  ["a zero byte", `GET / HTTP/1.1\r\n${host}\r\nX: a\0b\r\n\r\n`, [400]],
  ["a carriage return in a header", `GET / HTTP/1.1\r\n${host}\r\nX: a\rb\r\n\r\n`, [400]],
  ["no host", `GET / HTTP/1.1\r\n\r\n`, [400]],
  ["two hosts", `GET / HTTP/1.1\r\n${host}\r\nHost: rebound.example\r\nConnection: close\r\n\r\n`, [421]],
  ["the same host twice", `GET / HTTP/1.1\r\n${host}\r\n${host}\r\nConnection: close\r\n\r\n`, [421]],
  ["a host in the target", `GET http://rebound.example/ HTTP/1.1\r\n${host}\r\nConnection: close\r\n\r\n`, [421]],
  ["a bad version", `GET / HTTP/3.7\r\n${host}\r\n\r\n`, [400]],
  ["a method in lower case", `get / HTTP/1.1\r\n${host}\r\n\r\n`, [400]],
  ["bytes that are not a request", "\x16\x03\x01\x02\x00\x01\x00\x01\xfc\x03\x03", [400]],
  // Whole bodies: the page takes none, and closes the connection after its response.
  ["a body", `GET / HTTP/1.1\r\n${host}\r\nContent-Length: ${hidden.length}\r\n\r\n${hidden}`, [413]],
  [
    "a body in chunks",
    `GET / HTTP/1.1\r\n${host}\r\nTransfer-Encoding: chunked\r\n\r\n${hiddenBytes}\r\n${hidden}\r\n0\r\n\r\n`,
    [413]
  ],
  [
    "a body before an upgrade",
    `GET /rpc HTTP/1.1\r\n${host}\r\n${Pages.upgradeLines.join("\r\n")}\r\nContent-Length: ${hidden.length}\r\n\r\n${hidden}`,
    [413]
  ],
  ["another method", `POST / HTTP/1.1\r\n${host}\r\nContent-Length: 0\r\nConnection: close\r\n\r\n`, [405]],
  ["a tunnel", `CONNECT 127.0.0.1:22 HTTP/1.1\r\n${host}\r\n\r\n`, []]
]

const paths = [
  ...["/../package.json", "/assets/../../package.json", "/%2e%2e/package.json", "/..%2fpackage.json", "//etc/passwd"],
  ...["/assets/", "/assets", "/index.html/", "/INDEX.HTML", "/index.html%00.js", "/\\..\\package.json", "/.", "*"],
  ...["/assets/main-1a2b.js.br", "/__proto__", "/constructor", "/rpc/", "/%"]
]

describe("NodePageServer", () => {
  for (const [name, text, expected] of ambiguous) {
    test(
      `a request with ${name} has one response or none, and no successor on its connection`,
      QuietLog.silently(
        Effect.gen(function* () {
          const port = yield* Pages.start({ timeout: "2 seconds" })
          const received = yield* Effect.promise(() => Pages.rawConnect(port, text).closed)
          assert.deepStrictEqual(statuses(received), expected)
          assert.notInclude(received, "console.log")
          const next = yield* Effect.promise(() => Pages.rawConnect(port, Pages.request("/")).closed)
          assert.deepStrictEqual(statuses(next), [200])
        })
      )
    )
  }

  test(
    "a path that is not one of an asset is 404, whatever it means elsewhere",
    QuietLog.silently(
      Effect.gen(function* () {
        const port = yield* Pages.start()
        for (const path of paths) {
          const received = yield* Effect.promise(() => Pages.rawConnect(port, Pages.request(path)).closed)
          assert.deepStrictEqual(statuses(received), [404], path)
        }
      })
    )
  )

  test(
    "headers and paths that are too long are refused",
    Effect.gen(function* () {
      const port = yield* Pages.start()
      for (const text of [
        Pages.request(`/${"a".repeat(20_000)}`),
        Pages.request("/", [`X: ${"a".repeat(20_000)}`]),
        Pages.upgrade([`X: ${"a".repeat(20_000)}`])
      ]) {
        assert.deepStrictEqual(statuses(yield* Effect.promise(() => Pages.rawConnect(port, text).closed)), [431])
      }
    })
  )

  test(
    "a WebSocket of another site, or of a name that another site resolves to this host, is refused and logged once",
    Effect.gen(function* () {
      const { lines, layer } = QuietLog.recorder()
      yield* Effect.gen(function* () {
        const port = yield* Pages.start()
        const cases = [
          [Pages.upgrade(["Origin: http://other.example"]), 403],
          [Pages.upgrade(["Origin: http://127.0.0.1:3000"]), 403],
          [Pages.upgrade(["Origin: null"]), 403],
          [Pages.upgrade(["Origin: http://127.0.0.1", "Origin: http://127.0.0.1"]), 403],
          [Pages.upgrade(["Sec-Fetch-Site: cross-site"]), 403],
          [Pages.upgrade(["Origin: http://rebound.example:8066"], "rebound.example:8066"), 421],
          [Pages.upgrade([], "rebound.example"), 421],
          [Pages.request("/", ["Upgrade: websocket"]).replace("127.0.0.1", "rebound.example"), 421]
        ] as const
        for (const [text, status] of cases) {
          assert.deepStrictEqual(statuses(yield* Effect.promise(() => Pages.rawConnect(port, text).closed)), [status])
        }
        const allowed = Pages.rawConnect(port, Pages.upgrade([`Origin: http://127.0.0.1:${port}`], `127.0.0.1:${port}`))
        yield* Effect.promise(() => new Promise((resolve) => allowed.socket.once("data", resolve)))
        assert.deepStrictEqual(statuses(allowed.received().toString()), [101])
        allowed.socket.destroy()
      }).pipe(Effect.provide(layer))
      assert.deepStrictEqual(lines, [
        'page: a request with the origin "http://other.example" was refused; further ones are not logged',
        'page: a request with the host "rebound.example:8066" was refused; further ones are not logged'
      ])
    })
  )

  test(
    "a client that does not close its side after the refusal of an upgrade is reset",
    Effect.gen(function* () {
      const port = yield* Pages.start()
      const client = Pages.rawConnect(port, Pages.upgrade(["Origin: null"]), { allowHalfOpen: true })
      // A write after the reset closes this side too.
      const timer = setInterval(() => client.socket.write("x"), 20)
      const received = yield* Effect.promise(() => client.closed)
      clearInterval(timer)
      assert.deepStrictEqual(statuses(received), [403])
    })
  )

  test(
    "a handshake or a frame that breaks the protocol ends its connection only, with the code of RFC 6455",
    QuietLog.silently(
      Effect.gen(function* () {
        const port = yield* Pages.start()
        const watcher = yield* Pages.connect(port)
        yield* watcher.about({ token: "" })
        const handshakes = [
          Pages.upgrade().replace(/Sec-WebSocket-Key.*\r\n/, ""),
          Pages.upgrade().replace("Version: 13", "Version: 7"),
          Pages.upgrade().replace(/Key: .*\r\n/, "Key: short\r\n")
        ]
        for (const text of handshakes) {
          assert.deepStrictEqual(statuses(yield* Effect.promise(() => Pages.rawConnect(port, text).closed)), [400])
        }
        const frames = [
          [Pages.frame("{}", { mask: false }), 1002],
          [Pages.frame("{}", { opcode: 3 }), 1002],
          [Pages.frame("x".repeat(5_000)), 1009],
          [Pages.frame(Uint8Array.of(0xff, 0xfe)), 1007],
          [Buffer.from([0x01, 0xff, 0x7f, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0, 0, 0, 0]), 1009]
        ] as const
        for (const [bytes, code] of frames) {
          const client = yield* Pages.rawBrowser(port)
          client.socket.write(bytes)
          assert.strictEqual(closeCode(yield* Effect.promise(() => client.closed)), code)
        }
        assert.strictEqual((yield* watcher.about({ token: "" })).version, "1.2.3")
      })
    )
  )

  test(
    "messages that are not of effect/rpc are answered, and harm no other request of the browser",
    QuietLog.silently(
      Effect.gen(function* () {
        const client = yield* Pages.rawBrowser(yield* Pages.start())
        const texts = [
          ...["", "x", "null", "1", "[]", "[null,1]", '{"_tag":"Request"}', '{"_tag":"Ack","requestId":{}}'],
          ...['{"_tag":"Request","id":"1","tag":"toString","payload":{}}', '{"_tag":"Interrupt","requestId":"9"}'],
          ...['{"_tag":"Request","id":"2","tag":"about","payload":{"token":""},"headers":5}', '{"_tag":"Ack"}'],
          ...['{"_tag":"Request","id":"3","tag":"watch","isNotification":true}', "[".repeat(2_000)]
        ]
        for (const text of texts) client.socket.write(Pages.frame(text))
        client.send({ _tag: "Request", id: "last", tag: "about", payload: { token: "" } })
        yield* Effect.promise(
          () =>
            new Promise<void>((resolve) => {
              const check = () => client.received().includes('"requestId":"last"') && resolve()
              client.socket.on("data", check)
              check()
            })
        )
        assert.match(client.received().toString(), /"requestId":"2","exit":\{"_tag":"Success"/)
        assert.match(client.received().toString(), /"requestId":"1","exit":\{"_tag":"Failure"/)
      })
    )
  )

  test(
    "a flood of messages slows down its own connection only",
    Effect.gen(function* () {
      const port = yield* Pages.start()
      const flood = yield* Pages.rawBrowser(port)
      const ping = Pages.frame('{"_tag":"Ping"}')
      flood.socket.write(Buffer.concat(Array.from({ length: 20_000 }, () => ping)))
      const other = yield* Pages.connect(port)
      for (let count = 0; count < 20; count++) yield* other.about({ token: "" })
      const answers = flood.received().toString().split("Pong").length - 1
      assert.isAbove(answers, 0)
      assert.isBelow(answers, 2_000)
    })
  )

  test(
    "a browser that does not answer pings is disconnected, and one that does is not",
    Effect.gen(function* () {
      const port = yield* Pages.start({ pingInterval: "100 millis" })
      const alive = yield* Pages.connect(port)
      yield* alive.about({ token: "" })
      const watching = yield* Effect.forkScoped(Stream.runDrain(alive.watch()), { startImmediately: true })
      for (let count = 0; count < 2; count++) {
        const silent = yield* Pages.rawBrowser(port)
        yield* Effect.promise(() => silent.closed)
      }
      assert.isUndefined(watching.pollUnsafe())
    })
  )

  test(
    "a browser that reads nothing, but says that it does, is disconnected",
    Effect.gen(function* () {
      const hub = yield* PageHub.makeWith({ interval: "1 millis" })
      let sample = 0
      const file = "x".repeat(4_000)
      const maxAcks = 1_000
      yield* hub.register({
        transfers: Effect.sync(() => {
          sample++
          return Array.from({ length: 100 }, (_, id) => Rows.transfer(id, { file, bytes: sample }))
        })
      })
      const port = yield* Pages.start({ hub, maxBufferedBytes: 100_000 })
      const honest = yield* Pages.connect(port)
      const client = yield* Pages.rawBrowser(port)
      client.socket.pause()
      client.send({ _tag: "Request", id: "1", tag: "watch", payload: null })
      // Some twenty parts fill the buffers of the kernel.
      const acknowledged = yield* Effect.callback<number>((resume) => {
        let acks = 0
        const end = () => {
          clearInterval(timer)
          resume(Effect.succeed(acks))
        }
        client.socket.once("error", end)
        void client.closed.then(end)
        const timer = setInterval(() => {
          client.send({ _tag: "Ack", requestId: "1" })
          if (++acks === maxAcks) end()
        }, 10)
        return Effect.sync(() => clearInterval(timer))
      }).pipe(Effect.ensuring(Effect.sync(() => client.socket.destroy())))
      assert.isBelow(acknowledged, maxAcks)
      assert.strictEqual((yield* honest.about({ token: "" })).version, "1.2.3")
    })
  )

  test(
    "a browser that reads nothing, and says so, costs one update",
    Effect.gen(function* () {
      const hub = yield* PageHub.makeWith({ interval: "1 millis" })
      let sample = 0
      yield* hub.register({ transfers: Effect.sync(() => [Rows.transfer(1, { bytes: ++sample })]) })
      const port = yield* Pages.start({ hub })
      const silent = yield* Pages.rawBrowser(port)
      silent.send({ _tag: "Request", id: "1", tag: "watch", payload: null })
      const other = yield* Pages.connect(port)
      yield* Stream.runDrain(Stream.take(other.watch(), 50))
      assert.lengthOf(
        silent
          .received()
          .toString()
          .match(/"Chunk"/g) ?? [],
        1
      )
    })
  )

  test(
    "requests are answered although more clients than the limit send nothing, and no browser is disconnected for them",
    Effect.gen(function* () {
      const port = yield* Pages.start({ maxConnections: 4, timeout: "1 hour" })
      const watcher = yield* Pages.connect(port)
      const watching = yield* Effect.forkScoped(Stream.runDrain(watcher.watch()), { startImmediately: true })
      yield* watcher.about({ token: "" })
      const hung = Array.from({ length: 20 }, () => Pages.rawConnect(port, "GET / HTTP/1.1\r\nX-"))
      yield* Effect.promise(() => Promise.all(hung.map(({ opened }) => opened)))
      const received = yield* Effect.promise(() => Pages.rawConnect(port, Pages.request("/")).closed)
      assert.deepStrictEqual(statuses(received), [200])
      assert.isUndefined(watching.pollUnsafe())
      yield* watcher.about({ token: "" })
      for (const { socket } of hung) socket.destroy()
    })
  )

  test(
    "a request that does not arrive is disconnected within the timeout",
    Effect.gen(function* () {
      const port = yield* Pages.start({ timeout: "100 millis" })
      for (const text of ["", "GET / HTTP/1.1\r\nX-", Pages.upgrade().slice(0, -2)]) {
        yield* Effect.promise(() => Pages.rawConnect(port, text).closed)
      }
    })
  )

  test(
    "a connection serves one request after another",
    Effect.gen(function* () {
      const port = yield* Pages.start()
      const one = `GET / HTTP/1.1\r\n${host}\r\n\r\n`
      const text = one.repeat(9) + Pages.request("/assets/main-1a2b.js")
      const received = yield* Effect.promise(() => Pages.rawConnect(port, text).closed)
      assert.deepStrictEqual(
        statuses(received),
        Array.from({ length: 10 }, () => 200)
      )
    })
  )

  test(
    "closes its WebSockets with its scope: those that answer with code 1001, the others after a while",
    Effect.gen(function* () {
      const scope = yield* Scope.make()
      const port = yield* Scope.provide(Pages.start({ timeout: "1 hour" }), scope)
      const client = yield* Pages.rawBrowser(port)
      const idle = Pages.rawConnect(port, "")
      yield* Effect.promise(() => idle.opened)
      yield* Scope.close(scope, Exit.void)
      assert.strictEqual(closeCode(yield* Effect.promise(() => client.closed)), 1001)
      yield* Effect.promise(() => idle.closed)
    })
  )

  test(
    "fails if its port is in use",
    Effect.gen(function* () {
      const port = yield* Pages.start()
      assert.strictEqual((yield* Effect.flip(Pages.start({ port }))).reason, "AddressInUse")
    })
  )
})
