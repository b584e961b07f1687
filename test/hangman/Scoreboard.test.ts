import { assert, describe, it } from "@effect/vitest"
import * as Deferred from "effect/Deferred"
import * as Effect from "effect/Effect"
import * as Fiber from "effect/Fiber"
import * as Logger from "effect/Logger"
import * as Scoreboard from "../../src/hangman/Scoreboard.ts"
import * as ScoreJournalFormat from "../../src/hangman/ScoreJournalFormat.ts"

const client = (id: number) => ({ id, remote: "192.0.2.1", seed: 0 })

const finished = (game: number, name = "ann"): Scoreboard.Ask => ({
  _tag: "Finished",
  game,
  name,
  word: "plum",
  won: true,
  wrong: 2
})

/** Returns a journal in memory. Each append waits for `gate`. */
const memory = (gate: Effect.Effect<void, Scoreboard.ScoreboardError> = Effect.void, past = "") => {
  const state = { text: past, appends: 0, largestAppend: 0, replaced: 0 }
  const journal: Scoreboard.Journal = {
    name: "memory",
    initialText: past,
    append: (text) =>
      Effect.map(gate, () => {
        state.appends++
        state.largestAppend = Math.max(state.largestAppend, text.split("\n").length - 1)
        state.text += text
      }),
    replace: (text) =>
      Effect.sync(() => {
        state.replaced++
        state.text = text
      })
  }
  return { state, journal }
}

/** Returns a layer that records the log, and its lines. */
const recordLogs = () => {
  const lines: Array<string> = []
  return {
    lines,
    logs: Logger.layer([Logger.make(({ logLevel, message }) => void lines.push(`${logLevel}: ${message}`))])
  }
}

const gamesIn = (text: string) => {
  const past = ScoreJournalFormat.replay(text)
  return typeof past === "string" ? assert.fail(past) : past
}

describe("Scoreboard", () => {
  it.effect("writes a game before it answers, and pending games together", () =>
    Effect.gen(function* () {
      const gate = yield* Deferred.make<void>()
      const { journal, state } = memory(Deferred.await(gate))
      const { shared, table } = yield* Scoreboard.make({ journal })
      const players = yield* Effect.forEach(Array.from({ length: 1_000 }), (_, id) =>
        Effect.flatMap(
          shared.attach(client(id), () => {}),
          (ask) => Effect.forkChild(ask(finished(1, `p${id}`)), { startImmediately: true })
        )
      )
      yield* Effect.yieldNow
      assert.strictEqual(table.totals().games, 0)
      assert.isTrue(players.every((fiber) => fiber.pollUnsafe() === undefined))
      yield* Deferred.succeed(gate, undefined)
      for (const fiber of players) assert.strictEqual((yield* Fiber.join(fiber))._tag, "Counted")
      assert.strictEqual(gamesIn(state.text).gameLines, 1_000)
      assert.isAtMost(state.appends, 5)
    })
  )

  it.effect("counts a repeated request once and gives the same answer", () =>
    Effect.gen(function* () {
      const { journal, state } = memory()
      const { shared, table } = yield* Scoreboard.make({ journal })
      const ask = yield* shared.attach(client(1), () => {})
      const answer = yield* ask(finished(1))
      assert.deepStrictEqual(answer, { _tag: "Counted", rank: 1, players: 1 })
      assert.deepStrictEqual(yield* ask(finished(1)), answer)
      assert.strictEqual(table.totals().games, 1)
      assert.strictEqual(gamesIn(state.text).gameLines, 1)
    })
  )

  it.effect("counts a game whose client disconnects before the answer", () =>
    Effect.gen(function* () {
      const gate = yield* Deferred.make<void>()
      const { journal, state } = memory(Deferred.await(gate))
      const { shared } = yield* Scoreboard.make({ journal })
      const ask = yield* shared.attach(client(1), () => {})
      const first = yield* Effect.forkChild(ask(finished(1)), { startImmediately: true })
      yield* Fiber.interrupt(first)
      yield* Deferred.succeed(gate, undefined)
      yield* ask(finished(2))
      assert.strictEqual(gamesIn(state.text).gameLines, 2)
    })
  )

  it.effect("does not count a game that cannot be written, and counts the next one; logs both once", () =>
    Effect.gen(function* () {
      const { lines, logs } = recordLogs()
      const full = new Scoreboard.ScoreboardError({ message: "no space left on the device" })
      let broken = true
      const { journal, state } = memory(Effect.suspend(() => (broken ? Effect.fail(full) : Effect.void)))
      const { shared, table } = yield* Effect.provide(Scoreboard.make({ journal }), logs)
      const ask = yield* shared.attach(client(1), () => {})
      for (const game of [1, 2]) assert.strictEqual((yield* ask(finished(game)))._tag, "NotCounted")
      assert.strictEqual(table.totals().games, 0)
      broken = false
      for (const game of [3, 4]) assert.strictEqual((yield* ask(finished(game)))._tag, "Counted")
      assert.strictEqual(gamesIn(state.text).gameLines, 2)
      assert.deepStrictEqual(lines, [
        "Error: cannot write the scoreboard; games do not count until it can be written again: no space left on the device",
        "Info: the scoreboard is written again, games count: memory"
      ])
    })
  )

  it.effect("compacts a long journal without changing its contents", () =>
    Effect.gen(function* () {
      const { journal, state } = memory()
      const { shared } = yield* Scoreboard.make({ journal, compactAfter: 10 })
      const ask = yield* shared.attach(client(1), () => {})
      for (let game = 1; game <= 95; game++) yield* ask(finished(game, `p${game % 4}`))
      const past = gamesIn(state.text)
      assert.deepStrictEqual(past.table.totals(), { games: 95, wins: 95, players: 4 })
      assert.strictEqual(past.gameLines, 5)
      assert.strictEqual(state.replaced, 10)
    })
  )

  it.effect("keeps all games if a compaction fails, and logs that a later one succeeds", () =>
    Effect.gen(function* () {
      const { lines, logs } = recordLogs()
      const { journal, state } = memory()
      const error = new Scoreboard.ScoreboardError({ message: "no space left on the device" })
      let isStuck = false
      const stuck: Scoreboard.Journal = {
        ...journal,
        replace: (text) => (isStuck ? Effect.fail(error) : journal.replace(text))
      }
      const { shared } = yield* Effect.provide(Scoreboard.make({ journal: stuck, compactAfter: 3 }), logs)
      const ask = yield* shared.attach(client(1), () => {})
      isStuck = true
      for (let game = 1; game <= 10; game++) assert.strictEqual((yield* ask(finished(game)))._tag, "Counted")
      assert.strictEqual(gamesIn(state.text).gameLines, 10)
      isStuck = false
      for (let game = 11; game <= 16; game++) yield* ask(finished(game))
      assert.deepStrictEqual(lines, [
        ...Array.from({ length: 3 }, () => "Warn: cannot compact the scoreboard: no space left on the device"),
        "Info: the scoreboard is compacted again: memory"
      ])
    })
  )

  it.effect("continues after a restart with a new run number", () =>
    Effect.gen(function* () {
      let text = ""
      for (let run = 1; run <= 3; run++) {
        const { journal, state } = memory(undefined, text)
        yield* Effect.scoped(
          Effect.gen(function* () {
            const { shared } = yield* Scoreboard.make({ journal })
            const ask = yield* shared.attach(client(1), () => {})
            for (const game of [1, 2]) yield* ask(finished(game))
            assert.deepStrictEqual(yield* ask({ _tag: "Top" }), {
              _tag: "Top",
              games: 2 * run,
              wins: 2 * run,
              players: 1,
              best: [{ name: "ann", games: 2 * run, wins: 2 * run, wrong: 4 * run }]
            })
          })
        )
        text = state.text
        assert.strictEqual(gamesIn(text).run, run)
      }
      // An incomplete line is dropped, and the next run starts on a new line.
      const { journal, state } = memory(undefined, `${text}0123`)
      yield* Effect.scoped(Scoreboard.make({ journal }))
      assert.strictEqual(gamesIn(state.text).tornLines, 0)
      assert.strictEqual(gamesIn(state.text).table.totals().games, 6)
    })
  )

  it.effect("does not change a file that is not a scoreboard", () =>
    Effect.gen(function* () {
      const { journal, state } = memory(undefined, "dear diary\n")
      const error = yield* Effect.flip(Scoreboard.make({ journal }))
      assert.strictEqual(error.message, "memory: not a scoreboard file: invalid first line")
      assert.strictEqual(state.text, "dear diary\n")
    })
  )

  it.effect("writes 10,000 games of 500 concurrent clients in few batches of at most 256 games", () =>
    Effect.gen(function* () {
      const { journal, state } = memory()
      const { shared } = yield* Scoreboard.make({ journal })
      yield* Effect.forEach(
        Array.from({ length: 500 }),
        (_, id) =>
          Effect.gen(function* () {
            const ask = yield* shared.attach(client(id), () => {})
            for (let game = 1; game <= 20; game++) yield* ask(finished(game, `p${id}`))
          }),
        { concurrency: "unbounded" }
      )
      assert.strictEqual(gamesIn(state.text).gameLines, 10_000)
      assert.isAtMost(state.largestAppend, 256)
      assert.isAtMost(state.appends, 10_000 / 128)
    })
  )
})
