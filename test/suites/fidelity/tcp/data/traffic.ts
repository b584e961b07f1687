import * as Effect from "effect/Effect"
import { connected, take } from "../../Connections.ts"
import type { Scenario } from "../../Fidelity.ts"

export const scenario: Scenario = {
  name: "counters count the bytes of both directions",
  hosts: "two",
  run: Effect.fnUntraced(function* ({ a, b }) {
    const { far, near } = yield* connected({ a, b })
    yield* near.write("four")
    yield* take(far, 4)
    yield* far.write("seven__")
    yield* take(near, 7)
    return [{ ...near.traffic() }, { ...far.traffic() }]
  }),
  expected: [
    { received: 7, sent: 4, unsent: 0 },
    { received: 4, sent: 7, unsent: 0 }
  ]
}
