import * as Effect from "effect/Effect"
import { connect, listen, portOf, rest } from "../../Connections.ts"
import type { Scenario } from "../../Fidelity.ts"

export const scenario: Scenario = {
  name: "a connection that its client has reset is accepted, with its data, and then fails",
  run: Effect.fnUntraced(function* ({ a, b, settle }) {
    const listener = yield* listen(b)
    const near = yield* connect(a, b.address, portOf(listener.address))
    yield* near.write("bye")
    yield* settle
    yield* near.abort
    yield* settle
    return yield* rest(yield* listener.accept)
  }),
  expected: "bye<Reset>"
}
