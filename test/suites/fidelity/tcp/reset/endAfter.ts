import * as Effect from "effect/Effect"
import { connected, pull } from "../../Connections.ts"
import type { Scenario } from "../../Fidelity.ts"

export const scenario: Scenario = {
  name: "end and endRead after abort do nothing",
  run: Effect.fnUntraced(function* ({ a, b, settle }) {
    const { far, near } = yield* connected({ a, b })
    yield* near.abort
    yield* settle
    yield* near.end
    yield* near.endRead
    return [yield* pull(near), yield* pull(far)]
  }),
  expected: ["<Closed>", "<Reset>"]
}
