import * as Effect from "effect/Effect"
import { listen, portOf, tryListen } from "../../Connections.ts"
import type { Scenario } from "../../Fidelity.ts"

export const scenario: Scenario = {
  name: "a second wildcard listener fails with AddressInUse",
  run: Effect.fnUntraced(function* ({ a }) {
    const first = yield* listen(a, { host: "0.0.0.0" })
    return yield* tryListen(a, { ...{ host: "0.0.0.0" }, port: portOf(first.address) })
  }),
  expected: "AddressInUse"
}
