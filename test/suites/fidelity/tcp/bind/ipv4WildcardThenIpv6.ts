import * as Effect from "effect/Effect"
import { listen, portOf, tryListen } from "../../Connections.ts"
import type { Scenario } from "../../Fidelity.ts"

export const scenario: Scenario = {
  name: "the IPv4 wildcard does not have the port of an IPv6 address",
  needs: ["ipv6"],
  run: Effect.fnUntraced(function* ({ a }) {
    const first = yield* listen(a, { host: "0.0.0.0" })
    return yield* tryListen(a, { ...{ host: "::1" }, port: portOf(first.address) })
  }),
  expected: "Success"
}
