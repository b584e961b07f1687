import * as Effect from "effect/Effect"
import { connected, portOf, tryListen } from "../../Connections.ts"
import type { Scenario } from "../../Fidelity.ts"

export const scenario: Scenario = {
  name: "the local port of an IPv4 connection is in use for the IPv6 wildcard only",
  needs: ["ipv6"],
  run: Effect.fnUntraced(function* ({ a, b }) {
    const { near } = yield* connected({ a, b })
    const port = portOf(near.local)
    return [yield* tryListen(a, { port, host: "::1" }), yield* tryListen(a, { port, host: "::" })]
  }),
  expected: ["Success", "AddressInUse"]
}
