import * as Effect from "effect/Effect"
import { listen, portOf, tryListen } from "../../Connections.ts"
import type { Scenario } from "../../Fidelity.ts"

export const scenario: Scenario = {
  name: "a second listener on the same address and port fails with AddressInUse",
  run: Effect.fnUntraced(function* ({ a }) {
    const first = yield* listen(a, {})
    return yield* tryListen(a, { ...{}, port: portOf(first.address) })
  }),
  expected: "AddressInUse"
}
