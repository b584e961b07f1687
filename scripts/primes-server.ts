/** The course's prime server on 127.0.0.1:1070; with the argument `exact`, 0 and 1 are not counted. */
import * as NodeRuntime from "@effect/platform-node/NodeRuntime"
import * as Effect from "effect/Effect"
import * as NodeThreadWorkers from "../src/farm/threads/NodeThreadWorkers.ts"
import * as NodeNetwork from "../src/network/node/NodeNetwork.ts"
import * as PrimeJob from "../src/primes/PrimeJob.ts"
import * as PrimeServer from "../src/primes/PrimeServer.ts"

PrimeServer.make({
  port: PrimeServer.defaultPort,
  dialect: process.argv[2] === "exact" ? "exact" : "course",
  workers: NodeThreadWorkers.make({ module: PrimeJob.module })
}).pipe(Effect.andThen(Effect.never), Effect.scoped, Effect.provide(NodeNetwork.layer), NodeRuntime.runMain)
