import * as Effect from "effect/Effect"
import { listen, portOf } from "../../Connections.ts"
import type { Scenario } from "../../Fidelity.ts"

export const scenario: Scenario = {
  name: "listeners with port 0 get different ports",
  run: Effect.fnUntraced(function* ({ a }) {
    const listeners = yield* Effect.all(Array.from({ length: 60 }, () => listen(a)))
    return new Set(listeners.map(({ address }) => portOf(address))).size
  }),
  expected: 60
}
