import { describe } from "@effect/vitest"
import * as Fibers from "../../src/session/Fibers.ts"
import * as Iterative from "../../src/session/Iterative.ts"
import * as Select from "../../src/session/Select.ts"
import { suite } from "../suites/session/Sessions.ts"
import { onLoopback, onSimulation, traits } from "../suites/session/SessionsSubjects.ts"

const models = [
  [Iterative.model, traits.iterative],
  [Fibers.model, traits.fibers],
  [Select.model, traits.select]
] as const

for (const [{ name, serve }, trait] of models) {
  describe(`${name} on loopback`, () => suite({ serve, traits: trait, test: onLoopback }))
  describe(`${name} on a simulated network`, () => suite({ serve, traits: trait, test: onSimulation }))
}
