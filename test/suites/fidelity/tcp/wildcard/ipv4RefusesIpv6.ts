import * as Effect from "effect/Effect"
import { listen, portOf, tryConnect } from "../../Connections.ts"
import type { Scenario } from "../../Fidelity.ts"

export const scenario: Scenario = {
  name: "the IPv4 wildcard refuses IPv6",
  needs: ["ipv6"],
  run: Effect.fnUntraced(function* ({ a }) {
    const listener = yield* listen(a, { host: "0.0.0.0" })
    return yield* tryConnect(a, "::1", portOf(listener.address))
  }),
  expected: "Refused"
}
