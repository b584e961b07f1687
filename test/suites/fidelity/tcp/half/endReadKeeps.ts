import * as Effect from "effect/Effect"
import { connected, rest, take } from "../../Connections.ts"
import type { Scenario } from "../../Fidelity.ts"

export const scenario: Scenario = {
  name: "data that arrived before endRead are read",
  run: Effect.fnUntraced(function* ({ a, b, settle }) {
    const { far, near } = yield* connected({ a, b })
    yield* near.write("1")
    yield* take(far, 1)
    yield* near.write("23")
    yield* settle
    yield* far.endRead
    return yield* rest(far)
  }),
  expected: "23<Done>"
}
