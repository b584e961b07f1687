import * as Effect from "effect/Effect"
import { connect, listenFor, portOf, pull } from "../../Connections.ts"
import type { Scenario } from "../../Fidelity.ts"

export const scenario: Scenario = {
  name: "closing a listener resets a connection whose data nobody has read",
  run: Effect.fnUntraced(function* ({ a, b, settle }) {
    const { close, it } = yield* listenFor(b)
    const near = yield* connect(a, b.address, portOf(it.address))
    yield* near.write("unread")
    yield* settle
    yield* close
    return yield* pull(near)
  }),
  expected: "<Reset>"
}
