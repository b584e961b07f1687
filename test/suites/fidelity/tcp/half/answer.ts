import * as Effect from "effect/Effect"
import { connected, rest } from "../../Connections.ts"
import type { Scenario } from "../../Fidelity.ts"

export const scenario: Scenario = {
  name: "the peer of an ended output still writes",
  hosts: "two",
  run: Effect.fnUntraced(function* ({ a, b }) {
    const { far, near } = yield* connected({ a, b })
    yield* near.write("question")
    yield* near.end
    const question = yield* rest(far)
    yield* far.write("answer")
    yield* far.end
    return [question, yield* rest(near)]
  }),
  expected: ["question<Done>", "answer<Done>"]
}
