import * as Effect from "effect/Effect"
import { connected, pull } from "../../Connections.ts"
import type { Scenario } from "../../Fidelity.ts"

export const scenario: Scenario = {
  name: "aborting twice is aborting once",
  run: Effect.fnUntraced(function* ({ a, b }) {
    const { far, near } = yield* connected({ a, b })
    yield* near.abort
    yield* near.abort
    return [yield* pull(far), yield* pull(near)]
  }),
  expected: ["<Reset>", "<Closed>"]
}
