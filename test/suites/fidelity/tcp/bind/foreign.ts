import * as Effect from "effect/Effect"
import { tryListen } from "../../Connections.ts"
import type { Scenario } from "../../Fidelity.ts"

export const scenario: Scenario = {
  name: "listening on an address of another host fails with AddressNotAvailable",
  needs: ["ipv6"],
  run: Effect.fnUntraced(function* ({ a }) {
    return [yield* tryListen(a, { host: "198.51.100.1" }), yield* tryListen(a, { host: "2001:db8::1" })]
  }),
  expected: ["AddressNotAvailable", "AddressNotAvailable"]
}
