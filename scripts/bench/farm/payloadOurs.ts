/** Buffers in the farm, on two threads. */
import * as Effect from "effect/Effect"
import * as Scope from "effect/Scope"
import * as Farm from "../../../src/farm/Farm.ts"
import * as NodeThreadWorkers from "../../../src/farm/threads/NodeThreadWorkers.ts"
import { job, moving } from "./payload.ts"
import { answer } from "./payloadAnswer.ts"

const pool = NodeThreadWorkers.make({ module: new URL("./payload.ts", import.meta.url), threads: 2 })
const workers = Effect.succeed(await Effect.runPromise(Scope.provide(pool, Scope.makeUnsafe())))

answer((payload, isMoved) => Effect.runPromise(Farm.run(isMoved ? moving : job, payload, { workers, packetSize: 1 })))
