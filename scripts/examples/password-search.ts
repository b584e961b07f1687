/** Searches the PIN of six digits with a hash, and stops all threads at the first hit: password-search [PIN] */
import * as NodeRuntime from "@effect/platform-node/NodeRuntime"
import * as Console from "effect/Console"
import * as Effect from "effect/Effect"
import * as Stream from "effect/Stream"
import { Farm, NodeThreadWorkers } from "effect-inet/farm"
import { hashOf, job } from "./password-search-job.ts"

const [pin = "271828"] = process.argv.slice(2)
const workers = NodeThreadWorkers.make({ module: new URL("./password-search-job.ts", import.meta.url) })

Farm.stream(job, hashOf(pin), { workers }).pipe(
  Stream.map(({ result }) => result),
  Stream.filter((password) => password !== null),
  Stream.take(1),
  Stream.runCollect,
  Effect.flatMap(([password]) => Console.log(password ?? "not found")),
  NodeRuntime.runMain
)
