import * as Effect from "effect/Effect"
import { connected, rest } from "../../Connections.ts"
import type { Scenario } from "../../Fidelity.ts"
import { outcome } from "../../Inbox.ts"

export const scenario: Scenario = {
  name: "an empty write sends nothing",
  run: Effect.fnUntraced(function* ({ a, b }) {
    const { far, near } = yield* connected({ a, b })
    const results = [yield* outcome(near.write("")), yield* outcome(near.write(new Uint8Array(0)))]
    yield* near.write("x")
    yield* near.end
    return [...results, yield* rest(far), near.traffic().sent]
  }),
  expected: ["Success", "Success", "x<Done>", 1]
}
