import * as NodeFileSystem from "@effect/platform-node/NodeFileSystem"
import { assert, describe, it } from "@effect/vitest"
import * as Effect from "effect/Effect"
import * as FileSystem from "effect/FileSystem"
import * as SimDisk from "../../../src/simulation/disk/SimDisk.ts"
import * as SimClock from "../../../src/simulation/runtime/SimClock.ts"
import { scenarios as attributeScenarios } from "../../suites/disk/attributeScenarios.ts"
import { scenarios as contentScenarios } from "../../suites/disk/contentScenarios.ts"
import * as DiskScenario from "../../suites/disk/DiskScenario.ts"
import { scenarios as folderScenarios } from "../../suites/disk/folderScenarios.ts"

/** A disk whose programs are the user of this process, with calls that take no time. */
const simulated = Effect.sync(() => {
  const options = { latency: false, user: process.getuid?.() ?? 0, group: process.getgid?.() ?? 0 } as const
  return SimDisk.make({ clock: SimClock.make(), random: Math.random, name: "a", options }).fileSystem
})

describe.each([
  ["contents", contentScenarios],
  ["folders", folderScenarios],
  ["attributes", attributeScenarios]
] as const)("simulated disk and host: %s", (_, scenarios) => {
  for (const [name, scenario] of Object.entries(scenarios)) {
    it.live(name, () =>
      Effect.gen(function* () {
        const real = yield* Effect.provide(DiskScenario.run(scenario), NodeFileSystem.layer)
        const found = yield* Effect.provideServiceEffect(DiskScenario.run(scenario), FileSystem.FileSystem, simulated)
        assert.deepStrictEqual(found, real)
      })
    )
  }
})
