import { describe } from "@effect/vitest"
import * as NodeProcesses from "../../src/session/NodeProcesses.ts"
import * as NodeThreads from "../../src/session/NodeThreads.ts"
import { type Subject, suite } from "../suites/Sessions.ts"
import { onLoopback } from "../suites/SessionsSubjects.ts"

/** A process for every client, or a pool, is one program: these are for how a client comes, ends and asks. */
const each = ["a client that ends its side", "watchers that talk", "draining"]

const few: Subject["test"] = (name, body) => {
  if (each.some((start) => name.startsWith(start))) onLoopback(name, body)
}

const models = [
  ["processes", NodeProcesses.model(), true, few],
  ["processes, a pool of 2", NodeProcesses.model({ pool: 2 }), true, onLoopback],
  ["threads, 2 of them", NodeThreads.model({ threads: 2 }), false, onLoopback]
] as const

for (const [name, { serve }, exact, test] of models) {
  describe(name, () => suite({ serve, traits: { atOnce: Infinity, exact }, test }))
}
