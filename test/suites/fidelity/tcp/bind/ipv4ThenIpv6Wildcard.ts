import * as Effect from "effect/Effect"
import { listen, portOf, tryListen } from "../../Connections.ts"
import type { Scenario } from "../../Fidelity.ts"

export const scenario: Scenario = {
  name: "the IPv6 wildcard is in use if the IPv4 wildcard has the port",
  needs: ["ipv6"],
  run: Effect.fnUntraced(function* ({ a }) {
    const first = yield* listen(a, { host: "0.0.0.0" })
    return yield* tryListen(a, { ...{ host: "::" }, port: portOf(first.address) })
  }),
  expected: "AddressInUse"
}
