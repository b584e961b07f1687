import * as Effect from "effect/Effect"
import { listen, portOf, tryListen } from "../../Connections.ts"
import type { Scenario } from "../../Fidelity.ts"

export const scenario: Scenario = {
  name: "an address whose port a wildcard listener has is in use",
  run: Effect.fnUntraced(function* ({ a }) {
    const first = yield* listen(a, { host: "0.0.0.0" })
    return yield* tryListen(a, { ...{ host: "127.0.0.1" }, port: portOf(first.address) })
  }),
  expected: "AddressInUse"
}
