import * as Effect from "effect/Effect"
import type { Scenario } from "../../Fidelity.ts"
import { open, outcome } from "../../Inbox.ts"

export const scenario: Scenario = {
  name: "a second socket on the same address and port fails with AddressInUse",
  run: Effect.fnUntraced(function* ({ a }) {
    const { port } = yield* open(a)
    return yield* outcome(open(a, { port }))
  }),
  expected: "AddressInUse"
}
