/** The farm on two threads that are started: runs the input of each line, which is JSON, and answers with its time. */
import * as Readline from "node:readline"
import * as Effect from "effect/Effect"
import * as Scope from "effect/Scope"
import * as Farm from "../../../src/farm/Farm.ts"
import * as NodeThreadWorkers from "../../../src/farm/threads/NodeThreadWorkers.ts"
import * as Packets from "./packets.ts"

const pool = NodeThreadWorkers.make({ module: Packets.module, threads: 2 })
const workers = Effect.succeed(await Effect.runPromise(Scope.provide(pool, Scope.makeUnsafe())))

process.stdout.write("ready\n")
const lines = Readline.createInterface(process.stdin)
lines.on("line", async (line) => {
  const start = performance.now()
  await Effect.runPromise(Farm.run(Packets.job, JSON.parse(line), { workers, packetSize: 1 }))
  process.stdout.write(`${performance.now() - start}\n`)
})
lines.on("close", () => process.exit())
process.on("SIGTERM", () => process.exit())
