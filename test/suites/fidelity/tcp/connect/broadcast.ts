import * as Effect from "effect/Effect"
import { listen, portOf, tryConnect } from "../../Connections.ts"
import type { Scenario } from "../../Fidelity.ts"

export const scenario: Scenario = {
  name: "connecting to a broadcast address is Unreachable",
  run: Effect.fnUntraced(function* ({ a }) {
    const listener = yield* listen(a, { host: "0.0.0.0" })
    const port = portOf(listener.address)
    return [yield* tryConnect(a, "255.255.255.255", port), yield* tryConnect(a, "127.255.255.255", port)]
  }),
  expected: ["Unreachable", "Unreachable"]
}
