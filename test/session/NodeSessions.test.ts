import { describe } from "@effect/vitest"
import * as NodeProcesses from "../../src/session/NodeProcesses.ts"
import * as NodeThreads from "../../src/session/NodeThreads.ts"
import { type Subject, suite } from "../suites/session/Sessions.ts"
import { onLoopback } from "../suites/session/SessionsSubjects.ts"

/** A pool runs the same program as a process for every client: what differs is how clients come, end and ask. */
const differing = ["many clients", "a client that ends its side", "a reset", "watchers that talk", "draining"]

const few: Subject["test"] = (name, body) => {
  if (differing.some((start) => name.startsWith(start))) onLoopback(name, body)
}

const models = [
  ["processes", NodeProcesses.model(), { hasExactLimit: true, manyClients: 6 }, onLoopback],
  ["processes, a pool of 2", NodeProcesses.model({ pool: 2 }), { hasExactLimit: true }, few],
  ["threads, 2 of them", NodeThreads.model({ threads: 2 }), { hasExactLimit: false }, onLoopback]
] as const

for (const [name, { serve }, traits, test] of models) {
  describe(name, () => suite({ serve, traits: { maxConcurrentClients: Infinity, ...traits }, test }))
}
