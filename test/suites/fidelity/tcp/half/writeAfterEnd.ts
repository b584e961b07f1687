import * as Effect from "effect/Effect"
import { connected } from "../../Connections.ts"
import type { Scenario } from "../../Fidelity.ts"
import { outcome } from "../../Inbox.ts"

export const scenario: Scenario = {
  name: "writes after the end of the own output fail with Closed, also empty ones",
  run: Effect.fnUntraced(function* ({ a, b }) {
    const { near } = yield* connected({ a, b })
    yield* near.end
    return [yield* outcome(near.write("late")), yield* outcome(near.write(""))]
  }),
  expected: ["Closed", "Closed"]
}
