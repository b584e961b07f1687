import * as Effect from "effect/Effect"
import { connected, pull, take } from "../../Connections.ts"
import type { Scenario } from "../../Fidelity.ts"
import { outcome } from "../../Inbox.ts"

export const scenario: Scenario = {
  name: "pulls after endRead return what has arrived, then Done",
  run: Effect.fnUntraced(function* ({ a, b }) {
    const { far, near } = yield* connected({ a, b })
    yield* near.write("first")
    yield* take(far, 5)
    yield* far.endRead
    return [yield* pull(far), yield* pull(far), yield* outcome(far.write("still"))]
  }),
  expected: ["<Done>", "<Done>", "Success"]
}
