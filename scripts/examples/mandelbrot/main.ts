/** Runs a job of your own on all processors, and prints its lines in order as soon as they are done. */
import * as NodeRuntime from "@effect/platform-node/NodeRuntime"
import * as Console from "effect/Console"
import * as Stream from "effect/Stream"
import { Farm, NodeThreadWorkers } from "effect-inet/farm"
import { job } from "./job.ts"

const workers = NodeThreadWorkers.make({ module: new URL("./job.ts", import.meta.url) })

Farm.stream(job, 31, { workers, ordered: true }).pipe(
  Stream.flatMap(({ result }) => Stream.fromIterable(result)),
  Stream.runForEach(Console.log),
  NodeRuntime.runMain
)
