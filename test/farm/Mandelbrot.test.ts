import { assert, it } from "@effect/vitest"
import * as Effect from "effect/Effect"
import * as Cli from "../support/Cli.ts"

it.live("examples/mandelbrot draws a set that is symmetric about its middle row", () =>
  Effect.gen(function* () {
    const { ended } = yield* Cli.startScript("examples/mandelbrot/main.ts", [])
    const { code, stderr, stdout } = yield* ended
    assert.strictEqual(stderr, "")
    const rows = stdout.toString().split("\n").slice(0, -1)
    assert.strictEqual(rows.length, 31)
    assert.deepStrictEqual([...rows].reverse(), rows)
    assert.match(rows[15]!, /^ {6}@{50,}=/)
    assert.strictEqual(code, 0)
  })
)
