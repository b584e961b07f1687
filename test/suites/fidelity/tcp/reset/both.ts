import * as Effect from "effect/Effect"
import { connected, pull } from "../../Connections.ts"
import type { Scenario } from "../../Fidelity.ts"

export const scenario: Scenario = {
  name: "both ends abort at once",
  run: Effect.fnUntraced(function* ({ a, b }) {
    const { far, near } = yield* connected({ a, b })
    yield* near.abort
    yield* far.abort
    return [yield* pull(near), yield* pull(far)]
  }),
  expected: ["<Closed>", "<Closed>"]
}
