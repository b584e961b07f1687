import { describe, it } from "@effect/vitest"
import * as Effect from "effect/Effect"
import * as RunStore from "../../src/cluster/RunStore.ts"
import { checks } from "./RunStores.ts"

describe("RunStore in memory", () => {
  for (const [name, check] of Object.entries(checks)) {
    it.effect(name, () => Effect.provide(check, RunStore.layerMemory))
  }
})
