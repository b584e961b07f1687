import * as Effect from "effect/Effect"
import { tryConnect } from "../../Connections.ts"
import type { Scenario } from "../../Fidelity.ts"

export const scenario: Scenario = {
  name: "connecting to port 0 is refused",
  run: Effect.fnUntraced(function* ({ a }) {
    return yield* tryConnect(a, "127.0.0.1", 0)
  }),
  expected: "Refused"
}
