/** A server of number guessing under the model that its command line names, until its parent ends it. */
import * as Effect from "effect/Effect"
import * as GuessServer from "../../../guess/GuessServer.ts"
import * as NodeNetwork from "../../../network/node/NodeNetwork.ts"
import type { WorkerModel } from "../../../session/ConcurrencyModel.ts"
import type { ModelVariant } from "./NodeLoadGenerator.ts"

/** Loaders of the models. Only the chosen one is imported: the others would use memory. */
const models: Readonly<Record<ModelVariant, () => Promise<WorkerModel>>> = {
  iterative: async () => (await import("../../../session/Iterative.ts")).model,
  fibers: async () => (await import("../../../session/Fibers.ts")).model,
  select: async () => (await import("../../../session/Select.ts")).model,
  processes: async () => (await import("../../../session/NodeProcesses.ts")).model(),
  "pool of 2": async () => (await import("../../../session/NodeProcesses.ts")).model({ pool: 2 }),
  threads: async () => (await import("../../../session/NodeThreads.ts")).model({ perClient: true }),
  "2 threads": async () => (await import("../../../session/NodeThreads.ts")).model({ threads: 2 })
}

const [kind, clients] = process.argv.slice(2)

const ended = new Promise<unknown>((resolve) => void process.once("disconnect", resolve).once("message", resolve))

const main = Effect.gen(function* () {
  const model = yield* Effect.promise(models[kind as ModelVariant])
  const server = yield* GuessServer.make({
    port: 0,
    model,
    // Each thread has half of the limit, and the kernel may assign all clients to one.
    maxConnections: 2 * Number(clients),
    rate: Number.MAX_SAFE_INTEGER,
    drain: 0
  })
  if ("port" in server.address && process.connected) process.send!(server.address.port)
  return yield* Effect.never
}).pipe(Effect.scoped, Effect.provide(NodeNetwork.layer))

// Ctrl-C at the terminal signals all processes; the parent ends them in order.
process.on("SIGINT", () => {})
// The effects below do not keep the event loop alive.
const alive = setInterval(() => {}, 60_000)
await Effect.runPromise(
  Effect.raceFirst(
    main,
    Effect.promise(() => ended)
  )
)
clearInterval(alive)
process.exit(0)
