import * as Effect from "effect/Effect"
import { connect, listen, portOf, take } from "../../Connections.ts"
import type { Scenario } from "../../Fidelity.ts"

export const scenario: Scenario = {
  name: "a backlog of 1 does not limit connections that are accepted",
  run: Effect.fnUntraced(function* ({ a, b }) {
    const listener = yield* listen(b, { backlog: 1 })
    const port = portOf(listener.address)
    const taken: Array<string> = []
    for (let i = 0; i < 6; i++) {
      const near = yield* connect(a, b.address, port)
      yield* near.write(`${i}`)
      taken.push(yield* take(yield* listener.accept, 1))
    }
    return taken
  }),
  expected: ["0", "1", "2", "3", "4", "5"]
}
