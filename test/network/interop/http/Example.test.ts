import { assert, it } from "@effect/vitest"
import * as Effect from "effect/Effect"
import * as Cli from "../../../support/Cli.ts"

it.live("examples/test-http-api finds the payment that is made twice, and shrinks the faults to one", () =>
  Effect.gen(function* () {
    const { code, stdout } = yield* Effect.scoped(
      Effect.flatMap(Cli.startScript("examples/test-http-api.ts", [], {}), ({ ended }) => ended)
    )
    assert.strictEqual(code, 0)
    assert.match(stdout.toString(), /^1 \+ 2 \+ 3 were paid, but the balance is \d+ \(.*after 1 fault\)/)
    assert.match(stdout.toString(), /SIM_PLAN='(?:reset|cut)=#\d+ [^']*'/)
  })
)
