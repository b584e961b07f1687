import * as Effect from "effect/Effect"
import { connect, listen, portOf, rest } from "../../Connections.ts"
import type { Scenario } from "../../Fidelity.ts"

export const scenario: Scenario = {
  name: "a client connects and writes before it is accepted",
  run: Effect.fnUntraced(function* ({ a, b, settle }) {
    const listener = yield* listen(b)
    const near = yield* connect(a, b.address, portOf(listener.address))
    yield* near.write("early")
    yield* near.end
    yield* settle
    return yield* rest(yield* listener.accept)
  }),
  expected: "early<Done>"
}
