import { assert, describe, it } from "@effect/vitest"
import * as Cause from "effect/Cause"
import * as Deferred from "effect/Deferred"
import * as Effect from "effect/Effect"
import * as Exit from "effect/Exit"
import * as Fiber from "effect/Fiber"
import * as Logger from "effect/Logger"
import * as Option from "effect/Option"
import * as Redacted from "effect/Redacted"
import * as Ref from "effect/Ref"
import * as Schedule from "effect/Schedule"
import * as Scope from "effect/Scope"
import * as Stream from "effect/Stream"
import * as Tracer from "effect/Tracer"
import * as PageHub from "../../src/web/PageHub.ts"
import { PageError } from "../../src/web/PageRpc.ts"
import * as Handles from "../support/Handles.ts"
import * as Pages from "../support/web/Pages.ts"
import * as Rows from "../support/web/Rows.ts"

const token = Redacted.make("a-secret-of-16-characters")
const right = Redacted.value(token)

const test = (name: string, body: Effect.Effect<void, unknown, Scope.Scope>) =>
  it.live(name, () => Handles.assertNoLeaks(Effect.scoped(body)))

/** A game that echoes lines, and counts its players. */
const makeGames = Effect.gen(function* () {
  const lines = yield* Ref.make<ReadonlyArray<string>>([])
  const ended = yield* Deferred.make<void>()
  let next = 1
  return {
    lines,
    ended: Deferred.await(ended),
    games: {
      board: (service: string) =>
        service === "board"
          ? Stream.make({ grid: [[0, 1]], messages: ["hello"] })
          : Stream.fail(new PageError({ reason: "NotFound", message: `${service} is not a board` })),
      play: (service: string) =>
        Stream.suspend(() => Stream.make({ _tag: "Started" as const, session: next++ })).pipe(
          Stream.concat(Stream.make({ _tag: "Lines" as const, lines: [service] })),
          Stream.concat(Stream.never),
          Stream.ensuring(Deferred.succeed(ended, undefined))
        ),
      say: (session: number, line: string) => Ref.update(lines, (all) => [...all, `${session} ${line}`])
    }
  }
})

const get = (port: number, path: string, init: RequestInit = {}) =>
  Effect.promise(async () => {
    const response = await fetch(`http://127.0.0.1:${port}${path}`, { ...init, keepalive: false })
    return { status: response.status, headers: response.headers, text: await response.text() }
  })

/** Runs a program and returns the messages that it logs. */
const logged = Effect.fnUntraced(function* <A, E, R>(body: Effect.Effect<A, E, R>) {
  const lines: Array<string> = []
  const logger = Logger.make(({ logLevel, message }) => void lines.push(`${logLevel} ${String(message)}`))
  yield* Effect.provide(body, Logger.layer([logger]))
  return lines
})

describe("PageServer", () => {
  test(
    "serves assets with the headers that protect the page",
    Effect.gen(function* () {
      const port = yield* Pages.start()
      const page = yield* get(port, "/")
      assert.strictEqual(page.status, 200)
      assert.include(page.text, "<title>page</title>")
      assert.strictEqual(page.headers.get("content-type"), "text/html; charset=utf-8")
      assert.strictEqual(page.headers.get("cache-control"), "no-cache")
      for (const path of ["/", "/assets/main-1a2b.js", "/none", "/rpc"]) {
        const { headers } = yield* get(port, path)
        assert.include(headers.get("content-security-policy"), "default-src 'none'")
        assert.strictEqual(headers.get("x-content-type-options"), "nosniff")
        assert.strictEqual(headers.get("referrer-policy"), "no-referrer")
        assert.strictEqual(headers.get("cross-origin-resource-policy"), "same-origin")
        assert.strictEqual(headers.get("cross-origin-opener-policy"), "same-origin")
      }
      const tag = page.headers.get("etag")!
      const again = yield* get(port, "/", { headers: { "if-none-match": tag } })
      assert.deepInclude({ ...again, headers: undefined }, { status: 304, text: "" })
      const head = yield* get(port, "/", { method: "HEAD" })
      assert.strictEqual(head.headers.get("content-length"), String(page.text.length))
      assert.deepInclude({ ...head, headers: undefined }, { status: 200, text: "" })
      assert.strictEqual((yield* get(port, "/none")).status, 404)
      assert.strictEqual((yield* get(port, "/", { method: "POST" })).status, 405)
      assert.strictEqual((yield* get(port, "/rpc")).status, 426)
    })
  )

  test(
    "a file has a span, and a WebSocket has none, which would end with its browser",
    Effect.gen(function* () {
      const spans: Array<string> = []
      const tracer = Tracer.make({
        span: (options) => {
          const span = new Tracer.NativeSpan(options)
          if (options.kind === "server") spans.push(options.name)
          return span
        }
      })
      yield* Effect.gen(function* () {
        const port = yield* Pages.start()
        const client = yield* Pages.connect(port)
        yield* Stream.runDrain(Stream.take(client.watch(), 1))
        assert.deepStrictEqual(spans, [])
        yield* get(port, "/")
        assert.lengthOf(spans, 1)
      }).pipe(Effect.scoped, Effect.withTracer(tracer))
      assert.lengthOf(spans, 1)
    })
  )

  test(
    "an asset that cannot be loaded is one line for the browser, and the cause in the log",
    Effect.gen(function* () {
      const lines = yield* logged(
        Effect.gen(function* () {
          const port = yield* Pages.start({ assets: { get: () => Effect.die(new Error("no such folder")) } })
          const { status, text } = yield* get(port, "/")
          assert.strictEqual(status, 500)
          assert.notInclude(text, "folder")
        })
      )
      assert.deepStrictEqual(
        lines.map((line) => line.split(",")[0]),
        ["Error page: an asset could not be loaded"]
      )
    })
  )

  test(
    "a browser watches what changes",
    Effect.gen(function* () {
      const hub = yield* PageHub.makeWith({ interval: "5 millis" })
      const names = yield* Ref.make(["rot13"])
      yield* hub.register({
        services: Effect.map(Ref.get(names), (all) => all.map((name) => Rows.service(name, { sinceMillis: 0.5 })))
      })
      const client = yield* Pages.connect(yield* Pages.start({ hub }))
      const updates = yield* client.watch().pipe(
        Stream.tap(({ services }) => Ref.set(names, services?.length === 1 ? ["rot13", "<b>tftp</b>"] : [])),
        Stream.take(3),
        Stream.runCollect
      )
      assert.deepStrictEqual(
        updates.map(({ services }) => services?.map(({ name }) => name)),
        [["rot13"], ["rot13", "<b>tftp</b>"], []]
      )
      assert.deepStrictEqual(updates[0]?.peers, { rows: [], omitted: 0 })
      assert.hasAllKeys(updates[1]!, ["atMillis", "services"])
    })
  )

  test(
    "says what a browser may do",
    Effect.gen(function* () {
      const open = yield* Pages.connect(yield* Pages.start())
      assert.deepStrictEqual(yield* open.about({ token: right }), {
        version: "1.2.3",
        hasControl: false,
        isAllowed: false
      })
      const controlled = yield* Pages.connect(yield* Pages.start({ token }))
      for (const given of ["", "wrong", right]) {
        const { hasControl, isAllowed } = yield* controlled.about({ token: given })
        assert.isTrue(hasControl)
        assert.strictEqual(isAllowed, given === right)
      }
    })
  )

  test(
    "control needs control of the process and the right token",
    Effect.gen(function* () {
      const restarted = yield* Ref.make<ReadonlyArray<string>>([])
      const restart = (service: string) => Ref.update(restarted, (all) => [...all, service])
      const { games, lines } = yield* makeGames
      const open = yield* Pages.connect(yield* Pages.start({ games, restart }))
      const controlled = yield* Pages.connect(yield* Pages.start({ games, restart, token }))
      for (const [client, given] of [
        [open, right],
        [open, ""],
        [controlled, ""],
        [controlled, `${right}x`],
        [controlled, right.slice(1)]
      ] as const) {
        const requests = [
          client.restart({ service: "rot13", token: given }),
          client.say({ session: 1, line: "x", token: given }),
          Stream.runDrain(client.play({ service: "board", token: given }))
        ]
        for (const request of requests) {
          const error = yield* Effect.flip(request)
          assert.strictEqual(error._tag === "PageError" && error.reason, "Forbidden")
        }
      }
      assert.deepStrictEqual(yield* Ref.get(restarted), [])
      yield* controlled.restart({ service: "rot13", token: right })
      assert.deepStrictEqual(yield* Ref.get(restarted), ["rot13"])
      assert.deepStrictEqual(yield* Ref.get(lines), [])
    })
  )

  test(
    "a browser plays its own games only, and a game ends with its browser",
    Effect.gen(function* () {
      const { ended, games, lines } = yield* makeGames
      const port = yield* Pages.start({ games, token })
      const other = yield* Pages.connect(port)
      const scope = yield* Scope.make()
      const player = yield* Scope.provide(Pages.connect(port), scope)
      const started = yield* Deferred.make<number>()
      yield* player.play({ service: "board", token: right }).pipe(
        Stream.runForEach((view) => (view._tag === "Started" ? Deferred.succeed(started, view.session) : Effect.void)),
        Effect.forkScoped
      )
      const session = yield* Deferred.await(started)
      yield* player.say({ session, line: "claim 1 2", token: right })
      const error = yield* Effect.flip(other.say({ session, line: "claim 3 4", token: right }))
      assert.strictEqual(error._tag === "PageError" && error.reason, "NotFound")
      assert.deepStrictEqual(yield* Ref.get(lines), [`${session} claim 1 2`])
      yield* Scope.close(scope, Exit.void)
      yield* ended
    })
  )

  test(
    "boards and packets are open to all browsers, and their errors reach them",
    Effect.gen(function* () {
      const { games } = yield* makeGames
      const batch = { arrows: [], omitted: 3 }
      const packets = { watch: () => Stream.make(batch) }
      const client = yield* Pages.connect(yield* Pages.start({ games, packets }))
      const board = yield* Stream.runHead(client.board({ service: "board" }))
      assert.deepStrictEqual(board, Option.some({ grid: [[0, 1]], messages: ["hello"] }))
      const error = yield* Effect.flip(Stream.runDrain(client.board({ service: "tftp" })))
      assert.strictEqual(error.message, "tftp is not a board")
      assert.deepStrictEqual(yield* Stream.runHead(client.packets({ service: "tftp" })), Option.some(batch))
      const bare = yield* Pages.connect(yield* Pages.start())
      for (const stream of [bare.board({ service: "board" }), bare.packets({ service: "tftp" })]) {
        const absent = yield* Effect.flip(Stream.runDrain(Stream.drain<unknown, unknown, never>(stream)))
        assert.strictEqual((absent as PageError).reason, "Unavailable")
      }
    })
  )

  test(
    "a handler that dies fails its request only",
    Effect.gen(function* () {
      const packets = { watch: () => Stream.die(new Error("wrong")) }
      const client = yield* Pages.connect(yield* Pages.start({ packets }))
      const watching = yield* Effect.forkScoped(Stream.runDrain(client.watch()), { startImmediately: true })
      const exit = yield* Effect.exit(Stream.runDrain(client.packets({ service: "tftp" })))
      assert.isTrue(Exit.isFailure(exit) && Cause.hasDies(exit.cause))
      assert.strictEqual((yield* client.about({ token: "" })).version, "1.2.3")
      assert.isUndefined(watching.pollUnsafe())
    })
  )

  test(
    "payloads that are too long, or of the wrong type, do not reach a handler",
    Effect.gen(function* () {
      const restarted = yield* Ref.make(0)
      const restart = () => Ref.update(restarted, (count) => count + 1)
      const client = yield* Pages.rawBrowser(yield* Pages.start({ restart, token }))
      const payloads = [
        { service: "x".repeat(200), token: right },
        { service: 1, token: right },
        { token: right },
        null
      ]
      for (const [id, payload] of payloads.entries()) client.send({ _tag: "Request", id, tag: "restart", payload })
      client.send({ _tag: "Request", id: 9, tag: "restart", payload: { service: "rot13", token: right } })
      yield* Effect.promise(
        () =>
          new Promise<void>((resolve) => {
            client.socket.on("data", () => client.received().includes('"requestId":9') && resolve())
          })
      )
      assert.strictEqual(yield* Ref.get(restarted), 1)
      for (const id of payloads.keys()) {
        assert.include(client.received().toString(), `"requestId":${id},"exit":{"_tag":"Failure"`)
      }
    })
  )

  test(
    "a browser over the limit of requests, and one over the limit of browsers, are refused",
    Effect.gen(function* () {
      const port = yield* Pages.start({ maxBrowsers: 2, maxRequests: 3 })
      const client = yield* Pages.connect(port)
      const watch = Stream.runDrain(client.watch())
      const fibers = [
        yield* Effect.forkScoped(watch, { startImmediately: true }),
        yield* Effect.forkScoped(watch, { startImmediately: true }),
        yield* Effect.forkScoped(watch, { startImmediately: true })
      ]
      const exit = yield* Effect.exit(client.about({ token: "" }))
      assert.isTrue(Exit.isFailure(exit) && Cause.pretty(exit.cause).includes("too many requests at a time (limit 3)"))
      yield* Fiber.interrupt(fibers[0]!)
      yield* client.about({ token: "" })
      yield* Pages.rawBrowser(port)
      const third = Pages.rawConnect(port, Pages.upgrade())
      assert.match(
        yield* Effect.promise(() => third.closed),
        /^HTTP\/1\.1 503 [\s\S]*too many browsers watch \(limit 2\)/
      )
    })
  )

  test(
    "a page goes on after the server has restarted",
    Effect.gen(function* () {
      const first = yield* Scope.make()
      const port = yield* Scope.provide(Pages.start({ version: "1" }), first)
      const client = yield* Pages.connect(port)
      const watching = yield* Effect.forkScoped(Effect.exit(Stream.runDrain(client.watch())))
      assert.strictEqual((yield* client.about({ token: "" })).version, "1")
      yield* Scope.close(first, Exit.void)
      assert.isTrue(Exit.isFailure(yield* Fiber.join(watching)))
      yield* Pages.start({ version: "2", port })
      const again = yield* Effect.retry(client.about({ token: "" }), Schedule.spaced("5 millis"))
      assert.strictEqual(again.version, "2")
    })
  )
})
