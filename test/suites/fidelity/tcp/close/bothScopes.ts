import * as Effect from "effect/Effect"
import { connected, join, pull, start } from "../../Connections.ts"
import type { Scenario } from "../../Fidelity.ts"
import { outcome } from "../../Inbox.ts"

export const scenario: Scenario = {
  name: "the scopes of both ends close at once",
  run: Effect.fnUntraced(function* ({ a, b }) {
    const { closeFar, closeNear, far, near } = yield* connected({ a, b })
    const closing = [yield* start(closeNear), yield* start(closeFar)]
    for (const one of closing) yield* join(one)
    return [yield* outcome(near.write("late")), yield* outcome(far.write("late")), yield* pull(near), yield* pull(far)]
  }),
  expected: ["Closed", "Closed", "<Done>", "<Done>"]
}
