import { assert, describe, it } from "@effect/vitest"
import * as Context from "effect/Context"
import * as Effect from "effect/Effect"
import * as Exit from "effect/Exit"
import * as HttpServer from "effect/http/HttpServer"
import * as Layer from "effect/Layer"
import * as Queue from "effect/Queue"
import * as Redacted from "effect/Redacted"
import * as Ref from "effect/Ref"
import * as Scope from "effect/Scope"
import * as Stream from "effect/Stream"
import * as PageClient from "../../../src/web/client/PageClient.ts"
import type * as RpcSocket from "../../../src/web/client/RpcSocket.ts"
import * as NodePageServer from "../../../src/web/NodePageServer.ts"
import * as PageHub from "../../../src/web/PageHub.ts"
import { type GameView, PageError } from "../../../src/web/PageRpc.ts"
import type * as PageState from "../../../src/web/PageState.ts"
import * as FakeSocket from "../../support/web/FakeSocket.ts"

const token = "the-token"

const service = (state: PageState.Service["state"]): PageState.Service => ({
  name: "rot13",
  state,
  restarts: 0,
  sinceMillis: 0,
  figures: [],
  hasPackets: true,
  canRestart: true
})

const notFound = new PageError({ reason: "NotFound", message: "nobody is unknown" })
const invalid = new PageError({ reason: "Invalid", message: "nobody is not a board" })

/** Services for one page: it plays a game that repeats lines, and restarts whatever exists. */
const games = Effect.gen(function* () {
  const lines = yield* Queue.unbounded<string>()
  const said = Stream.map(Stream.fromQueue(lines), (line): GameView => ({ _tag: "Lines", lines: [line] }))
  const started: GameView = { _tag: "Started", session: 7 }
  return {
    board: () => Stream.fail(invalid),
    play: (name: string) => (name === "nobody" ? Stream.fail(notFound) : Stream.concat(Stream.succeed(started), said)),
    say: (_session: number, line: string) => Effect.asVoid(Queue.offer(lines, line))
  }
})

/** Starts a server of the page. Returns its port and its end. */
const serve = Effect.fnUntraced(function* (port: number, state: Ref.Ref<PageState.Service["state"]>, version: string) {
  const scope = yield* Scope.fork(yield* Effect.scope)
  const hub = yield* Scope.provide(PageHub.make, scope)
  yield* Scope.provide(hub.register({ services: Effect.map(Ref.get(state), (now) => [service(now)]) }), scope)
  const layer = NodePageServer.layer({
    port,
    hub,
    version,
    assets: { get: () => Effect.succeed(undefined) },
    token: Redacted.make(token),
    games: yield* games,
    packets: { watch: (name) => (name === "nobody" ? Stream.fail(invalid) : Stream.never) },
    restart: (name) => (name === "nobody" ? Effect.fail(notFound) : Effect.void)
  })
  const { address } = Context.get(yield* Scope.provide(Layer.build(layer), scope), HttpServer.HttpServer)
  assert.isTrue("port" in address)
  return { port: "port" in address ? address.port : 0, close: Scope.close(scope, Exit.void) }
})

const after: RpcSocket.After = (delayMillis, run) => {
  const timer = setTimeout(run, delayMillis)
  return () => clearTimeout(timer)
}

/** Connects a client that closes with the test. */
const connect = (port: number, given = token) =>
  Effect.acquireRelease(
    Effect.sync(() => PageClient.make({ url: `ws://127.0.0.1:${port}/rpc`, token: given, after })),
    (client) => Effect.sync(client.close)
  )

type Seen = PageClient.Status | PageClient.About | PageState.Update

/** Watches a process. Returns a function that waits for something that is seen. */
const watch = Effect.fnUntraced(function* (client: PageClient.PageClient) {
  const seen = yield* Queue.unbounded<Seen>()
  const see = (one: Seen) => void Queue.offerUnsafe(seen, one)
  yield* Effect.acquireRelease(
    Effect.sync(() => client.watch({ update: see, status: see, about: see })),
    (stop) => Effect.sync(stop)
  )
  return Effect.fnUntraced(function* (isWanted: (one: Seen) => boolean) {
    const before: Array<Seen> = []
    while (true) {
      const one = yield* Queue.take(seen)
      if (isWanted(one)) return { one, before }
      before.push(one)
    }
  })
})

const hasState = (state: PageState.Service["state"]) => (one: Seen) =>
  typeof one === "object" && "services" in one && one.services?.[0]?.state === state

describe("PageClient", () => {
  it.live("watches a process: first what it is, then what changes", () =>
    Effect.gen(function* () {
      const state = yield* Ref.make<PageState.Service["state"]>("starting")
      const { port } = yield* serve(0, state, "1.0.0")
      const until = yield* watch(yield* connect(port))
      const first = yield* until(hasState("starting"))
      assert.deepStrictEqual(first.before, [{ version: "1.0.0", hasControl: true, isAllowed: true }, "live"])
      assert.hasAllKeys(first.one, ["atMillis", "services", "connections", "transfers", "peers", "farms"])
      yield* Ref.set(state, "ready")
      const { one } = yield* until(hasState("ready"))
      assert.hasAllKeys(one, ["atMillis", "services"])
    })
  )

  it.live("connects again to a process that has been replaced, and goes on", () =>
    Effect.gen(function* () {
      const state = yield* Ref.make<PageState.Service["state"]>("starting")
      const first = yield* serve(0, state, "1.0.0")
      const client = yield* connect(first.port)
      const until = yield* watch(client)
      yield* until(hasState("starting"))
      yield* first.close
      yield* until((one) => one === "lost")
      assert.match((yield* Effect.promise(() => client.restart("rot13"))) ?? "", /connection to the server is lost/)
      yield* Ref.set(state, "ready")
      yield* serve(first.port, state, "1.1.0")
      const { before } = yield* until(hasState("ready"))
      assert.deepStrictEqual(before, [{ version: "1.1.0", hasControl: true, isAllowed: true }, "live"])
      assert.isUndefined(yield* Effect.promise(() => client.restart("rot13")))
    })
  )

  it.live("connects to a process that starts after the page", () =>
    Effect.gen(function* () {
      const state = yield* Ref.make<PageState.Service["state"]>("ready")
      const first = yield* serve(0, state, "1.0.0")
      yield* first.close
      const until = yield* watch(yield* connect(first.port))
      yield* until((one) => one === "lost")
      yield* serve(first.port, state, "1.0.0")
      yield* until(hasState("ready"))
    })
  )

  it.live("shows the message of the process for what it refuses, and does not ask again", () =>
    Effect.gen(function* () {
      const { port } = yield* serve(0, yield* Ref.make<PageState.Service["state"]>("ready"), "1.0.0")
      const client = yield* connect(port)
      const errors = yield* Queue.unbounded<string>()
      const error = (message: string) => void Queue.offerUnsafe(errors, message)
      client.packets("nobody", { batch: () => undefined, error })
      assert.strictEqual(yield* Queue.take(errors), invalid.message)
      client.board("nobody", { view: () => undefined, error })
      assert.strictEqual(yield* Queue.take(errors), invalid.message)
      client.play("nobody", { view: () => undefined, error })
      assert.strictEqual(yield* Queue.take(errors), notFound.message)
      assert.strictEqual(yield* Effect.promise(() => client.restart("nobody")), notFound.message)
      assert.isUndefined(yield* Effect.promise(() => client.restart("rot13")))
      assert.strictEqual(yield* Queue.size(errors), 0)
    })
  )

  it.live("a page without the token watches, and may not play or restart", () =>
    Effect.gen(function* () {
      const { port } = yield* serve(0, yield* Ref.make<PageState.Service["state"]>("ready"), "1.0.0")
      const client = yield* connect(port, "")
      const until = yield* watch(client)
      const { before } = yield* until(hasState("ready"))
      assert.deepStrictEqual(before[0], { version: "1.0.0", hasControl: true, isAllowed: false })
      assert.match((yield* Effect.promise(() => client.restart("rot13"))) ?? "", /token/)
      const errors = yield* Queue.unbounded<string>()
      client.play("rot13", { view: () => undefined, error: (message) => void Queue.offerUnsafe(errors, message) })
      assert.match(yield* Queue.take(errors), /token/)
    })
  )

  it.live("plays a game: its lines arrive, and it ends with the connection", () =>
    Effect.gen(function* () {
      const first = yield* serve(0, yield* Ref.make<PageState.Service["state"]>("ready"), "1.0.0")
      const client = yield* connect(first.port)
      const seen = yield* Queue.unbounded<GameView | string>()
      const see = (one: GameView | string) => void Queue.offerUnsafe(seen, one)
      const game = client.play("hangman", { view: see, error: see })
      assert.match((yield* Effect.promise(() => game.say("too early"))) ?? "", /not running/)
      assert.deepStrictEqual(yield* Queue.take(seen), { _tag: "Started", session: 7 })
      assert.isUndefined(yield* Effect.promise(() => game.say("hello")))
      assert.deepStrictEqual(yield* Queue.take(seen), { _tag: "Lines", lines: ["hello"] })
      yield* first.close
      assert.match(String(yield* Queue.take(seen)), /game/)
      assert.match((yield* Effect.promise(() => game.say("late"))) ?? "", /not running/)
    })
  )

  it.live("stops: nothing is seen after its end", () =>
    Effect.gen(function* () {
      const { port } = yield* serve(0, yield* Ref.make<PageState.Service["state"]>("ready"), "1.0.0")
      const client = yield* connect(port)
      const seen = yield* Queue.unbounded<GameView | string>()
      const see = (one: GameView | string) => void Queue.offerUnsafe(seen, one)
      const game = client.play("hangman", { view: see, error: see })
      yield* Queue.take(seen)
      game.stop()
      const until = yield* watch(client)
      yield* until(hasState("ready"))
      assert.strictEqual(yield* Queue.size(seen), 0)
    })
  )
})

/** Runs a test with a client over a fake socket that is open. */
const faked = (
  body: (test: {
    readonly client: PageClient.PageClient
    readonly timers: FakeSocket.Timers
    /** Numbers of the requests of a kind, in order. */
    readonly requests: (tag: string) => ReadonlyArray<string>
    readonly refuse: (requestId: string, reason: PageError["reason"]) => void
    readonly emit: (requestId: string, value: unknown) => void
    readonly reconnect: () => void
  }) => void
) =>
  Effect.gen(function* () {
    const sockets = yield* FakeSocket.install
    const timers = FakeSocket.makeTimers()
    const client = PageClient.make({ url: "ws://fake/rpc", token, after: timers.after })
    const current = () => sockets.at(-1)!
    current().open()
    body({
      ...{ client, timers },
      requests: (wanted) =>
        sockets.flatMap(({ sent }) => sent.flatMap(({ id, tag }) => (tag === wanted ? [id ?? ""] : []))),
      refuse: (requestId, reason) => {
        const cause = [{ _tag: "Fail", error: { _tag: "PageError", reason, message: `refused: ${reason}` } }]
        current().receive({ _tag: "Exit", requestId, exit: { _tag: "Failure", cause } })
      },
      emit: (requestId, value) => current().receive({ _tag: "Chunk", requestId, values: [value] }),
      reconnect: () => {
        current().close()
        timers.elapse(250)
        current().open()
      }
    })
    client.close()
  }).pipe(Effect.scoped)

/** Pauses besides the one between pings, which is the first. */
const pausesOf = ({ pauses }: FakeSocket.Timers) => pauses().slice(1)

describe("PageClient, of a service that is not there", () => {
  it.effect.each(["board", "packets"] as const)("asks for %s again, with longer pauses up to ten seconds", (tag) =>
    faked(({ client, emit, refuse, requests, timers }) => {
      const seen: Array<unknown> = []
      const see = (one: unknown) => void seen.push(one)
      if (tag === "board") client.board("board", { view: see, error: see })
      else client.packets("board", { batch: see, error: see })
      const pauses = Array.from({ length: 5 }, (_, count) => {
        refuse(requests(tag)[count]!, count % 2 === 0 ? "NotFound" : "Unavailable")
        const [pause] = pausesOf(timers)
        timers.elapse(pause!)
        return pause
      })
      assert.deepStrictEqual(pauses, [2_000, 4_000, 8_000, 10_000, 10_000])
      assert.strictEqual(requests(tag).length, 6)
      assert.deepStrictEqual(seen.slice(0, 2), ["refused: NotFound", "refused: Unavailable"])
      emit(requests(tag)[5]!, "works")
      assert.strictEqual(seen.at(-1), "works")
      refuse(requests(tag)[5]!, "NotFound")
      assert.deepStrictEqual(pausesOf(timers), [2_000])
    })
  )

  it.effect.each(["Forbidden", "Invalid"] as const)("does not ask again after %s", (reason) =>
    faked(({ client, reconnect, refuse, requests, timers }) => {
      const errors: Array<string> = []
      client.board("rot13", { view: () => {}, error: (message) => errors.push(message) })
      refuse(requests("board")[0]!, reason)
      assert.deepStrictEqual(errors, [`refused: ${reason}`])
      assert.deepStrictEqual(pausesOf(timers), [])
      reconnect()
      assert.strictEqual(requests("board").length, 1)
    })
  )

  it.effect("does not ask again once the view is closed, and asks once after a new connection", () =>
    faked(({ client, reconnect, refuse, requests, timers }) => {
      const stop = client.packets("rot13", { batch: () => {}, error: () => {} })
      refuse(requests("packets")[0]!, "NotFound")
      reconnect()
      assert.deepStrictEqual(pausesOf(timers), [])
      assert.strictEqual(requests("packets").length, 2)
      refuse(requests("packets")[1]!, "NotFound")
      stop()
      assert.deepStrictEqual(pausesOf(timers), [])
      reconnect()
      assert.strictEqual(requests("packets").length, 2)
    })
  )
})
