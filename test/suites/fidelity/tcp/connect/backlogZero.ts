import * as Effect from "effect/Effect"
import { listen, portOf, tryConnect } from "../../Connections.ts"
import type { Scenario } from "../../Fidelity.ts"

export const scenario: Scenario = {
  name: "a backlog of 0 has room for one connection",
  run: Effect.fnUntraced(function* ({ a, b }) {
    const listener = yield* listen(b, { backlog: 0 })
    return yield* tryConnect(a, b.address, portOf(listener.address))
  }),
  expected: "Success"
}
