import * as Effect from "effect/Effect"
import { connected, pull } from "../../Connections.ts"
import type { Scenario } from "../../Fidelity.ts"
import { outcome } from "../../Inbox.ts"

export const scenario: Scenario = {
  name: "after abort the own end is Closed",
  run: Effect.fnUntraced(function* ({ a, b }) {
    const { near } = yield* connected({ a, b })
    yield* near.abort
    return [yield* pull(near), yield* outcome(near.write("late"))]
  }),
  expected: ["<Closed>", "Closed"]
}
