/** The exit of a process while a call to the system does not return: the open of a FIFO without a writer. */
import * as ChildProcess from "node:child_process"
import * as Path from "node:path"
import { assert, describe, it } from "@effect/vitest"
import * as Effect from "effect/Effect"
import { directory } from "../../support/Directory.ts"

const source = Path.join(import.meta.dirname, "../../../src/cli/node/NodeExit.ts")

/** Runs statements in a process that has `NodeExit`, and a call that does not return. Returns its code and signal. */
const run = Effect.fnUntraced(function* (statements: string) {
  const { inRoot } = yield* directory()
  ChildProcess.execFileSync("mkfifo", [inRoot("fifo")])
  const program = `
import * as Fs from "node:fs"
import * as NodeExit from ${JSON.stringify(source)}
process.on("SIGTERM", () => {})
const path = ${JSON.stringify(inRoot("fifo"))}
Fs.open(path, "r", () => {})
${statements}
`
  return yield* Effect.callback<readonly [code: number | null, signal: string | null]>((resume) => {
    const child = ChildProcess.spawn(process.execPath, ["--input-type=module", "-e", program], { stdio: "inherit" })
    child.once("exit", (code, signal) => resume(Effect.succeed([code, signal])))
    return Effect.sync(() => void child.kill("SIGKILL"))
  })
})

describe("NodeExit", () => {
  it.live("ends the process by the signal if a call does not return", () =>
    Effect.gen(function* () {
      assert.deepStrictEqual(yield* run('NodeExit.exitNow(130, "SIGTERM")'), [null, "SIGTERM"])
      assert.deepStrictEqual(yield* run('NodeExit.exit(0, "SIGTERM")'), [null, "SIGTERM"])
    }).pipe(Effect.scoped)
  )

  it.live("exits with the code if the call returns in time", () =>
    Effect.gen(function* () {
      const returned = 'NodeExit.exit(7, "SIGTERM"); setImmediate(() => Fs.openSync(path, "r+"))'
      assert.deepStrictEqual(yield* run(returned), [7, null])
    }).pipe(Effect.scoped)
  )

  it.live("exits with the code without a call", () =>
    Effect.gen(function* () {
      const program = `import * as NodeExit from ${JSON.stringify(source)}; NodeExit.exitNow(7, "SIGTERM")`
      const { status } = ChildProcess.spawnSync(process.execPath, ["--input-type=module", "-e", program])
      assert.strictEqual(status, 7)
    })
  )
})
