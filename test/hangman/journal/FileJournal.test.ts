import { assert, describe, it } from "@effect/vitest"
import * as Effect from "effect/Effect"
import * as Path from "effect/Path"
import * as FileJournal from "../../../src/hangman/journal/FileJournal.ts"
import * as Scoreboard from "../../../src/hangman/Scoreboard.ts"
import type * as SimDisk from "../../../src/simulation/disk/SimDisk.ts"
import type * as SimHost from "../../../src/simulation/network/SimHost.ts"
import * as SimCheck from "../../../src/simulation/SimCheck.ts"
import type * as Simulation from "../../../src/simulation/Simulation.ts"
import * as SimDisks from "../../support/disk/SimDisks.ts"
import * as SimFiles from "../../support/disk/SimFiles.ts"

class LostGame extends Error {
  override readonly name = "LostGame"
}

/** Journal that is checked: the durability that it promises, its mistake, its disk. */
interface Setting {
  readonly sync: boolean
  readonly mistake?: SimFiles.Mistake | undefined
  readonly disk?: SimDisk.Options | undefined
  readonly compactAfter?: number | undefined
}

const path = "/scores"
const players = 3

/** A server of three players whose host crashes; after each start its scoreboard has all games that were confirmed. */
const crashes = ({ compactAfter = 7, disk = {}, mistake, sync }: Setting) =>
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

const found = (setting: Setting, options: SimCheck.Options = {}) =>
  Effect.map(Effect.flip(SimCheck.check(crashes(setting), { runs: 100, ...options })), ({ message }) => message)

describe("journal of hangman on a disk that crashes", () => {
  it.live("has every confirmed game if it is synced", () => SimCheck.check(crashes({ sync: true }), { runs: 25 }))

  it.live("has every confirmed game on a disk that reorders changes of folders", () =>
    SimCheck.check(crashes({ sync: true, disk: { reorder: true } }), { runs: 20, seed: 1_000 })
  )

  it.live("stays readable, with no game that was not played, if it is not synced", () =>
    SimCheck.check(crashes({ sync: false, compactAfter: 200 }), { runs: 25, sometimes: ["lost pages"] })
  )

  it.live("has every confirmed game if it is synced, with faults of the disk", () =>
    SimCheck.check(crashes({ sync: true }), { runs: 36, generate: SimFiles.diskFaults })
  )

  it.live("has every confirmed game on a disk with faults that reorders changes of folders", () =>
    SimCheck.check(crashes({ sync: true, disk: { reorder: true } }), { runs: 36, generate: SimFiles.diskFaults })
  )

  it.effect("cuts off bytes that a failed sync has left in the cache of an earlier process", () =>
    Effect.gen(function* () {
      const header = "first line\n"
      for (let seed = 1; seed <= 20; seed++) {
        let failing: "never" | "sync" | "all" = "never"
        const fault = (operation: SimDisk.Operation) => {
          if (failing === "sync" && operation === "sync") failing = "all"
          return failing === "all" ? ({ error: "EIO", delayNanos: 0 } as const) : undefined
        }
        const { disk } = SimDisks.make(seed, { latency: false, files: { [path]: header } }, { fault })
        const start = Effect.flatMap(SimFiles.platform({ disk }), (platform) =>
          FileJournal.make(platform, path, { sync: true, maxBytes: 1e9 })
        )
        const first = Effect.gen(function* () {
          const { append } = yield* start
          yield* append("kept\n")
          failing = "sync"
          yield* Effect.flip(append("not confirmed\n"))
          failing = "never"
        })
        const second = Effect.flatMap(start, ({ append }) => append("confirmed\n"))
        yield* Effect.provide(Effect.andThen(Effect.scoped(first), Effect.scoped(second)), Path.layer)
        disk.crash()
        const text = new TextDecoder().decode(disk.image().get(path))
        assert.includeMembers(text.split("\n"), ["kept", "confirmed"], JSON.stringify(text))
      }
    })
  )

  it.live("would lose confirmed games if appends were not synced", () =>
    Effect.gen(function* () {
      assert.match(yield* found({ sync: true, mistake: SimFiles.withoutFileSync }), /LostGame|not a scoreboard/)
    })
  )

  it.live("would lose confirmed games if the folder were not synced after a compaction", () =>
    Effect.gen(function* () {
      assert.match(
        yield* found({ sync: true, mistake: SimFiles.withoutFolderSync, disk: { reorder: true } }),
        /LostGame|not a scoreboard/
      )
    })
  )

  it.live("would be unreadable if a compacted journal were renamed before it is synced", () =>
    Effect.gen(function* () {
      assert.match(
        yield* found({ sync: true, mistake: SimFiles.renameBeforeSync }),
        /LostGame|not a scoreboard|damaged/
      )
    })
  )
})
