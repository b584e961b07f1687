import * as Effect from "effect/Effect"
import { listen, portOf, tryListen } from "../../Connections.ts"
import type { Scenario } from "../../Fidelity.ts"

export const scenario: Scenario = {
  name: "the IPv6 wildcard has the port of the IPv4 wildcard too",
  needs: ["ipv6"],
  run: Effect.fnUntraced(function* ({ a }) {
    const first = yield* listen(a, { host: "::" })
    return yield* tryListen(a, { ...{ host: "0.0.0.0" }, port: portOf(first.address) })
  }),
  expected: "AddressInUse"
}
