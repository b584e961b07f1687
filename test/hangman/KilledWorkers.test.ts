import * as Fs from "node:fs"
import { assert, describe } from "@effect/vitest"
import * as Effect from "effect/Effect"
import * as NodeHangman from "../../src/hangman/NodeHangman.ts"
import * as ScoreJournalFormat from "../../src/hangman/ScoreJournalFormat.ts"
import * as NodeProcesses from "../../src/session/NodeProcesses.ts"
import { childrenOf, procSkipReason, test } from "../session/node/WorkerServers.ts"
import { directory } from "../support/Directory.ts"
import * as Sessions from "../support/Sessions.ts"

const confirmedGames = 30
const gamesPerKill = 6
const players = ["ann", "bob", "cyd", "dan", "eve"]

/** Kills one of the workers, in turn. */
const killWorker = (turn: number) => {
  const children = childrenOf(process.pid)
  const victim = children[turn % children.length]
  if (victim !== undefined) process.kill(victim.pid, "SIGKILL")
}

describe("NodeHangman with killed workers", () => {
  for (const [name, model] of [
    ["a pool", NodeProcesses.model({ pool: 2 })],
    ["one for each player", NodeProcesses.model()]
  ] as const)
    test(
      `keeps every game whose result a player has read, once: ${name}`,
      Effect.gen(function* () {
        const { inRoot } = yield* directory({ words: "peach\n" })
        const scores = inRoot("scores")
        const confirmed = new Map(players.map((player) => [player, 0]))
        const sent = new Map(players.map((player) => [player, 0]))
        let total = 0
        const play = Effect.fnUntraced(function* (server: Parameters<typeof Sessions.connect>[0], player: string) {
          const connection = yield* Sessions.connect(server)
          const { to } = Sessions.reader(connection)
          yield* connection.write(`${player}\n`)
          while (total < confirmedGames) {
            sent.set(player, sent.get(player)! + 1)
            yield* connection.write("peach\n")
            yield* to("your rank is")
            confirmed.set(player, confirmed.get(player)! + 1)
            if (++total % gamesPerKill === 0) killWorker(total / gamesPerKill)
            yield* connection.write("yes\n")
          }
        }, Effect.scoped)
        yield* Effect.scoped(
          Effect.gen(function* () {
            const server = yield* NodeHangman.make({ port: 0, model, scores, settings: { words: inRoot("words") } })
            const playAll = (player: string) =>
              Effect.repeat(Effect.ignore(play(server, player)), { while: () => total < confirmedGames })
            yield* Effect.forEach(players, playAll, { concurrency: "unbounded" })
          })
        )
        const journal = Fs.readFileSync(scores, "utf8")
        const replayed = ScoreJournalFormat.replay(journal)
        if (typeof replayed === "string") return assert.fail(replayed)
        assert.strictEqual(replayed.tornLines, 0)
        // A game that was written twice would have one line more than games.
        assert.strictEqual(journal.split("\n").length - 2, replayed.gameLines)
        for (const { games, name, wins } of replayed.table.best(players.length)) {
          assert.strictEqual(games, wins)
          assert.isAtLeast(wins, confirmed.get(name)!)
          assert.isAtMost(wins, sent.get(name)!)
        }
        assert.isAtLeast(replayed.table.totals().games, total)
      }),
      procSkipReason
    )
})
