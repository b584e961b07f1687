import { assert, describe, it } from "@effect/vitest"
import * as Effect from "effect/Effect"
import type * as SimDisk from "../../../src/simulation/disk/SimDisk.ts"
import * as SimCheck from "../../../src/simulation/SimCheck.ts"
import { crashes } from "../../suites/disk/CheckpointCrashes.ts"
import * as SimFiles from "../../support/disk/SimFiles.ts"

const found = (disk: SimDisk.Options, mistake: SimFiles.Mistake) =>
  Effect.map(Effect.flip(SimCheck.check(crashes(disk, mistake), { runs: 100 })), ({ message }) => message)

describe("checkpoint of a farm on a disk that crashes", () => {
  it.live("is the old one or the new one", () => SimCheck.check(crashes(), { runs: 30 }))

  it.live("is the old one or the new one on a disk that reorders changes of folders", () =>
    SimCheck.check(crashes({ reorder: true }), { runs: 30, seed: 1_000 })
  )

  it.live("is the old one or the new one on a disk with faults", () =>
    SimCheck.check(crashes(), { runs: 36, generate: SimFiles.diskFaults })
  )

  it.live("is the old one or the new one on a disk with faults that reorders changes of folders", () =>
    SimCheck.check(crashes({ reorder: true }), { runs: 36, generate: SimFiles.diskFaults, seed: 1_000 })
  )

  it.live.each([
    ["a file were not synced before its rename", {}, SimFiles.withoutFileSync],
    ["the folder were not synced after the rename", {}, SimFiles.withoutFolderSync],
    ["a file were renamed before it is synced", {}, SimFiles.renameBeforeSync]
  ] as const)("would be lost or damaged if %s", ([, disk, mistake]) =>
    Effect.gen(function* () {
      assert.match(yield* found(disk, mistake), /WrongCheckpoint/)
    })
  )
})
