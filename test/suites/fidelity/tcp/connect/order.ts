import * as Effect from "effect/Effect"
import { connect, listen, portOf } from "../../Connections.ts"
import type { Scenario } from "../../Fidelity.ts"

export const scenario: Scenario = {
  name: "connections are accepted in the order in which they were made",
  run: Effect.fnUntraced(function* ({ a, b, settle }) {
    const listener = yield* listen(b)
    const ports: Array<number> = []
    for (let i = 0; i < 8; i++) {
      ports.push(portOf((yield* connect(a, b.address, portOf(listener.address))).local))
      yield* settle
    }
    const accepted: Array<number> = []
    for (let i = 0; i < 8; i++) accepted.push(ports.indexOf(portOf((yield* listener.accept).remote)))
    return accepted
  }),
  expected: [0, 1, 2, 3, 4, 5, 6, 7]
}
