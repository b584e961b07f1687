import * as Effect from "effect/Effect"
import { listen, portOf, tryListen } from "../../Connections.ts"
import type { Scenario } from "../../Fidelity.ts"

export const scenario: Scenario = {
  name: "a third listener needs reusePort too",
  run: Effect.fnUntraced(function* ({ a }) {
    const first = yield* listen(a, { reusePort: true })
    const port = portOf(first.address)
    yield* listen(a, { port, reusePort: true })
    return [yield* tryListen(a, { port, reusePort: true }), yield* tryListen(a, { port })]
  }),
  expected: ["Success", "AddressInUse"]
}
