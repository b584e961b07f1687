import { execFileSync } from "node:child_process"
import { assert, describe, it } from "@effect/vitest"
import * as Effect from "effect/Effect"
import * as Schema from "effect/Schema"
import * as TestCommand from "../../../src/simulation/explain/TestCommand.ts"

describe("TestCommand", () => {
  it("names the running test (this one) and its file", () => {
    assert.strictEqual(
      TestCommand.find(),
      String.raw`npx vitest run test/simulation/explain/TestCommand.test.ts -t 'TestCommand > names the running test \(this one\) and its file'`
    )
  })

  it.effect.prop(
    "quotes any word for the shell",
    [Schema.Array(Schema.String)],
    ([texts]) =>
      Effect.sync(() => {
        const words = texts.map((text) => text.replaceAll("\0", ""))
        const script = `printf '%s\\0' start ${words.map(TestCommand.quote).join(" ")}`
        const printed = execFileSync("sh", ["-c", script], { encoding: "utf8" })
        // UTF-16 units that are not characters have no encoding.
        assert.deepStrictEqual(
          printed.split("\0").slice(1, -1),
          words.map((word) => word.toWellFormed())
        )
      }),
    { arbitrary: { runs: 30 } }
  )
})
