/** Runs a prime server with one thread, and prints its address. */
import * as NodeRuntime from "@effect/platform-node/NodeRuntime"
import * as Console from "effect/Console"
import * as Effect from "effect/Effect"
import * as NetAddress from "effect/net/NetAddress"
import * as NodeThreadWorkers from "../../src/farm/threads/NodeThreadWorkers.ts"
import * as NodeNetwork from "../../src/network/node/NodeNetwork.ts"
import * as PrimeJob from "../../src/primes/PrimeJob.ts"
import * as PrimeServer from "../../src/primes/PrimeServer.ts"

Effect.gen(function* () {
  const workers = NodeThreadWorkers.make({ module: PrimeJob.module, threads: 1 })
  const { address } = yield* PrimeServer.make({ port: 0, workers })
  yield* Console.log(NetAddress.formatSocketAddress(address))
  return yield* Effect.never
}).pipe(Effect.scoped, Effect.provide(NodeNetwork.layer), NodeRuntime.runMain)
