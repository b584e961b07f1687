import * as Effect from "effect/Effect"
import { connected, pull } from "../../Connections.ts"
import type { Scenario } from "../../Fidelity.ts"
import { outcome } from "../../Inbox.ts"

export const scenario: Scenario = {
  name: "a scope closes after a reset, here or there",
  run: Effect.fnUntraced(function* ({ a, b, settle }) {
    const { closeFar, closeNear, far, near } = yield* connected({ a, b })
    yield* near.abort
    yield* settle
    yield* closeNear
    yield* closeFar
    return [yield* pull(near), yield* pull(far), yield* outcome(far.write("late"))]
  }),
  expected: ["<Closed>", "<Closed>", "Closed"]
}
