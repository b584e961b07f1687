/**
 * A process for tests of state files. `lock PATH` holds the lock until it is killed; `write PATH` replaces the file
 * without end by one repeated digit, and prints a line for each write.
 */
import * as NodeRuntime from "@effect/platform-node/NodeRuntime"
import * as Effect from "effect/Effect"
import * as NodeLockFile from "../../../src/process/NodeLockFile.ts"
import * as NodeStateFile from "../../../src/process/NodeStateFile.ts"

const [task, path] = process.argv.slice(2) as [string, string]

const lock = Effect.gen(function* () {
  const locked = yield* Effect.result(NodeLockFile.acquire(path))
  process.stdout.write(`${locked._tag === "Success" ? "locked" : locked.failure.message}\n`)
  return yield* Effect.never
})

let count = 0
const write = Effect.suspend(() =>
  Effect.map(NodeStateFile.make(path).write(String(count++ % 10).repeat(200_000)), () =>
    process.stdout.write("written\n")
  )
)

NodeRuntime.runMain(Effect.scoped(task === "lock" ? lock : Effect.forever(write)))
