import { assert, describe, it } from "@effect/vitest"
import * as Effect from "effect/Effect"
import * as Exit from "effect/Exit"
import * as Fiber from "effect/Fiber"
import * as NetAddress from "effect/net/NetAddress"
import * as Schedule from "effect/Schedule"
import * as Scope from "effect/Scope"
import * as Stream from "effect/Stream"
import * as BoardServer from "../../../src/board/BoardServer.ts"
import * as GuessServer from "../../../src/guess/GuessServer.ts"
import * as HangmanServer from "../../../src/hangman/HangmanServer.ts"
import * as Words from "../../../src/hangman/Words.ts"
import * as TcpServer from "../../../src/network/TcpServer.ts"
import * as GameSessions from "../../../src/web/games/GameSessions.ts"
import type { GameView, PageError } from "../../../src/web/PageRpc.ts"
import { test, untilStats } from "../../support/Servers.ts"
import * as Simulated from "../../support/Simulated.ts"
import * as Players from "../../support/web/Players.ts"

const options: GameSessions.Options = { interval: 0, reconnect: Schedule.spaced("5 millis") }

const words = Words.parse(new TextEncoder().encode("banana"))

/** A turn in a simulation. */
const moment = Effect.sleep("1 millis")

const reasonOf = (effect: Effect.Effect<unknown, PageError>) => Effect.map(Effect.flip(effect), ({ reason }) => reason)

describe("GameSessions", () => {
  test(
    "shows two players and a watcher one board, and the watcher takes no number",
    Effect.gen(function* () {
      const { address } = yield* BoardServer.make({ port: 0, size: 3 })
      const games = yield* GameSessions.make(options)
      yield* games.register("board", "board", address)
      const watched = yield* Players.collect(games.board("board"))
      yield* watched.until(({ grid }) => grid.length === 3)
      const one = yield* Players.play(games, "board")
      yield* one.until((view) => view._tag === "Board" && view.player === 1)
      const other = yield* Players.play(games, "board")
      yield* other.until((view) => view._tag === "Board" && view.player === 2)
      yield* one.say("claim 1 0")
      yield* one.until((view) => view._tag === "Board" && view.result?.text === "You claimed 1 0.")
      yield* other.say("claim 1 0")
      yield* other.until((view) => view._tag === "Board" && view.result?.text === "1 0 is taken by client 1.")
      yield* other.say("claim row 2")
      const grid = [
        [0, 1, 0],
        [0, 0, 0],
        [2, 2, 2]
      ]
      const isSame = (other: unknown) => JSON.stringify(other) === JSON.stringify(grid)
      yield* one.until((view) => view._tag === "Board" && isSame(view.board.grid))
      const last = yield* watched.until((view) => isSame(view.grid))
      assert.deepStrictEqual(last.messages, ["Client 1 claimed 1 0.", "Client 2 claimed row 2."])
    }),
    it.live
  )

  test(
    "shares one connection among all watchers, and closes it after the last",
    Effect.gen(function* () {
      const server = yield* BoardServer.make({ port: 0, size: 2 })
      const games = yield* GameSessions.make(options)
      yield* games.register("board", "board", server.address)
      const watched = yield* Effect.forEach(Array.from({ length: 20 }), () => Players.collect(games.board("board")))
      for (const { until } of watched) yield* until(({ grid }) => grid.length === 2)
      assert.include(yield* server.stats, { active: 1, accepted: 1 })
      for (const { fiber } of watched) yield* Fiber.interrupt(fiber)
      yield* untilStats(server, ({ active }) => active === 0)
    }),
    it.live
  )

  test(
    "plays hangman from the name to the rank",
    Effect.gen(function* () {
      const { address } = yield* HangmanServer.make({ port: 0, words })
      const games = yield* GameSessions.make(options)
      yield* games.register("hangman", "hangman", address)
      const player = yield* Players.play(games, "hangman")
      const until = (prompt: string, said: string) =>
        player.until(
          (view) => view._tag === "Hangman" && view.prompt === prompt && view.message.join(" ").includes(said)
        )
      yield* until("name", "Hangman")
      yield* player.say("ann")
      assert.deepInclude(yield* until("guess", "A word of 6"), {
        word: "------",
        lives: 10,
        initialLives: 10,
        tried: ""
      })
      yield* player.say("x")
      assert.deepInclude(yield* until("guess", "No x"), { lives: 9, tried: "x" })
      yield* player.say("a")
      assert.deepInclude(yield* until("guess", "there is an a"), { word: "-a-a-a", tried: "ax" })
      yield* player.say("banana")
      assert.deepInclude(yield* until("again", "ann, your rank is 1 of 1"), { word: "banana" })
      yield* player.say("no")
      const views = yield* Fiber.join(player.fiber)
      assert.deepStrictEqual<unknown>(views.at(-1), { _tag: "Ended", reason: "the server closed the connection" })
      assert.deepInclude(views.at(-2), { _tag: "Hangman", prompt: "bye", word: "banana" })
    }),
    it.live
  )

  test(
    "finds a number by halving the range of the server",
    Effect.gen(function* () {
      const { address } = yield* GuessServer.make({ port: 0, min: 1, max: 5_000 })
      const games = yield* GameSessions.make(options)
      yield* games.register("guess", "guess", address, { range: { min: 1, max: 5_000 } })
      const player = yield* Players.play(games, "guess")
      let view = yield* player.until((view) => view._tag === "Guess")
      assert.deepInclude(view, { min: 1, max: 5_000 })
      for (let guesses = 1; view._tag === "Guess" && view.guesses.at(-1)?.verdict !== "correct!"; guesses++) {
        assert.isAtMost(guesses, 13)
        yield* player.say(`${Math.floor((view.min + view.max) / 2)}`)
        view = yield* player.until((next) => next._tag === "Guess" && next.guesses.length === guesses)
      }
      assert.strictEqual((yield* Fiber.join(player.fiber)).at(-1)?._tag, "Ended")
    }),
    it.live
  )

  test(
    "shows another dialect as lines",
    Effect.gen(function* () {
      const { address } = yield* HangmanServer.make({ port: 0, words, dialect: "course" })
      const games = yield* GameSessions.make(options)
      yield* games.register("course", "hangman", address)
      const player = yield* Players.play(games, "course")
      yield* player.until((view) => view._tag === "Lines")
      for (const [letter, word] of [
        ["b", "b-----"],
        ["a", "ba-a-a"],
        ["n", "banana"]
      ] as const) {
        yield* player.say(letter)
        yield* player.until(
          (view) => view._tag === "Ended" || (view._tag === "Lines" && view.lines.at(-1) === ` ${word}   12`)
        )
      }
      const last = (yield* Fiber.join(player.fiber)).findLast(({ _tag }) => _tag === "Lines")
      assert(last?._tag === "Lines")
      assert.deepStrictEqual(last.lines, [
        " ------   12",
        "> b",
        " b-----   12",
        "> a",
        " ba-a-a   12",
        "> n",
        " banana   12"
      ])
    }),
    it.live
  )

  test(
    "limits the players, and the end of one makes room for another",
    Effect.gen(function* () {
      const server = yield* BoardServer.make({ port: 0 })
      const games = yield* GameSessions.make({ ...options, maxPlayers: 2 })
      yield* games.register("board", "board", server.address)
      const [one] = yield* Effect.forEach([1, 2], () => Players.play(games, "board"))
      assert.strictEqual(yield* reasonOf(Stream.runDrain(games.play("board"))), "Busy")
      yield* Fiber.interrupt(one!.fiber)
      yield* untilStats(server, ({ active }) => active === 1)
      assert.strictEqual(yield* reasonOf(one!.say("claim 0 0")), "NotFound")
      const third = yield* Players.play(games, "board")
      yield* third.until((view) => view._tag === "Board" && view.player === 3)
    }),
    it.live
  )

  test(
    "fails for a service that does not run, plays another game, or is not there",
    Effect.gen(function* () {
      const games = yield* GameSessions.make(options)
      const scope = yield* Scope.make()
      const { address } = yield* Scope.provide(BoardServer.make({ port: 0 }), scope)
      yield* games.register("guess", "guess", address)
      yield* games.register("board", "board", address)
      assert.strictEqual(yield* reasonOf(Stream.runDrain(games.play("nothing"))), "NotFound")
      assert.strictEqual(yield* reasonOf(Stream.runDrain(games.board("nothing"))), "NotFound")
      assert.strictEqual(yield* reasonOf(Stream.runDrain(games.board("guess"))), "Invalid")
      assert.strictEqual(yield* reasonOf(games.say(1, "a")), "NotFound")
      yield* Scope.close(scope, Exit.void)
      const refused = yield* Effect.flip(Stream.runDrain(games.play("board")))
      assert.strictEqual(refused.reason, "Unavailable")
      assert.match(refused.message, /^cannot play board: .*connection refused/)
    }),
    it.live
  )

  test(
    "refuses lines that the game cannot take, and sends none of them",
    Effect.gen(function* () {
      const { address } = yield* BoardServer.make({ port: 0, size: 2 })
      const games = yield* GameSessions.make(options)
      yield* games.register("board", "board", address)
      const player = yield* Players.play(games, "board")
      yield* player.until((view) => view._tag === "Board" && view.player === 1)
      for (const line of ["claim 0 0\nclaim 1 1", "claim 0 0\r", "\u0000", "\u0085", " "]) {
        assert.strictEqual(yield* reasonOf(player.say(line)), "Invalid")
      }
      yield* player.say("claim row 1")
      const view = yield* player.until((view) => view._tag === "Board" && view.result !== undefined)
      assert(view._tag === "Board")
      assert.deepStrictEqual(view.result, { number: 1, text: "You claimed row 1." })
      assert.deepStrictEqual(view.board.grid, [
        [0, 0],
        [1, 1]
      ])
    }),
    it.live
  )

  test(
    "shows the text of a hostile server as lines without control characters",
    Effect.gen(function* () {
      const server = yield* TcpServer.make({ port: 0 }, (connection) =>
        connection.write("\u001b]0;title\u0007<script>alert(1)</script>\u202e\r\n")
      )
      const games = yield* GameSessions.make(options)
      yield* games.register("hangman", "hangman", server.address)
      const views = yield* Stream.runCollect(games.play("hangman"))
      const lines = views.find(({ _tag }) => _tag === "Lines")
      assert.deepStrictEqual<unknown>(lines, {
        _tag: "Lines",
        lines: ["\\u001b]0;title\\u0007<script>alert(1)</script>\\u202e"]
      })
    }),
    it.live
  )

  test(
    "watches a board again after its service was started elsewhere",
    Effect.gen(function* () {
      const games = yield* GameSessions.make(options)
      const start = Effect.fnUntraced(function* (size: number) {
        const scope = yield* Scope.make()
        const { address } = yield* Scope.provide(BoardServer.make({ port: 0, size }), scope)
        yield* Scope.provide(games.register("board", "board", address), scope)
        return scope
      })
      const first = yield* start(2)
      const watched = yield* Players.collect(games.board("board"))
      yield* watched.until(({ grid }) => grid.length === 2)
      yield* Scope.close(first, Exit.void)
      yield* watched.until(({ messages }) => messages.at(-1)?.startsWith("Connecting again: ") === true)
      const second = yield* start(3)
      yield* watched.until(({ grid }) => grid.length === 3)
      yield* Scope.close(second, Exit.void)
      // The stream goes on while the browser watches.
      assert.isUndefined(watched.fiber.pollUnsafe())
    }),
    it.live
  )

  test(
    "keeps the registration of a service that has started again before the first one ended",
    Effect.gen(function* () {
      const { address } = yield* BoardServer.make({ port: 0, size: 2 })
      const games = yield* GameSessions.make(options)
      const scope = yield* Scope.make()
      yield* Scope.provide(games.register("board", "board", address), scope)
      yield* games.register("board", "board", address)
      yield* Scope.close(scope, Exit.void)
      const player = yield* Players.play(games, "board")
      yield* player.until((view) => view._tag === "Board")
    }),
    it.live
  )

  test(
    "connects to a server on all interfaces by the loopback address",
    Effect.gen(function* () {
      const server = yield* BoardServer.make({ port: 0, host: "0.0.0.0" })
      const games = yield* GameSessions.make(options)
      yield* games.register("board", "board", server.address)
      const player = yield* Players.play(games, "board")
      yield* player.until((view) => view._tag === "Board" && view.player === 1)
    }),
    it.live
  )

  it.effect("keeps a watcher and a player longer than the idle timeout, and leaves no socket or timer", () =>
    Simulated.run((simulation) =>
      Effect.gen(function* () {
        const host = yield* simulation.host("host")
        yield* host.start(BoardServer.make({ host: "0.0.0.0", port: 1_069, size: 2, idleTimeout: "30 seconds" }))
        const address = NetAddress.inetAddressFromIpStringUnsafe(host.address, 1_069)
        const views = yield* host.run(
          Effect.gen(function* () {
            const games = yield* GameSessions.make()
            yield* games.register("board", "board", address)
            const watched = yield* Players.collect(games.board("board"), moment)
            const player = yield* Players.play(games, "board", moment)
            yield* Effect.sleep("10 minutes")
            assert.isUndefined(player.fiber.pollUnsafe())
            yield* player.say("claim 1 1")
            yield* Effect.sleep("1 second")
            return [watched.values.at(-1)?.grid, watched.values.at(-1)?.messages]
          }).pipe(Effect.scoped)
        )
        assert.deepStrictEqual(views, [
          [
            [0, 0],
            [0, 1]
          ],
          ["Client 1 claimed 1 1."]
        ])
      })
    )
  )

  it.effect("sends a browser at most 20 boards a second, and the last one", () =>
    Simulated.run((simulation) =>
      Effect.gen(function* () {
        const host = yield* simulation.host("host")
        yield* host.start(BoardServer.make({ host: "0.0.0.0", port: 1_069, size: 26 }))
        const address = NetAddress.inetAddressFromIpStringUnsafe(host.address, 1_069)
        yield* host.run(
          Effect.gen(function* () {
            const games = yield* GameSessions.make()
            yield* games.register("board", "board", address)
            const watched = yield* Players.collect(games.board("board"), moment)
            const player = yield* Players.play(games, "board", moment)
            yield* Effect.sleep("1 second")
            const before = watched.values.length
            for (let y = 0; y < 26; y++) {
              for (let x = 0; x < 26; x++)
                yield* Effect.andThen(player.say(`claim ${x} ${y}`), Effect.sleep("2 millis"))
            }
            yield* Effect.sleep("1 second")
            assert.isAtMost(watched.values.length - before, 40)
            assert.isAtLeast(watched.values.length - before, 20)
            assert.isTrue(
              watched.values
                .at(-1)!
                .grid.flat()
                .every((owner) => owner === 1)
            )
          }).pipe(Effect.scoped)
        )
      })
    )
  )

  it.effect("ends with the reason when the connection is reset", () =>
    Simulated.run((simulation) =>
      Effect.gen(function* () {
        const [far, near] = [yield* simulation.host("far"), yield* simulation.host("near")]
        yield* far.start(
          TcpServer.make({ host: "0.0.0.0", port: 1_066 }, ({ abort, pull }) => Effect.andThen(pull, abort))
        )
        const address = NetAddress.inetAddressFromIpStringUnsafe(far.address, 1_066)
        const last = yield* near.run(
          Effect.gen(function* () {
            const games = yield* GameSessions.make()
            yield* games.register("hangman", "hangman", address)
            const views: Array<GameView> = []
            yield* Stream.runForEach(games.play("hangman"), (view) => {
              views.push(view)
              return view._tag === "Started" ? games.say(view.session, "a") : Effect.void
            })
            return views.at(-1)
          }).pipe(Effect.scoped)
        )
        assert(last?._tag === "Ended")
        assert.match(last.reason, /reset/)
      })
    )
  )
})
