import * as Effect from "effect/Effect"
import type { Scenario } from "../../Fidelity.ts"
import { open, outcome } from "../../Inbox.ts"

export const scenario: Scenario = {
  name: "a port is free as soon as its socket is closed",
  run: Effect.fnUntraced(function* ({ a }) {
    const { port } = yield* Effect.scoped(open(a))
    return yield* outcome(open(a, { port }))
  }),
  expected: "Success"
}
