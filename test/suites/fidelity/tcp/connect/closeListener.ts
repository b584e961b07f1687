import * as Effect from "effect/Effect"
import { connect, listenFor, portOf, pull, tryConnect } from "../../Connections.ts"
import type { Scenario } from "../../Fidelity.ts"
import { outcome } from "../../Inbox.ts"

export const scenario: Scenario = {
  name: "closing a listener ends a connection that was not accepted",
  run: Effect.fnUntraced(function* ({ a, b, settle }) {
    const { close, it } = yield* listenFor(b)
    const near = yield* connect(a, b.address, portOf(it.address))
    yield* settle
    yield* close
    return [yield* pull(near), yield* outcome(it.accept), yield* tryConnect(a, b.address, portOf(it.address))]
  }),
  expected: ["<Done>", "Closed", "Refused"]
}
