import * as Effect from "effect/Effect"
import { listen, portOf, tryListen } from "../../Connections.ts"
import type { Scenario } from "../../Fidelity.ts"

export const scenario: Scenario = {
  name: "a wildcard and an address share a port with reusePort",
  run: Effect.fnUntraced(function* ({ a }) {
    const first = yield* listen(a, { host: "0.0.0.0", reusePort: true })
    return yield* tryListen(a, { ...{ reusePort: true }, port: portOf(first.address) })
  }),
  expected: "Success"
}
