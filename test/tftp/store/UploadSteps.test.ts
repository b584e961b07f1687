import { assert, describe, it } from "@effect/vitest"
import * as Effect from "effect/Effect"
import * as SimCheck from "../../../src/simulation/SimCheck.ts"
import * as UploadSteps from "../../../src/tftp/store/UploadSteps.ts"
import { crashes, type Steps, stepsOf, type Way, without } from "../../suites/disk/UploadCrashes.ts"
import * as SimFiles from "../../support/disk/SimFiles.ts"

const found = (way: Way, steps: Steps, reorder = false) =>
  Effect.map(Effect.flip(SimCheck.check(crashes(way, steps, reorder), { runs: 200 })), ({ message }) => message)

const ways = ["replace", "create", "in place"] as const

describe("uploads to a disk that crashes", () => {
  it.live.each(ways)("are whole, and there once they are acknowledged: %s", (way) =>
    SimCheck.check(crashes(way), { runs: 25 })
  )

  it.live.each(ways)("are whole on a disk that reorders changes of folders: %s", (way) =>
    SimCheck.check(crashes(way, stepsOf[way], true), { runs: 25, seed: 1_000 })
  )

  it.live.each(ways)("are whole, and there once they are acknowledged, with faults of the disk: %s", (way) =>
    SimCheck.check(crashes(way), { runs: 18, generate: SimFiles.diskFaults })
  )

  it.live.each(ways)("are whole on a disk with faults that reorders changes of folders: %s", (way) =>
    SimCheck.check(crashes(way, stepsOf[way], true), { runs: 18, generate: SimFiles.diskFaults, seed: 1_000 })
  )

  it.live.each([
    ["replace", "SyncTemporary", "the file is not synced"],
    ["replace", "SyncFolder", "the folder is not synced"],
    ["create", "SyncTemporary", "a new file is not synced"],
    ["create", "SyncFolder", "its folder is not synced"],
    ["in place", "SyncTemporaryFolder", "the complete file has its name only in the cache"],
    ["in place", "SyncTemporary", "the complete file is not synced"],
    ["in place", "SyncTarget", "the target is not synced"]
  ] as const)("would be damaged or lost: %s without %s, as %s", ([way, step]) =>
    Effect.gen(function* () {
      assert.match(yield* found(way, without(stepsOf[way], step), true), /WrongUpload/)
    })
  )

  it.live("would be damaged if the rename came before the sync", () =>
    Effect.gen(function* () {
      const steps: Steps = ["TakeName", "RemoveTemporary", "SyncFolder"]
      assert.match(yield* found("replace", steps), /WrongUpload/)
    })
  )

  it.live("may be damaged without sync, as the documentation says", () =>
    Effect.gen(function* () {
      assert.match(yield* found("create", UploadSteps.byName({ sync: false })), /WrongUpload/)
    })
  )
})
