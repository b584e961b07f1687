import * as Effect from "effect/Effect"
import { listen, portOf, tryListen } from "../../Connections.ts"
import type { Scenario } from "../../Fidelity.ts"

export const scenario: Scenario = {
  name: "a listener without reusePort does not share the port of one with it",
  run: Effect.fnUntraced(function* ({ a }) {
    const first = yield* listen(a, { reusePort: true })
    return yield* tryListen(a, { ...{}, port: portOf(first.address) })
  }),
  expected: "AddressInUse"
}
