import { assert, describe, it } from "@effect/vitest"
import * as Effect from "effect/Effect"
import type * as NetAddress from "effect/net/NetAddress"
import * as Pull from "effect/Pull"
import * as Schema from "effect/Schema"
import * as FriendlyView from "../../src/hangman/FriendlyView.ts"
import * as HangmanClient from "../../src/hangman/HangmanClient.ts"
import * as HangmanServer from "../../src/hangman/HangmanServer.ts"
import * as Words from "../../src/hangman/Words.ts"
import * as Network from "../../src/network/Network.ts"
import * as NodeNetwork from "../../src/network/node/NodeNetwork.ts"
import * as ScriptedServer from "../support/ScriptedServer.ts"

const Line = Schema.String.check(Schema.isPattern(/^[ -~é]{1,30}$/))
const View = Schema.Struct({
  message: Schema.Array(Line).check(Schema.isMaxLength(4)),
  board: Schema.optionalKey(
    Schema.Struct({
      word: Schema.String.check(Schema.isPattern(/^[a-z-]{1,14}$/)),
      lives: Schema.Int.check(Schema.isBetween({ minimum: 0, maximum: 9 })),
      initialLives: Schema.Literal(10),
      tried: Schema.String.check(Schema.isPattern(/^[a-z]{0,26}$/))
    })
  ),
  prompt: Schema.Literals(["name", "guess", "again", "bye"])
})

/** Reads all views. `end` is `Done`, or the reason of the error. */
const readAll = Effect.fnUntraced(function* (connection: Network.Connection) {
  const { next } = HangmanClient.make(connection)
  const views: Array<FriendlyView.View> = []
  const end = yield* Effect.forever(Effect.map(next, (view) => views.push(view))).pipe(
    Pull.catchDone(() => Effect.succeed("Done" as const)),
    Effect.catch(({ reason }) => Effect.succeed(reason))
  )
  return { views, end }
})

describe("HangmanClient", () => {
  it.effect.prop(
    "reads complete views in order from chunks of any size",
    [Schema.Array(View), Schema.Int.check(Schema.isBetween({ minimum: 1, maximum: 40 }))],
    ([views, piece]) =>
      Effect.gen(function* () {
        const { connection } = ScriptedServer.connect([views.map(FriendlyView.render).join("")], piece)
        assert.deepStrictEqual<unknown>(yield* readAll(connection), { views, end: "Done" })
      })
  )

  it.effect("rejects text that is not a view after a bounded number of characters", () =>
    Effect.gen(function* () {
      const { connection, remainingChunks: left } = ScriptedServer.connect(["x".repeat(1 << 20)])
      assert.strictEqual((yield* readAll(connection)).end, "UnexpectedReply")
      assert.isAbove(left(), 900)
    })
  )

  it.effect("fails if the server closes the connection within a view", () =>
    Effect.gen(function* () {
      const view: FriendlyView.View = { message: ["hi"], prompt: "name" }
      const text = FriendlyView.render(view)
      for (let length = 0; length < text.length; length++) {
        const { connection } = ScriptedServer.connect([text, text.slice(0, length)])
        const end = length === 0 ? "Done" : "IncompleteReply"
        assert.deepStrictEqual<unknown>(yield* readAll(connection), { views: [view], end })
      }
    })
  )

  it.effect("distinguishes other dialects from other services", () =>
    Effect.gen(function* () {
      for (const [text, reason] of [
        [" -----   12\n", "CourseDialect"],
        ["Playing hangman on host there: \n \n", "BookDialect"],
        ["220 mail.example ESMTP\r\n", "UnexpectedReply"]
      ] as const) {
        const { connection } = ScriptedServer.connect([text])
        assert.deepStrictEqual(yield* readAll(connection), { views: [], end: reason })
      }
      // After the first view, a message may look like a line of another dialect.
      const view: FriendlyView.View = { message: [" -----   12"], prompt: "guess" }
      const { connection } = ScriptedServer.connect([
        FriendlyView.render({ message: ["hi"], prompt: "name" }),
        FriendlyView.render(view)
      ])
      assert.strictEqual((yield* readAll(connection)).end, "Done")
    })
  )

  it.live("plays a game and reads the scoreboard of a real server", () =>
    Effect.gen(function* () {
      const words = Words.parse(new TextEncoder().encode("banana\n"))
      const { address } = yield* HangmanServer.make({ port: 0, words })
      const network = yield* Network.Network
      const connect = Effect.map(network.connect(address as NetAddress.InetAddress), HangmanClient.make)
      const { next, send } = yield* connect
      assert.strictEqual((yield* next).prompt, "name")
      for (const line of ["Zoë  \u{1f600}", "b", "x", "a", "n"]) {
        yield* send(line)
        const view = yield* next
        assert.strictEqual(view.prompt, line === "n" ? "again" : "guess")
      }
      const best = [{ name: "Zoë  \u{1f600}", games: 1, wins: 1, wrong: 1 }]
      assert.deepStrictEqual(yield* HangmanClient.top(yield* connect), { games: 1, wins: 1, players: 1, best })
    }).pipe(Effect.scoped, Effect.provide(NodeNetwork.layer))
  )

  it.effect("fails if the scoreboard is invalid or the server closes before it", () =>
    Effect.gen(function* () {
      const hello = FriendlyView.render({ message: ["Hi."], prompt: "name" })
      const top = (...texts: ReadonlyArray<string>) =>
        Effect.map(
          Effect.flip(HangmanClient.top(HangmanClient.make(ScriptedServer.connect(texts).connection))),
          ({ reason }) => reason
        )
      assert.strictEqual(yield* top(hello), "ConnectionEnded")
      assert.strictEqual(yield* top(), "ConnectionEnded")
      assert.strictEqual(
        yield* top(hello, FriendlyView.render({ message: ["No."], prompt: "name" })),
        "UnexpectedReply"
      )
    })
  )
})

describe("parseTop", () => {
  it("parses scoreboards only", () => {
    assert.isUndefined(HangmanClient.parseTop([]))
    assert.isUndefined(HangmanClient.parseTop(["Games 1, won 1, players 1.", "rank", "1 2 3"]))
    const empty = { games: 0, wins: 0, players: 0, best: [] }
    assert.deepStrictEqual(HangmanClient.parseTop(["Games 0, won 0, players 0."]), empty)
  })
})
