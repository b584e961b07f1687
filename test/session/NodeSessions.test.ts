import { describe } from "@effect/vitest"
import * as NodeProcesses from "../../src/session/NodeProcesses.ts"
import * as NodeThreads from "../../src/session/NodeThreads.ts"
import { suite } from "../suites/session/Sessions.ts"
import { onLoopback, type Subject } from "../suites/session/SessionsSubjects.ts"

/** First words of the tests to run on a pool. It runs the same program as a process for each client, so few suffice. */
const poolTests = [
  "serves many clients",
  "answers all lines after the client's FIN, and one without an end by its policy (deliver)",
  "ends only one client after a reset",
  "delivers every push",
  "answers earlier lines"
]

/**
 * First words of the tests to run on the other workers: those of the connection, the shared state and the limits.
 * Server and worker each have a part of these. The session itself runs in a worker as it does elsewhere.
 */
const workerTests = [
  ...poolTests,
  "numbers clients",
  "ends an idle client",
  "reads no line before the answer",
  "attaches a client",
  "disconnects a watcher",
  "delays a client above the rate",
  "emits the events",
  "serves other clients while one does not read",
  "sends the busy message"
]

/** Registers the tests whose names start in this way. */
const only =
  (starts: ReadonlyArray<string>): Subject["test"] =>
  (name, body) => {
    if (starts.some((start) => name.startsWith(start))) onLoopback(name, body)
  }

const models = [
  ["processes", NodeProcesses.model(), { hasExactLimit: true, manyClients: 4 }, only(workerTests)],
  ["processes, a pool of 2", NodeProcesses.model({ pool: 2 }), { hasExactLimit: true }, only(poolTests)],
  ["threads, 2 of them", NodeThreads.model({ threads: 2 }), { hasExactLimit: false }, only(workerTests)],
  [
    "threads, one for each client",
    NodeThreads.model({ perClient: true }),
    { hasExactLimit: true, manyClients: 6 },
    only(workerTests)
  ]
] as const

for (const [name, { serve }, traits, test] of models) {
  describe(name, () => suite({ serve, traits: { maxConcurrentClients: Infinity, ...traits }, test }))
}
