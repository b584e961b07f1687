/** Counts the words of a file, as `wc -w`: word-count [FILE]. Without one it makes a file of 200 MB first. */
import * as Fs from "node:fs"
import * as Os from "node:os"
import * as Path from "node:path"
import * as NodeRuntime from "@effect/platform-node/NodeRuntime"
import * as Console from "effect/Console"
import * as Effect from "effect/Effect"
import { Farm, NodeThreadWorkers } from "effect-inet/farm"
import { job } from "./word-count-job.ts"

const makeFile = (folder: string) => {
  const path = Path.join(folder, "words.txt")
  const megabyte = "the quick brown fox jumps over a lazy dog\n\n".repeat(23_256)
  for (let written = 0; written < 200; written++) Fs.appendFileSync(path, megabyte)
  return path
}

const folder = Effect.acquireRelease(
  Effect.sync(() => Fs.mkdtempSync(Path.join(Os.tmpdir(), "words-"))),
  (folder) => Effect.sync(() => Fs.rmSync(folder, { recursive: true }))
)
const workers = NodeThreadWorkers.make({ module: new URL("./word-count-job.ts", import.meta.url) })

Effect.gen(function* () {
  const [path = makeFile(yield* folder)] = process.argv.slice(2)
  yield* Console.log(`${yield* Farm.run(job, path, { workers, bufferSize: 16 })} words`)
}).pipe(Effect.scoped, NodeRuntime.runMain)
