import * as Effect from "effect/Effect"
import { connected, join, start, tooMuch, until } from "../../Connections.ts"
import type { Scenario } from "../../Fidelity.ts"
import { outcome } from "../../Inbox.ts"

export const scenario: Scenario = {
  name: "RST fails a waiting write with Reset, and the own one with Closed",
  run: Effect.fnUntraced(function* ({ a, b, settle }) {
    const { far, near } = yield* connected({ a, b })
    const there = yield* start(outcome(far.write(tooMuch())))
    const here = yield* start(outcome(near.write(tooMuch())))
    yield* until({ settle }, () => far.traffic().unsent > 0 && near.traffic().unsent > 0)
    yield* near.abort
    return [yield* join(there), yield* join(here)]
  }),
  expected: ["Reset", "Closed"]
}
