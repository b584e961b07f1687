import * as Effect from "effect/Effect"
import { tryConnect } from "../../Connections.ts"
import type { Scenario } from "../../Fidelity.ts"

export const scenario: Scenario = {
  name: "connecting to an IPv6 multicast address is Unreachable",
  needs: ["ipv6"],
  run: Effect.fnUntraced(function* ({ a }) {
    return yield* tryConnect(a, "ff02::1", 9)
  }),
  expected: "Unreachable"
}
