import * as Effect from "effect/Effect"
import { connected, rest } from "../../Connections.ts"
import type { Scenario } from "../../Fidelity.ts"
import { outcome } from "../../Inbox.ts"

export const scenario: Scenario = {
  name: "ending twice is ending once",
  run: Effect.fnUntraced(function* ({ a, b }) {
    const { far, near } = yield* connected({ a, b })
    yield* near.write("data")
    yield* near.end
    yield* near.end
    return [yield* rest(far), yield* outcome(near.write("late"))]
  }),
  expected: ["data<Done>", "Closed"]
}
