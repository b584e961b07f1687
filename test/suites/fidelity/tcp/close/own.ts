import * as Effect from "effect/Effect"
import { connected, pull } from "../../Connections.ts"
import type { Scenario } from "../../Fidelity.ts"
import { outcome } from "../../Inbox.ts"

export const scenario: Scenario = {
  name: "reads and writes after closing the own end fail with Closed",
  run: Effect.fnUntraced(function* ({ a, b }) {
    const { closeNear, near } = yield* connected({ a, b })
    yield* closeNear
    return [yield* outcome(near.write("late")), yield* pull(near)]
  }),
  expected: ["Closed", "<Closed>"]
}
