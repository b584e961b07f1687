import { assert, describe, it } from "@effect/vitest"
import * as Effect from "effect/Effect"
import * as database from "../../../../src/cli/run/farm/database.ts"
import * as PrimeJob from "../../../../src/primes/PrimeJob.ts"
import * as Directory from "../../../support/Directory.ts"

const message = (jobs: string) =>
  Effect.map(Effect.orDie(Effect.flip(database.loadJobs(jobs))), ({ message }) => message)

describe("the jobs of farm serve", () => {
  it.effect("are those of the modules, and that of primes", () =>
    Effect.gen(function* () {
      assert.lengthOf(yield* database.loadJobs(undefined), 1)
      const [, loaded] = yield* database.loadJobs(PrimeJob.module)
      assert.strictEqual(loaded?.job.name, "primes")
    })
  )

  it.effect("are not loaded from a program, which does not run, nor from other files without a job", () =>
    Effect.gen(function* () {
      const { inRoot, root } = yield* Directory.directory({
        "program.mjs": `throw new Error("usage: program COMMAND")`,
        "other.mjs": "export const answer = 42",
        "throws.mjs": `export const job = 1; throw new Error("first\\n  second")`
      })
      const cannotLoad = (path: string, detail: string) =>
        `--jobs: cannot load jobs from ${path}: ${detail}; give a module that exports a farm \`job\``
      for (const [name, detail] of [
        ["program.mjs", "it exports nothing"],
        ["other.mjs", "it exports no farm `job`; its exports: answer"],
        ["throws.mjs", "first, second"],
        ["none.mjs", "no such file"]
      ] as const) {
        assert.strictEqual(yield* message(inRoot(name)), cannotLoad(inRoot(name), detail))
      }
      assert.strictEqual(yield* message(root), cannotLoad(root, "not a file"))
    }).pipe(Effect.scoped)
  )
})
