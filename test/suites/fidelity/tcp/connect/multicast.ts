import * as Effect from "effect/Effect"
import { tryConnect } from "../../Connections.ts"
import type { Scenario } from "../../Fidelity.ts"

export const scenario: Scenario = {
  name: "connecting to a multicast address is Unreachable",
  run: Effect.fnUntraced(function* ({ a }) {
    return [yield* tryConnect(a, "224.0.0.1", 9), yield* tryConnect(a, "239.1.2.3", 9)]
  }),
  expected: ["Unreachable", "Unreachable"]
}
