import * as Effect from "effect/Effect"
import type { Scenario } from "../../Fidelity.ts"
import { open, outcome } from "../../Inbox.ts"

export const scenario: Scenario = {
  name: "one port can be bound on two addresses",
  run: Effect.fnUntraced(function* ({ a }) {
    const { port } = yield* open(a)
    return yield* outcome(open(a, { host: "127.0.0.2", port }))
  }),
  expected: "Success"
}
