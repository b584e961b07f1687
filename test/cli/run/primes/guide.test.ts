/** The flags in the guide to the farm; `examples.test.ts` runs its programs. */
import * as Fs from "node:fs"
import { assert, it } from "@effect/vitest"
import * as Effect from "effect/Effect"
import * as Cli from "../../../support/Cli.ts"

const guide = Fs.readFileSync(new URL("../../../../docs/guide/farm.md", import.meta.url), "utf8")

it.effect("guide/farm: lists every flag of primes count", () =>
  Effect.gen(function* () {
    const { stdout } = yield* Cli.runInProcess(["primes", "count", "--help"])
    const [help = ""] = stdout.split("GLOBAL FLAGS")
    const flags = Array.from(help.matchAll(/^ {2}(--[\w-]+)/gm), ([, flag]) => flag)
    const rows = Array.from(guide.matchAll(/^\| `(--[\w-]+)/gm), ([, flag]) => flag).filter((row) => row !== undefined)
    assert.deepStrictEqual(rows.slice(-flags.length), flags)
  })
)
