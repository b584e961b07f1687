import * as Effect from "effect/Effect"
import { connect, listenFor, portOf, pull, writeUntilFailure } from "../../Connections.ts"
import type { Scenario } from "../../Fidelity.ts"

export const scenario: Scenario = {
  name: "a connection that was not accepted ends with FIN; then writes are answered by RST",
  run: Effect.fnUntraced(function* ({ a, b, settle }) {
    const { close, it } = yield* listenFor(b)
    const near = yield* connect(a, b.address, portOf(it.address))
    yield* settle
    yield* close
    return [yield* pull(near), yield* writeUntilFailure({ settle }, near), yield* pull(near)]
  }),
  expected: ["<Done>", "Reset", "<Done>"]
}
