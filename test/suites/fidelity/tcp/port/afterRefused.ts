import * as Effect from "effect/Effect"
import { listenFor, portOf, tryConnect, tryListen } from "../../Connections.ts"
import type { Scenario } from "../../Fidelity.ts"

export const scenario: Scenario = {
  name: "a refused connection leaves the port free for a listener",
  run: Effect.fnUntraced(function* ({ a }) {
    const { close, it } = yield* listenFor(a)
    const port = portOf(it.address)
    yield* close
    const refused = new Set<string>()
    for (let i = 0; i < 30; i++) refused.add(yield* tryConnect(a, "127.0.0.1", port))
    return [...refused, yield* tryListen(a, { port })]
  }),
  expected: ["Refused", "Success"]
}
