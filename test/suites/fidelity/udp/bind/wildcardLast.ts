import * as Effect from "effect/Effect"
import type { Scenario } from "../../Fidelity.ts"
import { open, outcome } from "../../Inbox.ts"

export const scenario: Scenario = {
  name: "0.0.0.0 fails for a port that is taken on one address",
  run: Effect.fnUntraced(function* ({ a }) {
    const { port } = yield* open(a)
    return yield* outcome(open(a, { host: "0.0.0.0", port }))
  }),
  expected: "AddressInUse"
}
