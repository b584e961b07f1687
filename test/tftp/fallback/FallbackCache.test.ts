import * as Fs from "node:fs"
import * as Path from "node:path"
import { assert, describe } from "@effect/vitest"
import * as Clock from "effect/Clock"
import * as Effect from "effect/Effect"
import * as Exit from "effect/Exit"
import * as Fiber from "effect/Fiber"
import * as Scope from "effect/Scope"
import * as Stream from "effect/Stream"
import * as Fallback from "../../../src/tftp/fallback/Fallback.ts"
import type { FallbackCache } from "../../../src/tftp/fallback/FallbackCache.ts"
import * as NodeFallbackCache from "../../../src/tftp/fallback/NodeFallbackCache.ts"
import { ReadFailed } from "../../../src/tftp/store/FileStoreError.ts"
import { directory } from "../../support/Directory.ts"
import { request } from "../../support/Files.ts"
import * as Fallbacks from "../../support/tftp/Fallbacks.ts"
import * as HttpFiles from "../../support/tftp/HttpFiles.ts"

const { chunks, status, text } = HttpFiles
const { read, test } = Fallbacks

interface Options extends Omit<Fallback.Options, "cache" | "url"> {
  readonly maxBytes?: number
}

/** Starts a server, and makes fallbacks to it with a cache in a new folder. */
const open = Effect.fnUntraced(function* (answers: Record<string, HttpFiles.Answer>, options: Options = {}) {
  const server = yield* HttpFiles.serve(answers)
  const { root: folder } = yield* directory()
  const fallback = Effect.fnUntraced(function* ({ maxBytes, ...more }: Options = options) {
    const cache = yield* NodeFallbackCache.make({ folder, maxBytes })
    return { cache, store: yield* Fallback.make({ url: server.url, cache, ...more }) }
  })
  const files = (ending: string) => Fs.readdirSync(folder).filter((name) => name.endsWith(ending))
  return { server, folder, fallback, files }
})

/** Runs an effect with a clock that the test sets. */
const withClock = Effect.fnUntraced(function* () {
  const real = yield* Clock.Clock
  let offsetMillis = 0
  const clock: Clock.Clock = Object.assign(Object.create(real), {
    currentTimeMillis: Effect.map(real.currentTimeMillis, (millis) => millis + offsetMillis)
  })
  return {
    advance: (millis: number) =>
      Effect.sync(() => {
        offsetMillis += millis
      }),
    run: Effect.provideService(Clock.Clock, clock)
  }
})

/** Waits until the cache has the file of a path: it is added after the last byte was read. */
const kept = (cache: FallbackCache, url: string) =>
  Effect.gen(function* () {
    while (cache.find(url) === undefined) yield* Effect.yieldNow
  })

const minuteMillis = 60_000

describe("Fallback with a cache", () => {
  test("keeps a file, and validates it after its time to live", () =>
    Effect.gen(function* () {
      const clock = yield* withClock()
      const conditions: Array<string | undefined> = []
      let version = 1
      const { fallback, files, server } = yield* open({
        "/boot/f": (response, { headers }) => {
          conditions.push(headers["if-none-match"])
          const etag = `"${version}"`
          if (headers["if-none-match"] === etag) return status(304, { etag })(response, response.req)
          text(`version ${version}`, { etag })(response, response.req)
        }
      })
      yield* clock.run(
        Effect.gen(function* () {
          const { cache, store } = yield* fallback({ ttl: "1 minute" })
          assert.strictEqual(yield* read(store, "f"), "9 version 1")
          yield* kept(cache, `${server.url}f`)
          assert.strictEqual(yield* read(store, "f"), "9 version 1")
          assert.deepStrictEqual(conditions, [undefined])
          yield* clock.advance(minuteMillis)
          assert.strictEqual(yield* read(store, "f"), "9 version 1")
          assert.strictEqual(yield* read(store, "f"), "9 version 1")
          assert.deepStrictEqual(conditions, [undefined, '"1"'])
          version = 2
          yield* clock.advance(minuteMillis)
          assert.strictEqual(yield* read(store, "f"), "9 version 2")
          while (files(".data").length !== 1) yield* Effect.yieldNow
          assert.deepStrictEqual([files(".json").length, files(".data").length], [1, 1])
          assert.deepStrictEqual(conditions, [undefined, '"1"', '"1"'])
        })
      )
    }))

  test("validates by date, and fetches again without either", () =>
    Effect.gen(function* () {
      const date = "Wed, 21 Oct 2015 07:28:00 GMT"
      let sent = 0
      const { fallback, server } = yield* open({
        "/boot/dated": (response, { headers }) =>
          (headers["if-modified-since"] === date ? status(304) : text("dated", { "last-modified": date }))(
            response,
            response.req
          ),
        "/boot/plain": (response) => text(`plain ${++sent}`)(response, response.req)
      })
      const { cache, store } = yield* fallback({ ttl: 0 })
      assert.strictEqual(yield* read(store, "dated"), "5 dated")
      assert.strictEqual(yield* read(store, "plain"), "7 plain 1")
      yield* kept(cache, `${server.url}dated`)
      yield* kept(cache, `${server.url}plain`)
      assert.strictEqual(yield* read(store, "dated"), "5 dated")
      assert.strictEqual(yield* read(store, "plain"), "7 plain 2")
    }))

  test("fetches a file once for all that read it at the same time", () =>
    Effect.gen(function* () {
      let send = () => {}
      const content = "0123456789".repeat(20_000)
      const { fallback, server } = yield* open({
        "/boot/f": (response) => {
          response.writeHead(200, { "content-length": content.length }).write(content.slice(0, 10))
          send = () => response.end(content.slice(10))
        }
      })
      const { store } = yield* fallback()
      const readers = yield* Effect.forEach([1, 2, 3], () => Effect.forkScoped(read(store, "f")))
      yield* server.arrived(1)
      const early = yield* store.read(request("f"))
      yield* Stream.runHead(Fallbacks.contentOf(early))
      const late = yield* Effect.forkScoped(read(store, "f"))
      send()
      for (const reader of [...readers, late]) assert.strictEqual(yield* Fiber.join(reader), `200000 ${content}`)
      assert.strictEqual(yield* read(store, "f"), `200000 ${content}`)
      assert.strictEqual(server.requests.length, 1)
    }))

  test("goes on with a fetch whose reader has ended, as after a size probe", () =>
    Effect.gen(function* () {
      let send = () => {}
      const { fallback, server } = yield* open({
        "/boot/f": (response) => {
          response.writeHead(200, { "content-length": 5 }).flushHeaders()
          send = () => response.end("hello")
        }
      })
      const { cache, store } = yield* fallback()
      const { size } = yield* Effect.scoped(store.read(request("f")))
      assert.strictEqual(size, 5)
      send()
      yield* kept(cache, `${server.url}f`)
      assert.strictEqual(yield* read(store, "f"), "5 hello")
      assert.strictEqual(server.requests.length, 1)
    }))

  test("keeps nothing of a file that ended early, and fails all its readers", () =>
    Effect.gen(function* () {
      let die = () => {}
      const { fallback, files, server } = yield* open({
        "/boot/f": (response) => {
          response.writeHead(200, { "content-length": 10 }).write("01234")
          die = () => response.socket!.destroy()
        },
        "/boot/chunks": (response) => {
          response.write("01234", () => response.socket!.destroy())
        },
        "/boot/undelimited": (response) => {
          response.socket!.end("HTTP/1.0 200 OK\r\n\r\n01234")
        },
        "/boot/more": (response) => response.writeHead(200, { "content-length": 5 }).end("0123456789")
      })
      const { cache, store } = yield* fallback()
      const readers = yield* Effect.forEach([1, 2], () => Effect.forkScoped(read(store, "f")))
      yield* server.arrived(1)
      yield* Effect.scoped(
        Effect.flatMap(store.read(request("f")), (file) => Stream.runHead(Fallbacks.contentOf(file)))
      )
      die()
      const failed = (name: string, why: string) => `fetching ${server.url}${name} failed: ${why}`
      const closed = "the server closed the connection before the end"
      for (const reader of readers) assert.strictEqual(yield* Fiber.join(reader), failed("f", closed))
      assert.strictEqual(yield* read(store, "chunks"), failed("chunks", closed))
      assert.strictEqual(yield* read(store, "more"), failed("more", "the server sent more bytes than announced"))
      assert.strictEqual(yield* read(store, "undelimited"), "? 01234")
      while (files(".new").length > 0) yield* Effect.yieldNow
      for (const name of ["f", "chunks", "more", "undelimited"])
        assert.strictEqual(cache.find(`${server.url}${name}`), undefined)
      assert.deepStrictEqual([...files(".data"), ...files(".json")], [])
    }))

  test("serves a kept file if the server fails, unless that forbids it", () =>
    Effect.gen(function* () {
      const { fallback, server } = yield* open({
        "/boot/f": text("kept"),
        "/boot/strict": text("strict", { "cache-control": "max-age=60, must-revalidate" }),
        "/boot/removed": text("removed")
      })
      const { cache, store } = yield* fallback({ ttl: 0 })
      for (const name of ["f", "strict", "removed"]) {
        yield* read(store, name)
        yield* kept(cache, `${server.url}${name}`)
      }
      server.answers["/boot/removed"] = status(404)
      assert.strictEqual(yield* read(store, "removed"), '"removed": no such file or folder')
      assert.strictEqual(cache.find(`${server.url}removed`), undefined)
      server.answers["/boot/f"] = status(503)
      server.answers["/boot/strict"] = status(503)
      const before = server.requests.length
      assert.strictEqual(yield* read(store, "f"), "4 kept")
      assert.strictEqual(yield* read(store, "f"), "4 kept")
      assert.strictEqual(server.requests.length, before + 1)
      assert.strictEqual(
        yield* read(store, "strict"),
        `"strict": fetching ${server.url}strict failed: the server replied with status 503`
      )
    }))

  test("does not keep files that the server forbids to keep, or that are too large", () =>
    Effect.gen(function* () {
      const { fallback, files, server } = yield* open(
        {
          "/boot/private": text("private", { "cache-control": "private, No-Store" }),
          "/boot/fickle": text("fickle", { "cache-control": "no-cache" }),
          "/boot/large": text("x".repeat(101)),
          "/boot/growing": chunks("x".repeat(101))
        },
        { maxBytes: 100 }
      )
      const { store } = yield* fallback()
      assert.strictEqual(yield* read(store, "private"), "7 private")
      assert.strictEqual(yield* read(store, "fickle"), "6 fickle")
      assert.strictEqual(yield* read(store, "large"), `101 ${"x".repeat(101)}`)
      const why = "the cache failed: larger than 100 bytes, the size of the cache; raise the limit"
      assert.strictEqual(yield* read(store, "growing"), `fetching ${server.url}growing failed: ${why}`)
      // The next attempt does not use the cache.
      assert.strictEqual(yield* read(store, "growing"), `? ${"x".repeat(101)}`)
      assert.deepStrictEqual([...files(".data"), ...files(".new"), ...files(".json")], [])
    }))

  test("removes the least recently used files for new ones", () =>
    Effect.gen(function* () {
      const names = ["a", "b", "c"]
      const { fallback, files, server } = yield* open(
        Object.fromEntries(names.map((name) => [`/boot/${name}`, text(name.repeat(40))])),
        { maxBytes: 100 }
      )
      const { cache, store } = yield* fallback()
      const fetch = Effect.fnUntraced(function* (name: string) {
        assert.strictEqual(yield* read(store, name), `40 ${name.repeat(40)}`)
        yield* kept(cache, `${server.url}${name}`)
      })
      yield* fetch("a")
      yield* fetch("b")
      yield* fetch("a")
      yield* fetch("c")
      assert.deepStrictEqual(
        names.filter((name) => cache.find(`${server.url}${name}`) !== undefined),
        ["a", "c"]
      )
      assert.deepStrictEqual([files(".json").length, files(".data").length], [2, 2])
    }))

  test("finds its files after a restart, in the order of their use, and deletes what is not whole", () =>
    Effect.gen(function* () {
      const names = ["a", "b", "c"]
      const { fallback, files, folder, server } = yield* open(
        Object.fromEntries(names.map((name) => [`/boot/${name}`, text(name.repeat(40))]))
      )
      yield* Effect.scoped(
        Effect.gen(function* () {
          const { cache, store } = yield* fallback()
          for (const name of names) {
            yield* read(store, name)
            yield* kept(cache, `${server.url}${name}`)
          }
        })
      )
      const descriptionOf = (name: string) =>
        Path.join(
          folder,
          files(".json").find((file) => Fs.readFileSync(Path.join(folder, file), "utf8").includes(`/${name}"`))!
        )
      for (const [index, name] of ["c", "a", "b"].entries()) Fs.utimesSync(descriptionOf(name), index, index)
      const foreign = ["notes.txt", "x.json", "x.data"]
      for (const name of foreign) Fs.writeFileSync(Path.join(folder, name), "keep me")
      const hash = "0".repeat(32)
      for (const name of [`${hash}.json`, `${hash}.${"1".repeat(16)}.data`, `${hash}.${"1".repeat(16)}.new`])
        Fs.writeFileSync(Path.join(folder, name), "{}")
      yield* Effect.scoped(
        Effect.gen(function* () {
          const { cache, store } = yield* fallback({ maxBytes: 100 })
          assert.deepStrictEqual(
            names.filter((name) => cache.find(`${server.url}${name}`) !== undefined),
            ["a", "b"]
          )
          assert.strictEqual(yield* read(store, "a"), `40 ${"a".repeat(40)}`)
          assert.strictEqual(server.requests.length, 3)
          assert.deepStrictEqual([files(".json").length, files(".data").length, files(".new").length], [3, 3, 0])
        })
      )
      // A file that was cut is fetched again.
      const { file } = JSON.parse(Fs.readFileSync(descriptionOf("b"), "utf8")) as { readonly file: string }
      const { store } = yield* fallback()
      Fs.truncateSync(Path.join(folder, file), 5)
      assert.strictEqual(yield* read(store, "b"), `40 ${"b".repeat(40)}`)
      assert.strictEqual(server.requests.length, 4)
      for (const name of foreign) assert.strictEqual(Fs.readFileSync(Path.join(folder, name), "utf8"), "keep me")
    }))

  test("is used by one process at a time, and says why it cannot be used", () =>
    Effect.gen(function* () {
      const { fallback, folder } = yield* open({})
      yield* fallback()
      const locked = yield* Effect.flip(NodeFallbackCache.make({ folder }))
      assert.match(locked.message, /locked by process \d+; stop it or name another file$/)
      Fs.writeFileSync(Path.join(folder, "file"), "")
      const inFile = yield* Effect.flip(NodeFallbackCache.make({ folder: Path.join(folder, "file/below") }))
      assert.strictEqual(inFile.message, `${Path.join(folder, "file/below")}: a part of the path is not a directory`)
    }))

  test("serves without the cache if its folder fails", () =>
    Effect.gen(function* () {
      const { fallback, folder, server } = yield* open({ "/boot/f": text("hello") })
      const { store } = yield* fallback()
      Fs.rmSync(folder, { recursive: true })
      assert.strictEqual(yield* read(store, "f"), "5 hello")
      assert.strictEqual(yield* read(store, "f"), "5 hello")
      assert.strictEqual(server.requests.length, 2)
    }))

  test("fails once, and keeps its files, while no more files can be opened", () =>
    Effect.gen(function* () {
      const { fallback, server } = yield* open({ "/boot/f": text("hello") })
      const { cache, store } = yield* fallback()
      yield* read(store, "f")
      yield* kept(cache, `${server.url}f`)
      const reason = new ReadFailed({ cause: new Error("EMFILE: too many open files, open '/cache/x'") })
      for (const ttl of ["1 minute", 0] as const) {
        const full = yield* Fallback.make({
          url: server.url,
          cache: { ...cache, open: () => Effect.fail(reason) },
          ttl
        })
        server.answers["/boot/f"] = status(304)
        assert.strictEqual(yield* read(full, "f"), '"f": reading failed: too many open files')
      }
      assert.strictEqual(yield* read(store, "f"), "5 hello")
      assert.strictEqual(server.requests.length, 2)
    }))

  test("shares the failure of a request, and not its interruption", () =>
    Effect.gen(function* () {
      let refuse = () => {}
      const { fallback, server } = yield* open({
        "/boot/f": (response) => {
          refuse = () => status(503)(response, response.req)
        }
      })
      const { store } = yield* fallback()
      const scope = yield* Scope.make()
      const first = yield* Effect.forkChild(Scope.provide(store.read(request("f")), scope))
      yield* server.arrived(1)
      const others = yield* Effect.forEach([1, 2], () =>
        Effect.forkScoped(read(store, "f"), { startImmediately: true })
      )
      yield* Fiber.interrupt(first)
      yield* Scope.close(scope, Exit.void)
      yield* server.arrived(2)
      refuse()
      for (const other of others) {
        const why = "the server replied with status 503"
        assert.strictEqual(yield* Fiber.join(other), `"f": fetching ${server.url}f failed: ${why}`)
      }
      assert.strictEqual(server.requests.length, 2)
    }))
})
