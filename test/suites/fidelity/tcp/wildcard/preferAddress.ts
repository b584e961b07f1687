import * as Effect from "effect/Effect"
import { connect, listen, portOf } from "../../Connections.ts"
import type { Scenario } from "../../Fidelity.ts"

export const scenario: Scenario = {
  name: "a client reaches the listener on its address before that on the wildcard",
  run: Effect.fnUntraced(function* ({ a }) {
    const wildcard = yield* listen(a, { host: "0.0.0.0", reusePort: true })
    const port = portOf(wildcard.address)
    const exact = yield* listen(a, { port, reusePort: true })
    yield* connect(a, "127.0.0.1", port)
    return yield* Effect.raceFirst(Effect.as(exact.accept, "address"), Effect.as(wildcard.accept, "wildcard"))
  }),
  expected: "address"
}
