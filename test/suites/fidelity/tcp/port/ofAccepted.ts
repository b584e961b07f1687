import * as Effect from "effect/Effect"
import { connect, listen, listenFor, portOf, take } from "../../Connections.ts"
import type { Scenario } from "../../Fidelity.ts"

export const scenario: Scenario = {
  name: "a listener is replaced while its connections are open",
  run: Effect.fnUntraced(function* ({ a, b }) {
    const { close, it } = yield* listenFor(b)
    const port = portOf(it.address)
    const near = yield* connect(a, b.address, port)
    const far = yield* it.accept
    yield* close
    const again = yield* listen(b, { port })
    yield* near.write("old")
    const second = yield* connect(a, b.address, port)
    yield* second.write("new")
    return [yield* take(far, 3), yield* take(yield* again.accept, 3)]
  }),
  expected: ["old", "new"]
}
