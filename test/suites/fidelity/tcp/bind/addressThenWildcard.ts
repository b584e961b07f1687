import * as Effect from "effect/Effect"
import { listen, portOf, tryListen } from "../../Connections.ts"
import type { Scenario } from "../../Fidelity.ts"

export const scenario: Scenario = {
  name: "the wildcard is in use if a listener has the port at one address",
  run: Effect.fnUntraced(function* ({ a }) {
    const first = yield* listen(a, {})
    return yield* tryListen(a, { ...{ host: "0.0.0.0" }, port: portOf(first.address) })
  }),
  expected: "AddressInUse"
}
