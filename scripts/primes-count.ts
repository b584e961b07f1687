/**
 * Counts the primes below a number on servers of the course, or without hosts on the threads of this machine:
 * node scripts/primes-count.ts 10000000 localhost
 */
import * as NodeRuntime from "@effect/platform-node/NodeRuntime"
import * as Console from "effect/Console"
import * as Effect from "effect/Effect"
import * as Farm from "../src/farm/Farm.ts"
import * as NodeThreadWorkers from "../src/farm/threads/NodeThreadWorkers.ts"
import * as NodeServices from "../src/network/node/NodeServices.ts"
import * as CourseWorkers from "../src/primes/CourseWorkers.ts"
import * as Kernels from "../src/primes/Kernels.ts"
import * as PrimeJob from "../src/primes/PrimeJob.ts"

const [below = "10000000", ...hosts] = process.argv.slice(2)

const workers =
  hosts.length === 0
    ? NodeThreadWorkers.make({ module: PrimeJob.module })
    : Effect.provide(CourseWorkers.make({ hosts }), NodeServices.layer)

Farm.run(PrimeJob.job, { from: 0, to: Number(below), kernel: Kernels.fastest }, { workers }).pipe(
  Effect.flatMap((count) => Console.log(`found ${count} primes`)),
  NodeRuntime.runMain
)
