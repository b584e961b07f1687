import * as Effect from "effect/Effect"
import { connect, listen, portOf } from "../../Connections.ts"
import type { Scenario } from "../../Fidelity.ts"

export const scenario: Scenario = {
  name: "a backlog of 1 has room for two connections that were not accepted",
  run: Effect.fnUntraced(function* ({ a, b }) {
    const listener = yield* listen(b, { backlog: 1 })
    const port = portOf(listener.address)
    yield* connect(a, b.address, port)
    yield* connect(a, b.address, port)
    return "connected"
  }),
  expected: "connected"
}
