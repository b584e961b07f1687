import * as Effect from "effect/Effect"
import { hostOf, listen } from "../../Connections.ts"
import type { Scenario } from "../../Fidelity.ts"

export const scenario: Scenario = {
  name: "listeners report the addresses that they were given",
  needs: ["ipv6"],
  run: Effect.fnUntraced(function* ({ a }) {
    return [
      hostOf((yield* listen(a, { host: "0.0.0.0" })).address),
      hostOf((yield* listen(a, { host: "::" })).address),
      hostOf((yield* listen(a, { host: "::ffff:127.0.0.1" })).address),
      hostOf((yield* listen(a, { host: "0:0::1" })).address)
    ]
  }),
  expected: ["0.0.0.0", "::", "::ffff:127.0.0.1", "::1"]
}
