import { assert, it } from "@effect/vitest"
import * as GuidePrograms from "../support/simulation/GuidePrograms.ts"

it.each(GuidePrograms.guides)(
  "%s has its programs as they are, and what they print; node test/support/simulation/GuidePrograms.ts updates it",
  async (path) => {
    const { actual, expected, programs } = await GuidePrograms.guide(path)
    assert.isAtLeast(programs, 4)
    assert.strictEqual(actual, expected)
  },
  60_000
)
