/** The compiled kernel is what its source says, and starts quickly. */
import * as Fs from "node:fs"
import { assert, describe, it } from "@effect/vitest"
import { build, target } from "../../scripts/build-kernel.ts"
import { wheel } from "../../src/primes/WheelModule.ts"

const missing = await import("assemblyscript/asc").then(
  () => false,
  () => true
)

describe("WheelModule", () => {
  it.skipIf(missing)(
    `is what its source compiles to${missing ? " (skipped: assemblyscript is not installed)" : ""}`,
    async () => {
      assert.isTrue((await build()) === Fs.readFileSync(target, "utf8"), "run node scripts/build-kernel.ts")
    }
  )

  it("is small enough to be compiled at once wherever it is needed", () => {
    assert.isBelow(wheel.length, 12_000)
  })
})
