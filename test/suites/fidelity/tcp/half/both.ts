import * as Effect from "effect/Effect"
import { connected, pull, rest } from "../../Connections.ts"
import type { Scenario } from "../../Fidelity.ts"
import { outcome } from "../../Inbox.ts"

export const scenario: Scenario = {
  name: "both outputs ended, both inputs read, the connection is over",
  run: Effect.fnUntraced(function* ({ a, b }) {
    const { far, near } = yield* connected({ a, b })
    yield* near.end
    yield* far.end
    return [yield* rest(near), yield* rest(far), yield* outcome(near.write("x")), yield* pull(near)]
  }),
  expected: ["<Done>", "<Done>", "Closed", "<Done>"]
}
