import * as Effect from "effect/Effect"
import type { Scenario } from "../../Fidelity.ts"
import { open, outcome } from "../../Inbox.ts"

export const scenario: Scenario = {
  name: "UDP and TCP have their own ports",
  run: Effect.fnUntraced(function* ({ a }) {
    const { port } = yield* open(a)
    return yield* outcome(a.network.listen({ host: a.address, port }))
  }),
  expected: "Success"
}
