/** Scoreboard of hangman on a host that crashes. */
import * as Effect from "effect/Effect"
import * as FileJournal from "../../../src/hangman/journal/FileJournal.ts"
import * as Scoreboard from "../../../src/hangman/Scoreboard.ts"
import type * as SimDisk from "../../../src/simulation/disk/SimDisk.ts"
import type * as SimHost from "../../../src/simulation/network/SimHost.ts"
import type * as Simulation from "../../../src/simulation/Simulation.ts"
import * as SimFiles from "../../support/disk/SimFiles.ts"

class LostGame extends Error {
  override readonly name = "LostGame"
}

/** Journal that is checked: the durability that it promises, its mistake, its disk. */
export interface Setting {
  readonly sync: boolean
  readonly mistake?: SimFiles.Mistake | undefined
  readonly disk?: SimDisk.Options | undefined
  readonly compactAfter?: number | undefined
}

export const path = "/scores"
const players = 3

/** A server of three players whose host crashes; after each start its scoreboard has all games that were confirmed. */
export const crashes = ({ compactAfter = 7, disk = {}, mistake, sync }: Setting) =>
  Effect.fnUntraced(function* (simulation: Simulation.Simulation) {
    const confirmed = new Map<string, number>()
    const submitted = new Map<string, number>()
    let starts = 0
    const count = (games: Map<string, number>, name: string) => games.set(name, (games.get(name) ?? 0) + 1)
    const serve = (host: SimHost.SimHost) =>
      Effect.gen(function* () {
        const start = ++starts
        const platform = yield* SimFiles.platform(host, mistake)
        const journal = yield* FileJournal.make(platform, path, { sync, maxBytes: 1e9 })
        yield* simulation.sometimes("lost pages", journal.initialText.includes("\0"))
        const { shared, table } = yield* Scoreboard.make({ journal, compactAfter })
        for (const { games, name, wins } of table.best(10_000)) {
          if (wins > games) return yield* Effect.fail(new LostGame(`${name}: ${wins} of ${games} won`))
        }
        const rows = new Map(table.best(10_000).map(({ games, name }) => [name, games]))
        for (const [name, known] of submitted) {
          const games = rows.get(name) ?? 0
          const least = sync ? (confirmed.get(name) ?? 0) : 0
          if (games < least || games > known) {
            yield* Effect.fail(new LostGame(`${name}: ${games} games of ${least} confirmed, ${known} played`))
          }
        }
        yield* simulation.sometimes("games after a crash", start > 1 && rows.size > 0)
        const play = Effect.fnUntraced(function* (id: number) {
          const ask = yield* shared.attach({ id, remote: "", seed: 0 }, () => {})
          for (let game = 1; ; game++) {
            const name = `player-${id}-${"x".repeat(game % 200)}`
            count(submitted, name)
            const answer = yield* ask({ _tag: "Finished", game, name, word: "plum", won: true, wrong: 1 })
            if (answer._tag === "Counted") count(confirmed, name)
          }
        })
        yield* Effect.forEach([1, 2, 3].slice(0, players), play, { concurrency: "unbounded", discard: true })
      })
    yield* SimFiles.withCrashes(simulation, { crashes: 4, maxMillis: 120, disk }, (host) =>
      SimFiles.startAgain(serve(host), isDiskFailure)
    )
  })

/** Returns true if a server has not started because of its disk; a damaged journal is something else. */
const isDiskFailure = (error: unknown) =>
  error instanceof Scoreboard.ScoreboardError && !/not a scoreboard|damaged/.test(error.message)
