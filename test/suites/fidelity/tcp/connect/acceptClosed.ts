import * as Effect from "effect/Effect"
import { connect, listen, owned, portOf, rest } from "../../Connections.ts"
import type { Scenario } from "../../Fidelity.ts"

export const scenario: Scenario = {
  name: "a connection that its client has closed is accepted, with its data",
  run: Effect.fnUntraced(function* ({ a, b, settle }) {
    const listener = yield* listen(b)
    const near = yield* owned(connect(a, b.address, portOf(listener.address)))
    yield* near.it.write("bye")
    yield* near.close
    yield* settle
    return yield* rest(yield* listener.accept)
  }),
  expected: "bye<Done>"
}
