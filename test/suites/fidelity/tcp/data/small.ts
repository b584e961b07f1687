import * as Effect from "effect/Effect"
import { connected, rest } from "../../Connections.ts"
import type { Scenario } from "../../Fidelity.ts"

export const scenario: Scenario = {
  name: "small writes that nobody reads are kept in order",
  run: Effect.fnUntraced(function* ({ a, b, settle }) {
    const { far, near } = yield* connected({ a, b })
    for (let i = 0; i < 100; i++) yield* near.write(`${i};`)
    yield* near.end
    yield* settle
    const text = yield* rest(far)
    return text === `${Array.from({ length: 100 }, (_, i) => `${i};`).join("")}<Done>`
  }),
  expected: true
}
