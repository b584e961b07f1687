import { describe } from "@effect/vitest"
import * as NodeProcesses from "../../src/session/NodeProcesses.ts"
import * as NodeThreads from "../../src/session/NodeThreads.ts"
import { suite } from "../suites/session/Sessions.ts"
import { onLoopback, type Subject } from "../suites/session/SessionsSubjects.ts"

/** First words of the tests to run on a pool. It runs the same program as a process for each client, so few suffice. */
const poolTests = [
  "serves many clients",
  "answers all lines after the client's FIN",
  "ends only one client after a reset",
  "delivers every push",
  "answers earlier lines"
]

const inPool: Subject["test"] = (name, body) => {
  if (poolTests.some((start) => name.startsWith(start))) onLoopback(name, body)
}

const models = [
  ["processes", NodeProcesses.model(), { hasExactLimit: true, manyClients: 6 }, onLoopback],
  ["processes, a pool of 2", NodeProcesses.model({ pool: 2 }), { hasExactLimit: true }, inPool],
  ["threads, 2 of them", NodeThreads.model({ threads: 2 }), { hasExactLimit: false }, onLoopback],
  [
    "threads, one for each client",
    NodeThreads.model({ perClient: true }),
    { hasExactLimit: true, manyClients: 6 },
    onLoopback
  ]
] as const

for (const [name, { serve }, traits, test] of models) {
  describe(name, () => suite({ serve, traits: { maxConcurrentClients: Infinity, ...traits }, test }))
}
