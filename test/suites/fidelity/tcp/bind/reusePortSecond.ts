import * as Effect from "effect/Effect"
import { listen, portOf, tryListen } from "../../Connections.ts"
import type { Scenario } from "../../Fidelity.ts"

export const scenario: Scenario = {
  name: "a listener with reusePort does not share the port of one without it",
  run: Effect.fnUntraced(function* ({ a }) {
    const first = yield* listen(a, {})
    return yield* tryListen(a, { ...{ reusePort: true }, port: portOf(first.address) })
  }),
  expected: "AddressInUse"
}
