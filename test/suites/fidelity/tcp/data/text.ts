import * as Effect from "effect/Effect"
import { connected, rest } from "../../Connections.ts"
import type { Scenario } from "../../Fidelity.ts"

export const scenario: Scenario = {
  name: "texts are written as UTF-8",
  run: Effect.fnUntraced(function* ({ a, b }) {
    const { far, near } = yield* connected({ a, b })
    yield* near.write("Grüße")
    yield* near.end
    return [(yield* rest(far)).length - "<Done>".length, near.traffic().sent]
  }),
  expected: [7, 7]
}
