/** The compiled kernel corresponds to its source, and is small. */
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
    `is identical to the compiled source${missing ? " (skipped: assemblyscript is not installed)" : ""}`,
    async () => {
      assert.isTrue((await build()) === Fs.readFileSync(target, "utf8"), "run node scripts/build-kernel.ts")
    }
  )

  it("has at most 12,000 characters, so that it compiles quickly", () => {
    assert.isBelow(wheel.length, 12_000)
  })
})
