import * as Effect from "effect/Effect"
import { connect, listen, portOf } from "../../Connections.ts"
import type { Scenario } from "../../Fidelity.ts"

export const scenario: Scenario = {
  name: "connections to one listener have different local ports",
  run: Effect.fnUntraced(function* ({ a, b }) {
    const listener = yield* listen(b)
    const port = portOf(listener.address)
    const all = yield* Effect.all(Array.from({ length: 60 }, () => connect(a, b.address, port)))
    return new Set(all.map(({ local }) => portOf(local))).size
  }),
  expected: 60
}
