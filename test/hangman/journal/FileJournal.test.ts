import { assert, describe, it } from "@effect/vitest"
import * as Effect from "effect/Effect"
import * as Path from "effect/Path"
import * as FileJournal from "../../../src/hangman/journal/FileJournal.ts"
import type * as SimDisk from "../../../src/simulation/disk/SimDisk.ts"
import * as SimCheck from "../../../src/simulation/SimCheck.ts"
import { crashes, path, type Setting } from "../../suites/disk/JournalCrashes.ts"
import * as SimDisks from "../../support/disk/SimDisks.ts"
import * as SimFiles from "../../support/disk/SimFiles.ts"

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
