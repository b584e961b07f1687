import * as Effect from "effect/Effect"
import { connected, rest } from "../../Connections.ts"
import type { Scenario } from "../../Fidelity.ts"

export const scenario: Scenario = {
  name: "both ends close at once, and both read all data",
  hosts: "two",
  run: Effect.fnUntraced(function* ({ a, b }) {
    const { far, near } = yield* connected({ a, b })
    yield* near.write("from near")
    yield* far.write("from far")
    yield* near.end
    yield* far.end
    return [yield* rest(near), yield* rest(far)]
  }),
  expected: ["from far<Done>", "from near<Done>"]
}
