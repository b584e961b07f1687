/** Runs a job with a checkpoint: `Counting.ts FILE LOG`. Prints a line for each write, and the output. */
import * as NodeRuntime from "@effect/platform-node/NodeRuntime"
import * as Console from "effect/Console"
import * as Effect from "effect/Effect"
import * as Farm from "../../../src/farm/Farm.ts"
import * as NodeCheckpoint from "../../../src/farm/NodeCheckpoint.ts"
import * as NodeThreadWorkers from "../../../src/farm/threads/NodeThreadWorkers.ts"
import { job } from "../jobs/odd.ts"

const [path = "", log = ""] = process.argv.slice(2)
const file = NodeCheckpoint.file(path)

Farm.run(
  job,
  { to: 1_000, log },
  {
    workers: NodeThreadWorkers.make({ module: new URL("../jobs/odd.ts", import.meta.url), threads: 2 }),
    checkpoint: { ...file, write: (text) => Effect.tap(file.write(text), () => Console.log("saved")) },
    checkpointInterval: "10 millis",
    packetSize: 1
  }
).pipe(
  Effect.flatMap((answer) => Console.log(`answer ${answer}`)),
  NodeRuntime.runMain
)
