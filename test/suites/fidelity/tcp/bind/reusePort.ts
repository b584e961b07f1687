import * as Effect from "effect/Effect"
import { listen, portOf, tryListen } from "../../Connections.ts"
import type { Scenario } from "../../Fidelity.ts"

export const scenario: Scenario = {
  name: "two listeners with reusePort share an address",
  run: Effect.fnUntraced(function* ({ a }) {
    const first = yield* listen(a, { reusePort: true })
    return yield* tryListen(a, { ...{ reusePort: true }, port: portOf(first.address) })
  }),
  expected: "Success"
}
