/** Each fault of a plan arrives on live sockets as often as the engine has applied it. */
import { assert, describe, it } from "@effect/vitest"
import * as Effect from "effect/Effect"
import * as Rates from "../../../scripts/bench/impair/rates.ts"
import { run } from "./Impaired.ts"

describe("the rate of a fault on live sockets", () => {
  it.live.each(Rates.rows.map((row) => [row.plan, row] as const))("%s", ([, row]) =>
    run(
      Effect.gen(function* () {
        const { applied, counted, deviations, kernelDrops } = yield* Rates.measure(row, 400, 1)
        assert.strictEqual(kernelDrops, 0)
        assert.isBelow(Math.abs(applied - row.share * 400), 100)
        // A busy machine delays further segments.
        if (row.isTimed === true) assert.isAtLeast(counted, applied)
        else {
          // Nothing comes after the last datagrams that could overtake them.
          assert.closeTo(counted, applied, /^(reorder|delay)/.test(row.plan) ? 3 : 0)
          assert.isBelow(Math.abs(deviations), 4)
        }
      })
    )
  )
})
