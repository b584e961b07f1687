import * as Effect from "effect/Effect"
import { connect, listenFor, portOf, take } from "../../Connections.ts"
import type { Scenario } from "../../Fidelity.ts"

export const scenario: Scenario = {
  name: "connections outlive their listener",
  run: Effect.fnUntraced(function* ({ a, b }) {
    const { close, it } = yield* listenFor(b)
    const near = yield* connect(a, b.address, portOf(it.address))
    const far = yield* it.accept
    yield* close
    yield* near.write("still")
    return yield* take(far, 5)
  }),
  expected: "still"
}
