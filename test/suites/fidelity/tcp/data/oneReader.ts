import * as Effect from "effect/Effect"
import { connected, pull, take } from "../../Connections.ts"
import type { Scenario } from "../../Fidelity.ts"

export const scenario: Scenario = {
  name: "data that arrive between two pulls are returned by the second",
  run: Effect.fnUntraced(function* ({ a, b, settle }) {
    const { far, near } = yield* connected({ a, b })
    yield* near.write("a")
    const first = yield* pull(far)
    yield* near.write("b")
    yield* near.write("c")
    yield* settle
    return [first, yield* take(far, 2)]
  }),
  expected: ["a", "bc"]
}
