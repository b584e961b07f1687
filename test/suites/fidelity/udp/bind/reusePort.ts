import * as Effect from "effect/Effect"
import type { Scenario } from "../../Fidelity.ts"
import { open, outcome } from "../../Inbox.ts"

export const scenario: Scenario = {
  name: "reusePort shares a port only if both sockets set it",
  run: Effect.fnUntraced(function* ({ a }) {
    const shared = (yield* open(a, { reusePort: true })).port
    const own = (yield* open(a)).port
    return {
      both: yield* outcome(open(a, { port: shared, reusePort: true })),
      first: yield* outcome(open(a, { port: shared })),
      second: yield* outcome(open(a, { port: own, reusePort: true }))
    }
  }),
  expected: { both: "Success", first: "AddressInUse", second: "AddressInUse" }
}
