import { assert, describe } from "@effect/vitest"
import * as Effect from "effect/Effect"
import * as Exit from "effect/Exit"
import * as Fiber from "effect/Fiber"
import * as Scope from "effect/Scope"
import * as Stream from "effect/Stream"
import * as Fallback from "../../../src/tftp/fallback/Fallback.ts"
import * as FileStore from "../../../src/tftp/store/FileStore.ts"
import * as MemoryStore from "../../../src/tftp/store/MemoryStore.ts"
import { bytesOf, put, request } from "../../support/Files.ts"
import { pseudoRandomBytes } from "../../support/Hosts.ts"
import * as Fallbacks from "../../support/tftp/Fallbacks.ts"
import * as HttpFiles from "../../support/tftp/HttpFiles.ts"

const { chunks, status, text } = HttpFiles

/** Starts a server, and makes a fallback to it. */
const open = Effect.fnUntraced(function* (
  answers: Record<string, HttpFiles.Answer>,
  options: Omit<Fallback.Options, "url"> = {}
) {
  const server = yield* HttpFiles.serve(answers)
  return { server, store: yield* Fallback.make({ url: server.url, ...options }) }
})

const outcomes = (store: Parameters<typeof Fallbacks.read>[0], names: ReadonlyArray<string>) =>
  Effect.map(
    Effect.forEach(names, (name) => Fallbacks.read(store, name)),
    (texts) => Object.fromEntries(texts.map((text, index) => [names[index]!, text]))
  )

/** Answers with a part of a file of 10 bytes, and then does as the test says. */
const begun =
  (go: HttpFiles.Answer): HttpFiles.Answer =>
  (response, request) => {
    response.writeHead(200, { "content-length": 10 }).write("01234", () => go(response, request))
  }

describe("Fallback", () => {
  Fallbacks.test("reads files with their size, and missing ones are NotFound", () =>
    Effect.gen(function* () {
      const { server, store } = yield* open({
        "/boot/a%20b/f": text("hello"),
        "/boot/empty": text(""),
        "/boot/caf%E9": text("latin"),
        "/boot/chunks": chunks("of unknown size"),
        "/boot/gone": status(410)
      })
      assert.deepStrictEqual(yield* outcomes(store, ["\\a b\\f", "empty", "x/../caf\udce9", "chunks", "gone", "no"]), {
        "\\a b\\f": "5 hello",
        empty: "0 ",
        "x/../caf\udce9": "5 latin",
        chunks: "? of unknown size",
        gone: '"gone": no such file or folder',
        no: '"no": no such file or folder'
      })
      assert.deepStrictEqual(server.requests.slice(0, 2), ["/boot/a%20b/f", "/boot/empty"])
    })
  )

  Fallbacks.test("never leaves the URL of the folder", () =>
    Effect.gen(function* () {
      const secret = text("secret")
      const { server, store } = yield* open({
        "/secret": secret,
        "/boot/%2e%2e/secret": secret,
        "/boot/%252e%252e/secret": secret
      })
      const refused = [
        "../secret",
        "a/../../secret",
        "%2e%2e/secret",
        "%252e%252e/secret",
        "..%2fsecret",
        "..%5csecret"
      ]
      for (const name of refused) {
        const error = yield* Effect.flip(Effect.scoped(store.read(request(name))))
        assert.strictEqual(error.code, 2, name)
        assert.match(error.message, /: outside of the root; request a name below it$/)
      }
      assert.deepStrictEqual(server.requests, [])
    })
  )

  Fallbacks.test("follows at most 5 redirects, inside of the folder only", () =>
    Effect.gen(function* () {
      const { server, store } = yield* open({
        "/boot/f": text("hello"),
        "/boot/moved": status(302, { location: "f" }),
        "/boot/far": status(301, { location: "/boot/far/4" }),
        "/boot/further": status(308, { location: "/boot/far/5" }),
        "/boot/loop": status(307, { location: "loop" }),
        "/boot/nowhere": status(302),
        "/boot/out": status(302, { location: "/secret" }),
        "/boot/up": status(302, { location: "%2e%2e/secret" }),
        "/boot/evil": status(302, { location: "http://192.0.2.1/boot/f" }),
        ...Object.fromEntries(
          [1, 2, 3, 4, 5].map((left) => [
            `/boot/far/${left}`,
            status(302, { location: left === 1 ? "/boot/f" : `${left - 1}` })
          ])
        ),
        "/secret": text("secret")
      })
      const outside = (name: string, location: string) =>
        `"${name}": fetching ${server.url}${name} failed: redirected to ${location}, outside of ${server.url}; serve the file below it`
      const names = ["moved", "far", "further", "loop", "nowhere", "out", "up", "evil"]
      assert.deepStrictEqual(yield* outcomes(store, names), {
        moved: "5 hello",
        far: "5 hello",
        further: `"further": fetching ${server.url}far/1 failed: more than 5 redirects`,
        loop: `"loop": fetching ${server.url}loop failed: more than 5 redirects`,
        nowhere: `"nowhere": fetching ${server.url}nowhere failed: the server replied with status 302`,
        out: outside("out", "/secret"),
        up: outside("up", "%2e%2e/secret"),
        evil: outside("evil", "http://192.0.2.1/boot/f")
      })
      assert.notInclude(server.requests, "/secret")
    })
  )

  Fallbacks.test("fails for a server that sends more, less, nothing, or something else", () =>
    Effect.gen(function* () {
      const { server, store } = yield* open(
        {
          "/boot/more": (response) => response.writeHead(200, { "content-length": 5 }).end("0123456789"),
          "/boot/less": begun((response) => response.socket!.end()),
          "/boot/dies": begun((response) => response.socket!.destroy()),
          "/boot/reset": begun((response) => response.socket!.resetAndDestroy()),
          "/boot/closes": (response) => response.socket!.destroy(),
          "/boot/garbage": (response) => response.socket!.end("SSH-2.0-OpenSSH_9.2\r\n"),
          "/boot/error": status(503),
          "/boot/odd": (response) => response.socket!.end("HTTP/1.1 999 Odd\r\ncontent-length: 0\r\n\r\n"),
          "/boot/partial": status(206),
          "/boot/unasked": status(304),
          "/boot/gzip": text("x", { "content-encoding": "gzip" }),
          "/boot/large": (response) => response.writeHead(200, { "content-length": 1e12 }).end("x"),
          "/boot/endless": (response) => {
            const chunk = Buffer.alloc(65_536)
            const go = () => {
              while (!response.destroyed && response.write(chunk));
            }
            response.on("drain", go)
            go()
          }
        },
        { maxFileBytes: 1_000_000 }
      )
      const names = Object.keys(server.answers).map((path) => path.replace("/boot/", ""))
      const failed = (name: string, why: string) => `"${name}": fetching ${server.url}${name} failed: ${why}`
      const streamFailed = (name: string, why: string) => `fetching ${server.url}${name} failed: ${why}`
      const closed = "the server closed the connection before the end"
      const tooLarge = "larger than the limit of 1000000 bytes; raise the limit"
      assert.deepStrictEqual(yield* outcomes(store, names), {
        more: streamFailed("more", "the server sent more bytes than announced"),
        less: streamFailed("less", closed),
        dies: streamFailed("dies", closed),
        reset: streamFailed("reset", closed),
        closes: failed("closes", closed),
        garbage: failed("garbage", "the reply is not HTTP"),
        error: failed("error", "the server replied with status 503"),
        odd: failed("odd", "the server replied with status 999"),
        partial: failed("partial", "the server replied with status 206"),
        unasked: failed("unasked", "the server replied with status 304"),
        gzip: failed("gzip", "the server sent the file in the encoding gzip; serve it as it is"),
        large: failed("large", tooLarge),
        endless: streamFailed("endless", tooLarge)
      })
    })
  )

  Fallbacks.test("fails for a server that does not reply, or does not go on", () =>
    Effect.gen(function* () {
      const { server, store } = yield* open(
        { "/boot/stalls": begun(() => {}), "/boot/hangs": () => {} },
        { idleTimeout: "50 millis" }
      )
      const stalls = "the server sent nothing for 0.05 s; check the server, or allow more time"
      assert.strictEqual(yield* Fallbacks.read(store, "stalls"), `fetching ${server.url}stalls failed: ${stalls}`)
      const impatient = yield* Fallback.make({ url: server.url, connectTimeout: "50 millis" })
      const hangs = "no reply in 0.05 s; check the server, or allow more time"
      assert.strictEqual(
        yield* Fallbacks.read(impatient, "hangs"),
        `"hangs": fetching ${server.url}hangs failed: ${hangs}`
      )
    })
  )

  Fallbacks.test("says that the server is not there", () =>
    Effect.gen(function* () {
      const { server, store } = yield* open({})
      yield* server.close
      const error = yield* Effect.flip(Effect.scoped(store.read(request("f"))))
      assert.strictEqual(error.message, `"f": fetching ${server.url}f failed: connection refused`)
      assert.strictEqual(error.code, 0)
      assert.strictEqual(error.peerMessage, "The file cannot be fetched, try again later")
    })
  )

  Fallbacks.test("sends the user and the password of the URL, and shows neither", () =>
    Effect.gen(function* () {
      const server = yield* HttpFiles.serve({
        "/boot/f": (response, { headers }) => text(headers.authorization ?? "none")(response, response.req),
        "/boot/no": status(401)
      })
      const store = yield* Fallback.make({ url: server.url.replace("//", "//me:pw@") })
      assert.deepStrictEqual(yield* outcomes(store, ["f", "no"]), {
        f: `${6 + btoa("me:pw").length} Basic ${btoa("me:pw")}`,
        no: `"no": fetching ${server.url}no failed: the server replied with status 401`
      })
    })
  )

  Fallbacks.test("limits the concurrent fetches, and ends those that nobody reads", () =>
    Effect.gen(function* () {
      const { server, store } = yield* open({ "/boot/f": begun(() => {}), "/boot/g": text("g") }, { maxFetches: 1 })
      const scope = yield* Scope.make()
      yield* Scope.provide(store.read(request("f")), scope)
      const waiting = yield* Effect.forkScoped(Fallbacks.read(store, "g"), { startImmediately: true })
      assert.deepStrictEqual(server.requests, ["/boot/f"])
      yield* Scope.close(scope, Exit.void)
      assert.strictEqual(yield* Fiber.join(waiting), "1 g")

      const busy = yield* Fallback.make({ url: server.url, maxFetches: 1, connectTimeout: "1 second" })
      yield* busy.read(request("f"))
      const why = "too many concurrent fetches (limit 1); raise the limit"
      assert.strictEqual(yield* Fallbacks.read(busy, "g"), `"g": fetching ${server.url}g failed: ${why}`)
    })
  )

  Fallbacks.test("reads no faster than the client", () =>
    Effect.gen(function* () {
      const bytes = pseudoRandomBytes(32 * 1_024 * 1_024)
      let unsent = () => 0
      const { store } = yield* open({
        "/boot/f": (response) => {
          response.writeHead(200, { "content-length": bytes.length }).end(bytes)
          unsent = () => response.writableLength
        },
        "/boot/g": text("g")
      })
      const pull = yield* Stream.toPull(Fallbacks.contentOf(yield* store.read(request("f"))))
      yield* pull
      for (let times = 0; times < 50; times++) assert.strictEqual(yield* Fallbacks.read(store, "g"), "1 g")
      assert.isAbove(unsent(), 0)
    })
  )

  Fallbacks.test("serves files that the first store does not have, and takes no uploads", () =>
    Effect.gen(function* () {
      const { server, store } = yield* open({ "/boot/f": text("remote"), "/boot/g": text("remote g") })
      const files = new Map([["f", bytesOf("local")]])
      const both = FileStore.orElse(MemoryStore.make({ files, write: "create" }), store)
      assert.deepStrictEqual(yield* outcomes(both, ["f", "g", ".."]), {
        f: "5 local",
        g: "8 remote g",
        "..": '"..": outside of the root; request a name below it'
      })
      assert.deepStrictEqual(server.requests, ["/boot/g"])
      assert.strictEqual(yield* put(both, "new", "text"), "done")
      assert.strictEqual(yield* put(both, "f", "text"), "Exists")
      assert.strictEqual(
        yield* put(both, "nofolder/f", "text"),
        yield* put(MemoryStore.make({ write: "create" }), "no/f", "x")
      )
      const readOnly = FileStore.orElse(MemoryStore.make({ files }), store)
      assert.strictEqual(yield* put(readOnly, "f", "text"), "AccessDenied ReadOnly")
      assert.strictEqual(yield* put(store, "f", "text"), "AccessDenied Remote")
    })
  )

  Fallbacks.test("refuses a URL that is not one of a folder", () =>
    Effect.gen(function* () {
      const error = yield* Effect.flip(Fallback.make({ url: "gopher://host/" }))
      assert.strictEqual(error._tag, "FallbackUrlError")
    })
  )
})
