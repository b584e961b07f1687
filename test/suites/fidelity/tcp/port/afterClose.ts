import * as Effect from "effect/Effect"
import { listenFor, portOf, tryListen } from "../../Connections.ts"
import type { Scenario } from "../../Fidelity.ts"

export const scenario: Scenario = {
  name: "the port of a closed listener is free",
  run: Effect.fnUntraced(function* ({ a }) {
    const { close, it } = yield* listenFor(a)
    const port = portOf(it.address)
    yield* close
    return yield* tryListen(a, { port })
  }),
  expected: "Success"
}
