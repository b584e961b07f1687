import { describe } from "@effect/vitest"
import * as NodeProcesses from "../../src/session/NodeProcesses.ts"
import * as NodeThreads from "../../src/session/NodeThreads.ts"
import { suite } from "../suites/Sessions.ts"
import { onLoopback } from "../suites/SessionsSubjects.ts"

const models = [
  ["processes", NodeProcesses.model(), true, 6],
  ["processes, a pool of 2", NodeProcesses.model({ pool: 2 }), true, 60],
  ["threads, 2 of them", NodeThreads.model({ threads: 2 }), false, 60]
] as const

for (const [name, { serve }, exact, many] of models) {
  describe(name, () => suite({ serve, traits: { atOnce: Infinity, exact, many }, test: onLoopback }))
}
