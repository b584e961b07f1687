import * as Effect from "effect/Effect"
import { listen, portOf, tryConnect } from "../../Connections.ts"
import type { Scenario } from "../../Fidelity.ts"

export const scenario: Scenario = {
  name: "a listener on one address does not take clients of another one",
  run: Effect.fnUntraced(function* ({ a }) {
    const listener = yield* listen(a)
    return yield* tryConnect(a, "127.0.0.2", portOf(listener.address))
  }),
  expected: "Refused"
}
