/** The farm on two threads, as an application runs it. */
import * as Effect from "effect/Effect"
import * as Scope from "effect/Scope"
import * as Farm from "../../../src/farm/Farm.ts"
import * as NodeThreadWorkers from "../../../src/farm/threads/NodeThreadWorkers.ts"
import { answer } from "./answer.ts"
import { job } from "./empty.ts"

const module = new URL("./empty.ts", import.meta.url)
const pool = NodeThreadWorkers.make({ module, threads: 2 })
const workers = Effect.succeed(await Effect.runPromise(Scope.provide(pool, Scope.makeUnsafe())))

answer((packets, done) => {
  const counted = {
    ...job,
    merge: (count: number) => {
      done()
      return count + 1
    }
  }
  return Effect.runPromise(Effect.asVoid(Farm.run(counted, packets, { workers, packetSize: 1 })))
})
