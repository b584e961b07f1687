import * as Effect from "effect/Effect"
import { listen, portOf, tryListen } from "../../Connections.ts"
import type { Scenario } from "../../Fidelity.ts"

export const scenario: Scenario = {
  name: "an IPv4 address whose port the IPv6 wildcard has is in use",
  needs: ["ipv6"],
  run: Effect.fnUntraced(function* ({ a }) {
    const first = yield* listen(a, { host: "::" })
    return yield* tryListen(a, { ...{ host: "127.0.0.1" }, port: portOf(first.address) })
  }),
  expected: "AddressInUse"
}
